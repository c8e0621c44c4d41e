"""Requests to the endpoints of a server, and what becomes of each way in which they fail."""

from __future__ import annotations

import json
import time
from concurrent.futures import Future
from contextvars import copy_context
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from tokenauth.client.exceptions import PowerAuthError, PowerAuthErrorCode
from tokenauth.client.extra import of_the_extra

with of_the_extra():
    import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tokenauth.client.configuration import PowerAuthConfiguration

# In bytes: a hundred times what a server of this protocol answers.
LONGEST_ANSWER = 256 * 1024
# To connect, to send, to wait, and to read.
_STEPS = 4


class Transport:
    """POSTs JSON objects, and reads the one that is answered.

    :param http_client: another than one's own: of a proxy, or of certificates. It is not closed here.
    :param timeout: in seconds: to connect, to send, to wait for an answer, and to read all of it.
    """

    def __init__(
        self, configuration: PowerAuthConfiguration, http_client: httpx.Client | None, timeout: float
    ) -> None:
        self._url = configuration.base_endpoint_url
        self._is_own, self._client = http_client is None, http_client
        self._is_closed = False
        self._lock = Lock()
        self._timeout = timeout

    def close(self) -> None:
        """Give the connections back."""
        with self._lock:
            self._is_closed = True
        if self._is_own and self._client is not None:
            self._client.close()

    def post(
        self,
        path: str,
        content: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        is_encrypted: bool = False,
    ) -> Mapping[str, Any]:
        """What the server answers to ``content``: it says that it is ``OK``, unless it is to be encrypted.

        :raises PowerAuthError: ``NETWORK_ERROR``, ``AUTHENTICATION_ERROR`` or ``RESPONSE_ERROR``. Where it
            was sent, and nobody knows what became of it, ``is_outcome_unknown``. ``INVALID_NATIVE_OBJECT``:
            it was closed.
        """
        client = self._connected()
        url = f"{self._url}{path}"
        answer: Future[Mapping[str, Any]] = Future()

        def exchange() -> None:
            try:
                status, text = self._exchange(client, url, content, headers)
                answer.set_result(_members(url, status, text, is_encrypted=is_encrypted))
            except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
                answer.set_exception(error)

        # httpx bounds each wait for the network, and not their sum: headers may come drop by drop, and a name
        # is looked up for as long as the system likes. Who has given up waits for none of that.
        Thread(target=copy_context().run, args=(exchange,), daemon=True).start()
        try:
            return answer.result(_STEPS * self._timeout)
        except TimeoutError as error:
            raise _unanswered(url) from error

    def _connected(self) -> httpx.Client:
        """The client, made when it is first needed: what asks no server needs no proxy that works."""
        with self._lock:
            if self._client is None and not self._is_closed:
                self._client = _client_of_the_environment()
        if self._client is None or self._client.is_closed:
            raise _closed()
        return self._client

    def _exchange(
        self, client: httpx.Client, url: str, content: bytes, headers: Mapping[str, str] | None
    ) -> tuple[int, bytes]:
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            # It is short anyway. Of what was compressed several times, a few hundred octets fill the memory.
            "Accept-Encoding": "identity",
            **(headers or {}),
        }
        try:
            with client.stream(
                "POST",
                url,
                content=content,
                headers=headers,
                timeout=self._timeout,
                follow_redirects=False,
            ) as response:
                return response.status_code, self._read(response)
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            # It let nothing through.
            httpx.ProxyError,
            httpx.UnsupportedProtocol,
            # Of a host's name that can be none: by httpx, or where it is looked up.
            httpx.InvalidURL,
            UnicodeError,
        ) as error:
            reason = str(error) or "it took too long"
            raise PowerAuthError(
                PowerAuthErrorCode.NETWORK_ERROR, f"The server cannot be reached: {url} ({reason})"
            ) from error
        except httpx.TransportError as error:
            raise _unanswered(url) from error
        except RuntimeError as error:
            if not client.is_closed:
                raise
            # Since it was looked at: httpx sends nothing then.
            raise _closed() from error

    def _read(self, response: httpx.Response) -> bytes:
        """The answer's text, which neither fills the memory nor comes drop by drop for ever."""
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise _unreadable(str(response.url), response.status_code)
        deadline = time.monotonic() + self._timeout
        text = b""
        for chunk in response.iter_bytes():
            text += chunk
            if len(text) > LONGEST_ANSWER:
                raise _unreadable(str(response.url), response.status_code)
            if time.monotonic() > deadline:
                raise _unanswered(str(response.url))
        return text


def _client_of_the_environment() -> httpx.Client:
    try:
        return httpx.Client()
    except httpx.InvalidURL:
        # What it quotes, as a port that is none, may be half of a proxy's password.
        raise _unusable("an address is none") from None
    # Of a proxy's scheme, of one that needs another package, and of a file that is not there.
    except (ValueError, ImportError, OSError) as error:
        raise _unusable(str(error)) from error


def _unusable(reason: str) -> PowerAuthError:
    return PowerAuthError(
        PowerAuthErrorCode.WRONG_PARAMETER,
        f"The proxy or the certificates of the environment cannot be used ({reason}). "
        "See HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR.",
    )


def _members(url: str, status: int, text: bytes, *, is_encrypted: bool) -> Mapping[str, Any]:
    try:
        # RecursionError: what is nested without end is no answer either.
        members = json.loads(text)
    except (ValueError, RecursionError):
        members = None
    if status == 200:
        # Whatever stands before the server may answer some object as well, and that is no yes.
        if isinstance(members, dict) and members.get("status", "OK" if is_encrypted else None) == "OK":
            return members
        raise _unreadable(url, status)
    told = members.get("responseObject") if isinstance(members, dict) else None
    code, message = (_word(told, "code"), _word(told, "message")) if isinstance(told, dict) else ("", "")
    of_server = f" ({', '.join(filter(None, [code, message]))})" if code or message else ""
    details: dict[str, Any] = {"http_status": status, "server_code": code, "server_message": message}
    if status == 401:
        raise PowerAuthError(
            PowerAuthErrorCode.AUTHENTICATION_ERROR,
            f"The server refused the signature{of_server}.",
            **details,
        )
    # What failed on its side may have failed after it was done, as may what something in between took for it.
    raise PowerAuthError(
        PowerAuthErrorCode.RESPONSE_ERROR,
        f"The server answered {status}{of_server}: {url}",
        is_outcome_unknown=status >= 500 or status < 300,
        **details,
    )


def _word(members: Mapping[str, Any], name: str) -> str:
    """What the server calls it, as far as it can be shown."""
    value = members.get(name)
    return value[:100] if isinstance(value, str) and value.isprintable() else ""


def _closed() -> PowerAuthError:
    return PowerAuthError(PowerAuthErrorCode.INVALID_NATIVE_OBJECT, "It was closed: make another PowerAuth.")


def _unanswered(url: str) -> PowerAuthError:
    return PowerAuthError(
        PowerAuthErrorCode.NETWORK_ERROR,
        f"The server gave no answer, or not in time: {url}",
        is_outcome_unknown=True,
    )


def _unreadable(url: str, status: int = 0) -> PowerAuthError:
    return PowerAuthError(
        PowerAuthErrorCode.RESPONSE_ERROR,
        f"What was answered is not of a PowerAuth server: {url}",
        http_status=status,
        is_outcome_unknown=True,
    )

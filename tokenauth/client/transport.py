"""Requests to the endpoints of a server, and what becomes of each way in which they fail."""

from __future__ import annotations

import json
import time
from concurrent.futures import Future
from contextvars import copy_context
from threading import Thread
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
        self._is_own = http_client is None
        self._client = http_client or httpx.Client()
        self._timeout = timeout

    def close(self) -> None:
        """Give the connections back."""
        if self._is_own:
            self._client.close()

    def post(self, path: str, content: bytes, headers: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """What the server answers to ``content``.

        :raises PowerAuthError: ``NETWORK_ERROR``, ``AUTHENTICATION_ERROR`` or ``RESPONSE_ERROR``. Where it
            was sent, and nobody knows what became of it, ``is_outcome_unknown``. ``INVALID_NATIVE_OBJECT``:
            it was closed.
        """
        if self._client.is_closed:
            raise PowerAuthError(
                PowerAuthErrorCode.INVALID_NATIVE_OBJECT, "It was closed: make another PowerAuth."
            )
        answer: Future[Mapping[str, Any]] = Future()

        def exchange() -> None:
            try:
                answer.set_result(self._exchange(path, content, headers))
            except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
                answer.set_exception(error)

        # httpx bounds each wait for the network, and not their sum: headers may come drop by drop, and a name
        # is looked up for as long as the system likes. Who has given up waits for none of that.
        Thread(target=copy_context().run, args=(exchange,), daemon=True).start()
        try:
            return answer.result(_STEPS * self._timeout)
        except TimeoutError as error:
            raise _unanswered(f"{self._url}{path}") from error

    def _exchange(self, path: str, content: bytes, headers: Mapping[str, str] | None) -> Mapping[str, Any]:
        url = f"{self._url}{path}"
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            # It is short anyway. Of what was compressed several times, a few hundred octets fill the memory.
            "Accept-Encoding": "identity",
            **(headers or {}),
        }
        try:
            with self._client.stream(
                "POST",
                url,
                content=content,
                headers=headers,
                timeout=self._timeout,
                follow_redirects=False,
            ) as response:
                status, text = response.status_code, self._read(response)
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
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
        return _members(url, status, text)

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


def _members(url: str, status: int, text: bytes) -> Mapping[str, Any]:
    try:
        # RecursionError: what is nested without end is no answer either.
        members = json.loads(text)
    except (ValueError, RecursionError):
        members = None
    if status == 200 and isinstance(members, dict) and members.get("status") != "ERROR":
        return members
    if status == 200:
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

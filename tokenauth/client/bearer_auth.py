"""A JWT on each request of httpx or requests, made and renewed as it is needed."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

try:
    from httpx import Auth as _Auth
except ImportError:

    class _Auth:  # type: ignore[no-redef]
        """For requests alone."""


# Of its lifetime: a token is renewed before it ends, and not in the middle of something.
RENEWED_AFTER = 0.8
# In seconds.
TIMEOUT = 30


class BearerAuthError(Exception):
    """There is no token to be had. ``reason`` is the server's word for why (``invalid_grant``).

    ``status`` is 0 where it gave no answer, or none that can be read: ``reason`` is ``unreachable`` then, or
    ``unreadable``.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"No token was given: {status} {reason}")
        self.status = status
        self.reason = reason

    def __reduce__(self) -> tuple[type[BearerAuthError], tuple[int, str]]:
        return type(self), (self.status, self.reason)


@dataclass(frozen=True, slots=True)
class _Token:
    text: str = field(repr=False)
    renewed_at: float


class BearerAuth(_Auth):
    """``httpx.Client(auth=…)``, ``httpx.AsyncClient(auth=…)``, ``requests.get(url, auth=…)``.

    ``token_url`` is the server's ``/auth/token``. With ``client_secret`` the application acts for itself;
    with ``username`` and ``password`` a person signs in by it; with ``refresh_token`` it goes on where it
    was.
    The token is renewed once 80 % of its lifetime has passed, by one thread for all, and a request that is
    answered with 401 is sent a second time with a new one. Share one object between threads.

    :raises BearerAuthError: by the request that needs it, where no token is given.
    """

    def __init__(
        self,
        token_url: str,
        *,
        client_id: str,
        client_secret: str | None = None,
        username: str | None = None,
        password: str | None = None,
        refresh_token: str | None = None,
        scope: str | None = None,
    ) -> None:
        if not token_url.startswith(("https://", "http://")):
            raise ValueError("token_url must be an http(s) URL.")
        if (username is None) is not (password is None):
            raise ValueError("A username and a password go together.")
        if username is None and client_secret is None and refresh_token is None:
            raise ValueError("Give a client_secret, a username and a password, or a refresh_token.")
        self.token_url = token_url
        self.client_id = client_id
        self.scope = scope
        self._secret, self._username, self._password = client_secret, username, password
        self._refresh_token = refresh_token
        self._token: _Token | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"BearerAuth({self.token_url!r}, client_id={self.client_id!r})"

    def token(self, refused: str | None = None) -> str:
        """The text of a token that is good for now: another than ``refused``, where that is given.

        :raises BearerAuthError: none is given.
        """
        with self._lock:
            token = self._token
            if token is None or token.text == refused or time.monotonic() >= token.renewed_at:
                self._token = token = self._renewed()
            return token.text

    # httpx.

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """What httpx asks."""
        text = self.token()
        request.headers["Authorization"] = f"Bearer {text}"
        response = yield request
        if response.status_code == 401:
            request.headers["Authorization"] = f"Bearer {self.token(refused=text)}"
            yield request

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        """What httpx asks in async code: the loop goes on while a token is renewed."""
        text = await asyncio.to_thread(self.token)
        request.headers["Authorization"] = f"Bearer {text}"
        response = yield request
        if response.status_code == 401:
            text = await asyncio.to_thread(self.token, text)
            request.headers["Authorization"] = f"Bearer {text}"
            yield request

    # requests.

    def __call__(self, request: Any) -> Any:
        """What requests asks."""
        text = self.token()
        request.headers["Authorization"] = f"Bearer {text}"
        start = request.body.tell() if hasattr(request.body, "tell") else None

        def send_again(response: Any, **kwargs: Any) -> Any:
            # Not after a redirect to another host, for which requests has taken the header away.
            presented = response.request.headers.get("Authorization")
            if response.status_code != 401 or presented != f"Bearer {text}":
                return response
            again = response.request.copy()
            if start is not None:
                again.body.seek(start)
            again.headers["Authorization"] = f"Bearer {self.token(refused=text)}"
            # Read to its end, so that the connection can be used for what comes now.
            _ = response.content
            response.close()
            second = response.connection.send(again, **kwargs)
            second.history.append(response)
            second.request = again
            return second

        request.register_hook("response", send_again)
        return request

    def _renewed(self) -> _Token:
        began = time.monotonic()
        members = self._by_refresh_token() or self._anew()
        self._refresh_token = members.get("refresh_token", self._refresh_token)
        return _Token(members["access_token"], began + RENEWED_AFTER * float(members["expires_in"]))

    def _by_refresh_token(self) -> dict[str, Any] | None:
        """What a refresh token is traded for; None where there is none, or not any more and another way."""
        if self._refresh_token is None:
            return None
        try:
            members = self._ask({"grant_type": "refresh_token", "refresh_token": self._refresh_token})
        except BearerAuthError as error:
            if error.reason != "invalid_grant":
                # It was not looked at: the server is busy, or not there, and takes it a moment later.
                raise
            self._refresh_token = None
            if self._username is None and self._secret is None:
                raise
            return None
        self._refresh_token = None
        return members

    def _anew(self) -> dict[str, Any]:
        if self._username is not None and self._password is not None:
            return self._ask(
                {"grant_type": "password", "username": self._username, "password": self._password}
            )
        if self._secret is None:
            raise BearerAuthError(401, "invalid_grant")
        return self._ask({"grant_type": "client_credentials"})

    def _ask(self, members: dict[str, str]) -> dict[str, Any]:
        asked = {**members, "client_id": self.client_id}
        if self._secret is not None:
            asked["client_secret"] = self._secret
        if self.scope is not None:
            asked["scope"] = self.scope
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        request = Request(self.token_url, json.dumps(asked).encode(), headers)  # noqa: S310 - http(s), see above
        try:
            with urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310 - likewise
                return _members(response)
        except HTTPError as error:
            raise BearerAuthError(error.code, _reason(error)) from None
        except (OSError, HTTPException) as error:
            # URLError among them, and what cuts an answer off.
            raise BearerAuthError(0, "unreachable") from error


def _members(response: Any) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.load(response)
        # What is read of it: a page of some proxy's has none of that.
        answer["access_token"], float(answer["expires_in"])
    except (ValueError, KeyError, TypeError) as error:
        raise BearerAuthError(0, "unreadable") from error
    return answer


def _reason(error: HTTPError) -> str:
    try:
        reason = json.load(error)["error"]["reason"]
    except (ValueError, KeyError, TypeError, OSError, HTTPException):
        return error.reason
    return str(reason)

"""A device's header on each request of httpx or requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from tokenauth.client.exceptions import PowerAuthError, PowerAuthErrorCode
from tokenauth.client.extra import of_the_extra
from tokenauth.client.request_headers import PowerAuthHeader, normalized

with of_the_extra():
    import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from tokenauth.client.authentication import PowerAuthAuthentication
    from tokenauth.client.power_auth import PowerAuth

_WITH_QUERY = ("GET", "HEAD", "DELETE")


class PowerAuthTokenAuth(httpx.Auth):
    """``httpx.Client(auth=…)``, ``httpx.AsyncClient(auth=…)``, ``requests.get(url, auth=…)``.

    Each request has a header of its own, which is good once. Share one object between threads.

    Where requests follows a redirect, it has another header to the same server, and none to any other. httpx
    follows none unless it is told to, and sends the header that it has along, to whichever server it is.

    :raises PowerAuthError: by the request, as by ``TokenStore.generate_header_for_token``.
    """

    def __init__(self, power_auth: PowerAuth, token_name: str) -> None:
        self._power_auth, self._token_name = power_auth, token_name

    def __repr__(self) -> str:
        return f"PowerAuthTokenAuth({self._power_auth!r}, {self._token_name!r})"

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """What httpx asks."""
        _put(self._power_auth.token_store.generate_header_for_token(self._token_name), request)
        yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """What httpx asks in asynchronous code."""
        _put(await self._power_auth.token_store.agenerate_header_for_token(self._token_name), request)
        yield request

    def __call__(self, request: Any) -> Any:
        """What requests asks."""
        header = self._power_auth.token_store.generate_header_for_token(self._token_name)
        _put(header, request)

        def renew(request: Any) -> None:
            _put(self._power_auth.token_store.generate_header_for_token(self._token_name), request)

        request.register_hook("response", _at_redirects(request.url, header.key, renew))
        return request


class PowerAuthSignatureAuth(httpx.Auth):
    """Likewise, with a signature of the method, and of the body or the query.

    Send one request after the other: what arrives in another order than it was signed in is refused.

    :param uri_id: what the server's view is called between the two (``signature_uri_id``).
    """

    requires_request_body = True

    def __init__(self, power_auth: PowerAuth, authentication: PowerAuthAuthentication, uri_id: str) -> None:
        self._power_auth, self._authentication, self._uri_id = power_auth, authentication, uri_id

    def __repr__(self) -> str:
        return f"PowerAuthSignatureAuth({self._power_auth!r}, {self._uri_id!r})"

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """What httpx asks."""
        request.read()
        octets = _signed(request.method, request.content, request.url.query.decode("ascii"))
        _put(self._power_auth.request_signature(*self._what(request.method), octets), request)
        yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """What httpx asks in asynchronous code."""
        await request.aread()
        octets = _signed(request.method, request.content, request.url.query.decode("ascii"))
        _put(await self._power_auth.arequest_signature(*self._what(request.method), octets), request)
        yield request

    def __call__(self, request: Any) -> Any:
        """What requests asks."""
        body = request.body or b""
        if isinstance(body, str):
            body = body.encode()
        if not isinstance(body, bytes):
            raise PowerAuthError(
                PowerAuthErrorCode.WRONG_PARAMETER, "What is signed is sent from memory: read the file first."
            )
        octets = _signed(request.method, body, httpx.URL(request.url).query.decode("ascii"))
        header = self._power_auth.request_signature(*self._what(request.method), octets)
        _put(header, request)
        # To the same server it goes along as it is: who redirects has not looked at it.
        request.register_hook("response", _at_redirects(request.url, header.key, lambda request: None))
        return request

    def _what(self, method: str) -> tuple[PowerAuthAuthentication, str, str]:
        return self._authentication, method, self._uri_id


def _put(header: PowerAuthHeader, request: Any) -> None:
    request.headers[header.key] = header.value


def _at_redirects(url: str, key: str, renew: Callable[[Any], None]) -> Callable[..., None]:
    """What requests is to do with the header ``key``, of the server of ``url`` alone, before it follows one.

    It sends all headers along, and asks of each redirect after the first as well, whoever it came from.
    """

    def follow(response: Any, **kwargs: Any) -> None:
        if not response.is_redirect:
            return
        followed = response.request
        if not _is_same_server(url, urljoin(followed.url, response.headers["Location"])):
            followed.headers.pop(key, None)
        elif key in followed.headers:
            renew(followed)

    return follow


def _is_same_server(one: str, other: str) -> bool:
    first, second = httpx.URL(one), httpx.URL(other)
    return (first.scheme, first.host, first.port) == (second.scheme, second.host, second.port)


def _signed(method: str, body: bytes, query: str) -> bytes:
    return body if body or method.upper() not in _WITH_QUERY else normalized(query)

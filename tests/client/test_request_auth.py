"""The header of a device on each request of httpx and requests."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import requests

from tests.client.program import KNOWLEDGE, PIN, POSSESSION
from tokenauth.client import (
    PowerAuthError,
    PowerAuthErrorCode,
    PowerAuthSignatureAuth,
    PowerAuthTokenAuth,
)
from tokenauth.devices.models import Activation
from tokenauth.devices.protocol.headers import SIGNATURE_HEADER, TOKEN_HEADER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django.live_server_helper import LiveServer

    from tokenauth.client import PowerAuth

pytestmark = pytest.mark.django_db(transaction=True)

VALIDATE = "/pa/signature/validate"


@pytest.fixture
def sites(live_server: LiveServer) -> str:
    return f"{live_server.url}/inventory-service/sites"


@pytest.fixture
def validate(live_server: LiveServer) -> str:
    """Where a signature is looked at, of whichever method."""
    return f"{live_server.url}/pa/v3/signature/validate"


@pytest.fixture
def token_auth(power_auth: PowerAuth) -> PowerAuthTokenAuth:
    power_auth.token_store.request_access_token("sites", POSSESSION)
    return PowerAuthTokenAuth(power_auth, "sites")


@pytest.fixture
def signature_auth(power_auth: PowerAuth) -> PowerAuthSignatureAuth:
    return PowerAuthSignatureAuth(power_auth, KNOWLEDGE, VALIDATE)


class Redirecting(HTTPServer):
    """Sends everybody on to ``target``, and keeps the headers of who came."""

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), RedirectingHandler)
        self.target = target
        self.seen: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class RedirectingHandler(BaseHTTPRequestHandler):
    server: Redirecting

    def do_GET(self) -> None:
        self.server.seen.append(self.headers.get(TOKEN_HEADER) or self.headers.get(SIGNATURE_HEADER))
        is_first = len(self.server.seen) == 1
        self.send_response(302 if is_first else 204)
        if is_first:
            self.send_header("Location", self.server.target)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def redirecting() -> Iterator[Callable[[str], Redirecting]]:
    started: list[tuple[Redirecting, threading.Thread]] = []

    def start(target: str) -> Redirecting:
        server = Redirecting(target)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        started.append((server, thread))
        return server

    yield start
    for server, thread in started:
        server.shutdown()
        server.server_close()
        thread.join()


def test_each_request_has_a_header_that_is_good(token_auth: PowerAuthTokenAuth, sites: str) -> None:
    with httpx.Client(auth=token_auth) as client:
        assert [client.get(sites).status_code for _ in range(2)] == [200, 200]
    with requests.Session() as session:
        session.auth = token_auth
        assert [session.get(sites).status_code for _ in range(2)] == [200, 200]

    async def ask() -> list[int]:
        async with httpx.AsyncClient(auth=token_auth) as client:
            return [
                answer.status_code for answer in await asyncio.gather(*(client.get(sites) for _ in range(5)))
            ]

    assert asyncio.run(ask()) == [200] * 5


def test_without_it_there_is_nothing(sites: str, power_auth: PowerAuth) -> None:
    assert httpx.get(sites).status_code == 401
    auth = PowerAuthTokenAuth(power_auth, "none")
    for get in (httpx.get, requests.get):
        with pytest.raises(PowerAuthError) as failed:
            get(sites, auth=auth)
        assert failed.value.code is PowerAuthErrorCode.LOCAL_TOKEN_NOT_AVAILABLE


def test_threads_share_it(token_auth: PowerAuthTokenAuth, sites: str) -> None:
    with httpx.Client(auth=token_auth) as client, ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: client.get(sites).status_code, range(20)))
    assert answers == [200] * 20


def test_a_redirect_to_the_same_server_has_another_header(
    token_auth: PowerAuthTokenAuth, redirecting: Callable[[str], Redirecting]
) -> None:
    server = redirecting("/elsewhere")
    assert requests.get(server.url, auth=token_auth, timeout=10).status_code == 204
    first, second = server.seen
    assert first
    assert second
    assert first != second


def test_another_server_is_sent_no_header(
    token_auth: PowerAuthTokenAuth, redirecting: Callable[[str], Redirecting]
) -> None:
    other = redirecting("/")
    other.seen.append("is not the first")
    server = redirecting(f"{other.url}/elsewhere")
    assert requests.get(server.url, auth=token_auth, timeout=10).status_code == 204
    assert server.seen[0]
    assert other.seen[1:] == [None]


@pytest.mark.parametrize("auth", ["token_auth", "signature_auth"])
@pytest.mark.parametrize("goes_back", [False, True])
def test_nor_by_another_redirect_from_there(
    request: pytest.FixtureRequest, redirecting: Callable[[str], Redirecting], auth: str, goes_back: bool
) -> None:
    """Of the other server's own, or back: who redirects might send whatever it likes by the header."""
    other = redirecting("/again")
    server = redirecting(f"{other.url}/elsewhere")
    if goes_back:
        other.target = f"{server.url}/again"
    answer = requests.get(server.url, auth=request.getfixturevalue(auth), timeout=10)
    assert answer.status_code == 204
    assert server.seen[0]
    assert (other.seen, server.seen[1:]) == (([None], [None]) if goes_back else ([None, None], []))


@pytest.mark.parametrize("is_other", [False, True])
def test_a_signature_follows_to_the_same_server_alone(
    signature_auth: PowerAuthSignatureAuth, redirecting: Callable[[str], Redirecting], is_other: bool
) -> None:
    other = redirecting("/")
    other.seen.append("is not the first")
    server = redirecting(f"{other.url}/elsewhere" if is_other else "/elsewhere")
    assert requests.get(server.url, auth=signature_auth, timeout=10).status_code == 204
    assert server.seen[0]
    assert (other.seen[1:], server.seen[1:]) == (([None], []) if is_other else ([], [server.seen[0]]))


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST", "PUT"])
@pytest.mark.parametrize("library", ["httpx", "requests"])
def test_what_is_sent_is_what_is_signed(
    signature_auth: PowerAuthSignatureAuth, validate: str, method: str, library: str
) -> None:
    has_body = method in ("POST", "PUT")
    sent: dict[str, Any] = {"json": {"amount": "1 €"}} if has_body else {"params": {"b": "ä +&", "a": "1~*"}}
    request = httpx.request if library == "httpx" else requests.request
    assert request(method, validate, auth=signature_auth, **sent).status_code == 200
    assert Activation.objects.get().failed_attempts == 0


def test_another_body_is_refused(power_auth: PowerAuth, validate: str) -> None:
    header = power_auth.request_signature(KNOWLEDGE, "POST", VALIDATE, b"1")
    assert httpx.post(validate, content=b"2", headers={header.key: header.value}).status_code == 401
    header = power_auth.request_signature(KNOWLEDGE, "POST", VALIDATE, "2")
    assert httpx.post(validate, content=b"2", headers={header.key: header.value}).status_code == 200


def test_another_query_is_refused(power_auth: PowerAuth, validate: str) -> None:
    for signed, sent, status in (
        ({"a": "1"}, {"a": "2"}, 401),
        ({"a": "1", "b": "ü"}, {"b": "ü", "a": "1"}, 200),
    ):
        header = power_auth.request_get_signature(KNOWLEDGE, VALIDATE, signed)
        answer = httpx.get(validate, params=sent, headers={header.key: header.value})
        assert answer.status_code == status


def test_asynchronous_requests_are_signed(signature_auth: PowerAuthSignatureAuth, validate: str) -> None:
    async def ask() -> list[int]:
        async with httpx.AsyncClient(auth=signature_auth) as client:
            posted = await client.post(validate, json={"a": 1})
            got = await client.get(validate, params={"a": "1"})
            return [posted.status_code, got.status_code]

    assert asyncio.run(ask()) == [200, 200]


def test_what_is_streamed_from_a_file_is_not_signed(
    signature_auth: PowerAuthSignatureAuth, validate: str
) -> None:
    with pytest.raises(PowerAuthError) as failed:
        requests.post(validate, data=iter([b"1"]), auth=signature_auth, timeout=10)
    assert failed.value.code is PowerAuthErrorCode.WRONG_PARAMETER


def test_neither_shows_a_secret(
    token_auth: PowerAuthTokenAuth, signature_auth: PowerAuthSignatureAuth, power_auth: PowerAuth
) -> None:
    shown = repr(token_auth) + repr(signature_auth) + repr(KNOWLEDGE)
    shown += repr(power_auth.request_signature(KNOWLEDGE, "GET", VALIDATE))
    assert PIN not in shown
    assert "pa_signature" not in shown

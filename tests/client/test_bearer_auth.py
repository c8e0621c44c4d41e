"""``BearerAuth`` against a live server: it has a token when one is needed, and asks for one at a time."""

from __future__ import annotations

import asyncio
import io
import os
import pickle
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from socketserver import BaseRequestHandler, TCPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import requests
from oauth2_provider.models import get_access_token_model

from tests.oauth.conftest import alice, first_party, quick_hasher, quick_keys, service
from tests.oauth.requests import PASSWORD, SECRET, sign_in
from tests.test_documentation import DOCS, example, run
from tokenauth.client import BearerAuth, BearerAuthError, bearer_auth
from tokenauth.oauth import authorizations

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django.live_server_helper import LiveServer

    from testproject.accounts.models import User

__all__ = ["alice", "first_party", "quick_hasher", "quick_keys", "service"]

OAUTH = DOCS / "how-to" / "oauth.md"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def url(live_server: LiveServer) -> str:
    return f"{live_server.url}/inventory-service/sites"


@pytest.fixture
def of_service(live_server: LiveServer, service: Any) -> BearerAuth:
    return BearerAuth(f"{live_server.url}/auth/token", client_id="service", client_secret=SECRET)


@pytest.fixture
def of_alice(live_server: LiveServer, alice: User, first_party: Any) -> BearerAuth:
    return BearerAuth(
        f"{live_server.url}/auth/token", client_id="first-party", username="alice", password=PASSWORD
    )


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The grants that were asked for."""
    grants: list[str] = []
    ask = BearerAuth._ask

    def noted(self: BearerAuth, members: dict[str, str]) -> dict[str, Any]:
        grants.append(members["grant_type"])
        return ask(self, members)

    monkeypatch.setattr(BearerAuth, "_ask", noted)
    return grants


def by_httpx(url: str, auth: BearerAuth) -> int:
    with httpx.Client(trust_env=False) as client:
        return client.get(url, auth=auth).status_code


def by_async_httpx(url: str, auth: BearerAuth) -> int:
    async def get() -> int:
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(url, auth=auth)).status_code

    return asyncio.run(get())


def by_requests(url: str, auth: BearerAuth) -> int:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, auth=auth).status_code


WAYS = pytest.mark.parametrize("get", [by_httpx, by_async_httpx, by_requests])


@WAYS
def test_one_token_serves_many_requests(
    get: Callable[[str, BearerAuth], int], url: str, of_service: BearerAuth, asked: list[str]
) -> None:
    assert [get(url, of_service) for _ in range(3)] == [200, 200, 200]
    assert asked == ["client_credentials"]


@WAYS
def test_it_is_renewed_after_most_of_its_lifetime(
    get: Callable[[str, BearerAuth], int],
    url: str,
    of_alice: BearerAuth,
    asked: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = time.monotonic()

    class Clock:
        now = 0.0
        monotonic = staticmethod(lambda: start + Clock.now)

    monkeypatch.setattr(bearer_auth, "time", Clock)
    statuses = []
    for Clock.now in (0, 2800, 2900, 3000):
        statuses.append(get(url, of_alice))

    assert statuses == [200, 200, 200, 200]
    assert asked == ["password", "refresh_token"]


@WAYS
def test_a_refused_one_is_tried_again_once(
    get: Callable[[str, BearerAuth], int], url: str, of_service: BearerAuth, asked: list[str]
) -> None:
    get(url, of_service)
    get_access_token_model().objects.all().delete()

    assert get(url, of_service) == 200
    assert asked == ["client_credentials"] * 2


@WAYS
def test_a_refusal_that_stays_is_told(
    get: Callable[[str, BearerAuth], int],
    url: str,
    of_service: BearerAuth,
    asked: list[str],
    tokenauth_settings: Callable[..., None],
) -> None:
    tokenauth_settings(OAUTH_AUDIENCE="https://elsewhere.example")
    get(url, of_service)
    tokenauth_settings(OAUTH_AUDIENCE="https://api.example")
    of_service._token = None
    issued = len(asked)

    def refuse(self: BearerAuth, refused: str | None = None) -> str:
        return "eyJ.foo.bar"

    of_service.token = refuse.__get__(of_service)  # type: ignore[method-assign]
    assert get(url, of_service) == 401
    assert len(asked) == issued


def test_what_has_ended_is_begun_anew(url: str, of_alice: BearerAuth, alice: User, asked: list[str]) -> None:
    assert by_httpx(url, of_alice) == 200
    authorizations.end_all_of(alice, "for the test")

    assert by_httpx(url, of_alice) == 200
    assert asked == ["password", "refresh_token", "password"]


def test_a_refresh_token_outlives_a_server_that_is_busy(
    url: str, of_alice: BearerAuth, settings: Any
) -> None:
    of_alice.token()
    application = BearerAuth(
        of_alice.token_url, client_id="first-party", refresh_token=of_alice._refresh_token
    )
    stranger = BearerAuth(of_alice.token_url, client_id="nobody", client_secret="wrong")
    as_it_was = settings.REST_FRAMEWORK
    settings.REST_FRAMEWORK = {**as_it_was, "DEFAULT_THROTTLE_RATES": {"oauth_token_address": "1/hour"}}

    reasons = []
    for auth in (stranger, application):
        with pytest.raises(BearerAuthError) as refused:
            auth.token()
        reasons.append((refused.value.status, refused.value.reason))
    assert reasons == [(401, "invalid_client"), (429, "throttled")]

    settings.REST_FRAMEWORK = as_it_was
    assert by_httpx(url, application) == 200


def test_many_threads_renew_once(url: str, of_alice: BearerAuth, asked: list[str]) -> None:
    with ThreadPoolExecutor(6) as threads:
        statuses = list(threads.map(lambda _: by_requests(url, of_alice), range(6)))
    assert statuses == [200] * 6
    assert asked == ["password"]

    get_access_token_model().objects.all().delete()
    with ThreadPoolExecutor(6) as threads:
        statuses = list(threads.map(lambda _: by_requests(url, of_alice), range(6)))
    assert statuses == [200] * 6
    # Each token that was refused is renewed by one of them.
    assert asked == ["password", "refresh_token"]


def test_a_body_is_sent_a_second_time(live_server: LiveServer, of_service: BearerAuth) -> None:
    of_service.token()
    get_access_token_model().objects.all().delete()
    # No scope for it: what counts is that the second time it is judged for that.
    with requests.Session() as session:
        session.trust_env = False
        body = io.BytesIO(b'{"name": "Depot", "city": "Bremen"}')
        headers = {"Content-Type": "application/json"}
        answer = session.post(
            f"{live_server.url}/inventory-service/sites", data=body, headers=headers, auth=of_service
        )

    assert answer.status_code == 403
    assert [one.status_code for one in answer.history] == [401]
    assert answer.request.headers["Content-Length"] == "35"


def test_no_token_is_an_error_without_secrets(live_server: LiveServer, service: Any) -> None:
    auth = BearerAuth(f"{live_server.url}/auth/token", client_id="service", client_secret="hunter2-hunter2")

    with pytest.raises(BearerAuthError, match="401 invalid_client") as raised:
        auth.token()

    assert raised.value.reason == pickle.loads(pickle.dumps(raised.value)).reason == "invalid_client"  # noqa: S301
    assert "hunter2" not in str(raised.value) + repr(auth)


@WAYS
def test_a_server_that_is_not_there_is_the_same_error(
    get: Callable[[str, BearerAuth], int], url: str, unused_port: int
) -> None:
    auth = BearerAuth(f"http://127.0.0.1:{unused_port}/auth/token", client_id="x", client_secret="hunter2")

    with pytest.raises(BearerAuthError, match="0 unreachable") as raised:
        get(url, auth)

    assert (raised.value.status, raised.value.reason) == (0, "unreachable")
    assert "hunter2" not in str(raised.value)


def test_a_refresh_token_outlives_a_server_that_is_not_there(
    live_server: LiveServer, alice: User, first_party: Any, unused_port: int
) -> None:
    token = sign_in().json()["refresh_token"]
    auth = BearerAuth(
        f"http://127.0.0.1:{unused_port}/auth/token", client_id="first-party", refresh_token=token
    )
    with pytest.raises(BearerAuthError, match="unreachable"):
        auth.token()

    auth.token_url = f"{live_server.url}/auth/token"
    assert auth.token().startswith("eyJ")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\n<html>", "0 unreadable"),
        (b"HTTP/1.0 200 OK\r\n\r\n[]", "0 unreadable"),
        (b"HTTP/1.0 200 OK\r\n\r\n{}", "0 unreadable"),
        (b'HTTP/1.0 200 OK\r\n\r\n{"access_token": "x", "expires_in": null}', "0 unreadable"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 50\r\n\r\n{", "0 unreachable"),
        (b"", "0 unreachable"),
        (b"SSH-2.0", "0 unreachable"),
        (b"HTTP/1.0 502 Bad Gateway\r\n\r\n<html>", "502 Bad Gateway"),
    ],
)
def test_an_answer_that_is_none_is_the_same_error(answer: bytes, error: str) -> None:
    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            self.request.sendall(answer)

    with TCPServer(("127.0.0.1", 0), Handler) as server, ThreadPoolExecutor() as pool:
        served = pool.submit(server.handle_request)
        auth = BearerAuth(f"http://127.0.0.1:{server.server_address[1]}/", client_id="x", client_secret="x")
        with pytest.raises(BearerAuthError, match=error):
            auth.token()
        served.result()


@pytest.mark.parametrize(
    "arguments",
    [{}, {"username": "alice"}, {"token_url": "ftp://x", "client_secret": "x"}],
    ids=["no way", "no password", "no web"],
)
def test_what_cannot_work_is_said_at_once(arguments: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"token_url|password|refresh_token"):
        BearerAuth(**{"token_url": "https://auth.example/auth/token", "client_id": "x", **arguments})  # type: ignore[arg-type]


def test_it_imports_nothing_of_django() -> None:
    code = "import sys, tokenauth.client; sys.exit('django' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603


def test_the_example_of_the_page(
    live_server: LiveServer, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENT_SECRET", SECRET)
    source = example(OAUTH, "a client").replace("https://platform.example.com", live_server.url)
    source = source.replace("your-service", "service").replace("base_url=", "trust_env=False, base_url=")

    assert run(source, os=os)["sites"].status_code == 200

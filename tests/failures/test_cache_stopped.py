"""Redis, as Django's cache, is killed and started again: credentials are judged all the while."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import include, path
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.conftest import bearer
from tests.failures.servers import own_redis
from tests.oauth.requests import make_application
from tokenauth.core.reauthentication import AUTHENTICATED_AT
from tokenauth.throttling import TokenRateThrottle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testproject.accounts.models import User
    from tests.failures.servers import Redis

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

UNKNOWN = "pat_00000000000000000000000000000042VsRc"
PASSWORD = "correct horse battery staple"


class Throttled(APIView):
    throttle_classes = [TokenRateThrottle]
    required_scopes = ["read:sites"]

    def get(self, request: Any) -> Response:
        return Response()


urlpatterns = [path("throttled", Throttled.as_view()), path("", include("testproject.urls"))]


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    with own_redis() as server:
        yield server


@pytest.fixture
def redis(server: Redis, settings: Any, tokenauth_settings: Callable[..., None]) -> Redis:
    """The cache, by which all is limited that can be; nobody fails an hour for want of a share."""
    server.start_if_stopped()
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": f"redis://127.0.0.1:{server.port}",
            "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
        }
    }
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {"token": "2/day"}}
    tokenauth_settings(FAILURE_LIMIT="2/day", LOGIN_SCOPES=["read:sites"])
    cache.clear()
    return server


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


def statuses(
    client: Client, raw: str | None, times: int, path: str = "/throttled", **extra: str
) -> list[int]:
    return [client.get(path, **bearer(str(raw)), **extra).status_code for _ in range(times)]


def messages(caplog: pytest.LogCaptureFixture) -> set[str]:
    return {record.getMessage() for record in caplog.records if record.name == "tokenauth"}


def test_who_has_a_good_credential_is_let_in_meanwhile(
    redis: Redis, client: Client, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    token = alice.generate_access_token("t", ["read:sites"])
    assert statuses(client, token.raw_token, 3) == [200, 200, 429]
    assert messages(caplog) == set()
    redis.stop()
    with caplog.at_level(logging.ERROR, "tokenauth"):
        assert statuses(client, token.raw_token, 3) == [200] * 3
    assert messages(caplog) == {
        "FAILURE_LIMIT limits nothing: the cache failed.",
        "token limits nothing: the cache failed.",
    }
    redis.start()
    assert statuses(client, token.raw_token, 3) == [200, 200, 429]


def test_one_that_hangs_is_waited_for_as_long_as_its_client_is_told(
    redis: Redis, client: Client, alice: User
) -> None:
    token = alice.generate_access_token("t", ["read:sites"])
    redis.hang()
    began = time.monotonic()
    assert statuses(client, token.raw_token, 1) == [200]
    # Asked by FAILURE_LIMIT and by the throttle.
    assert 2 <= time.monotonic() - began < 10
    redis.stop()


def test_who_has_none_is_told_so_and_is_limited_again_afterwards(
    redis: Redis, client: Client, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    key = alice.generate_access_token("k", ["read:sites"], kind="api_key", environment="live")
    assert statuses(client, UNKNOWN, 3) == [401, 401, 429]
    redis.stop()
    assert statuses(client, UNKNOWN, 3) == [401] * 3
    answer = client.get("/inventory-service/sites", HTTP_X_API_KEY=key.raw_token)
    assert answer.status_code == 200
    assert UNKNOWN not in caplog.text
    redis.start()
    assert statuses(client, UNKNOWN, 3) == [401, 401, 429]


def test_a_token_that_has_leaked_is_ended_meanwhile(redis: Redis, client: Client, alice: User) -> None:
    token = alice.generate_access_token("t", ["read:sites"])
    redis.stop()
    answer = client.post("/api/leaks/", {"tokens": [token.raw_token]}, content_type="application/json")
    assert answer.status_code == 202
    assert statuses(client, token.raw_token, 1) == [401]


def test_a_token_is_verified_outside_of_a_request(redis: Redis, alice: User) -> None:
    token = alice.generate_access_token("t")
    redis.stop()
    assert type(token).objects.verify(str(token.raw_token), address="192.0.2.1") == token


def test_nobody_guesses_passwords_meanwhile(redis: Redis, client: Client, alice: User) -> None:
    alice.set_password(PASSWORD)
    alice.save()

    def sign_in(password: str) -> int:
        body = {"username": "alice", "password": password, "device_name": "phone", "scopes": []}
        return client.post("/api/tokens/login/", body, content_type="application/json").status_code

    def grant(password: str) -> int:
        body = {"grant_type": "password", "username": "alice", "password": password, "client_id": "own"}
        return client.post("/auth/token", body, content_type="application/json").status_code

    make_application(
        "own", grants=["password"], first_party=True, client_type="public", scopes=["read:sites"]
    )
    assert [sign_in(PASSWORD), sign_in("a guess")] == [201, 401]
    assert [grant(PASSWORD), grant("a guess")] == [200, 401]
    redis.stop()
    assert [sign_in(PASSWORD), sign_in("a guess")] == [500, 500]
    assert [grant(PASSWORD), grant("a guess")] == [500, 500]
    redis.start()
    assert [sign_in(PASSWORD), sign_in("a guess")] == [201, 401]


def test_nor_by_a_session_that_was_stolen(redis: Redis, client: Client, alice: User) -> None:
    alice.set_password(PASSWORD)
    alice.save()
    client.force_login(alice)
    session = client.session
    del session[AUTHENTICATED_AT]
    session.save()

    def guess() -> Any:
        return client.post("/tokens/new/", {"password": "a guess"})

    assert "The password is wrong." in guess().content.decode()
    redis.stop()
    assert guess().status_code == 500
    assert client.get("/tokens/").status_code == 200

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from rest_framework.authentication import BaseAuthentication
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from tests.conftest import bearer
from tokenauth.authentication import AccessTokenAuthentication, APIKeyAuthentication
from tokenauth.permissions import HasScopes
from tokenauth.throttling import TokenRateThrottle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

    from testproject.accounts.models import User
    from tokenauth.models import AccessToken

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.urls")]

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Throttled(APIView):
    throttle_classes = [TokenRateThrottle]
    required_scopes = ["read:sites"]

    def get(self, request: Any) -> Response:
        return Response()


class Foreign(BaseAuthentication):
    """Another app's: an object without a family, new with each request."""

    user: Any = AnonymousUser()

    def authenticate(self, request: Any) -> tuple[Any, object]:
        return self.user, object()


@pytest.fixture(autouse=True)
def three_a_minute(settings: Any) -> Iterator[None]:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {"token": "3/min"}}
    with time_machine.travel(NOON, tick=False):
        yield


def ask(token: AccessToken) -> Any:
    header = {"HTTP_X_API_KEY": token.raw_token} if token.kind == "api_key" else bearer(token)
    return Throttled.as_view()(APIRequestFactory().get("/", **header))


def statuses(token: AccessToken, times: int) -> list[int]:
    return [ask(token).status_code for _ in range(times)]


def test_a_token_that_is_used_too_often(alice: User) -> None:
    token = alice.generate_access_token("t", ["read:sites"])
    assert statuses(token, 3) == [200] * 3
    answer = ask(token)
    assert answer.status_code == 429
    error = answer.data["error"]
    assert (error["code"], error["reason"]) == ("TOO_MANY_REQUESTS", "throttled")
    assert answer["Retry-After"] == "60"
    assert answer["Cache-Control"] == "no-store"
    with time_machine.travel(NOON.replace(minute=1, second=1), tick=False):
        assert ask(token).status_code == 200


def test_rotating_a_token_does_not_reset_it(alice: User) -> None:
    token = alice.generate_access_token("t", ["read:sites"])
    assert statuses(token, 2) == [200] * 2
    new = token.rotate()
    # Both live while they overlap, and share one count.
    assert statuses(new, 1) == [200]
    assert statuses(new, 1) == statuses(token, 1) == [429]
    # Another token of the same user is another family.
    assert statuses(alice.generate_access_token("other", ["read:sites"]), 1) == [200]


def test_many_at_once_do_not_get_past_it(alice: User) -> None:
    """As the clients of a server are: each in its own thread, all at the same moment."""
    token = alice.generate_access_token("t", ["read:sites"])
    requests = [APIView().initialize_request(APIRequestFactory().get("/")) for _ in range(40)]
    everybody = Barrier(20)

    def allowed(request: Any) -> bool:
        request.auth = token
        everybody.wait(timeout=30)
        return TokenRateThrottle().allow_request(request, Throttled())

    with ThreadPoolExecutor(20) as threads:
        assert sum(threads.map(allowed, requests)) == 3


def test_a_key_likewise(alice: User) -> None:
    key = alice.generate_access_token("t", ["read:sites"], kind="api_key", environment="live")
    assert statuses(key, 4) == [200, 200, 200, 429]


def test_a_person_with_a_session_is_not_throttled(client: Client, alice: User, settings: Any) -> None:
    client.force_login(alice)
    view = Throttled.as_view()
    request = APIRequestFactory().get("/")
    request.session = client.session
    request.user = alice
    assert [view(request).status_code for _ in range(5)] == [200] * 5


def test_another_apps_credential_is_throttled_by_its_user(alice: User, bob: User) -> None:
    def statuses_of(user: Any, times: int, address: str = "192.0.2.1") -> list[int]:
        authenticator = type("OfUser", (Foreign,), {"user": user})
        view = Throttled.as_view(authentication_classes=[authenticator], permission_classes=[])
        requests = [APIRequestFactory().get("/", REMOTE_ADDR=address) for _ in range(times)]
        return [view(request).status_code for request in requests]

    assert statuses_of(alice, 4) == [200, 200, 200, 429]
    assert statuses_of(alice, 1, "192.0.2.2") == [429]
    assert statuses_of(bob, 1) == [200]
    # One that names no user: by where it comes from.
    assert statuses_of(AnonymousUser(), 4) == [200, 200, 200, 429]
    assert statuses_of(AnonymousUser(), 1, "192.0.2.2") == [200]


def test_a_refused_credential_is_not_counted(alice: User) -> None:
    token = alice.generate_access_token("t", ["read:events"])
    assert statuses(token, 5) == [403] * 5


def test_without_a_rate_it_says_so(alice: User, settings: Any) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {}}
    with pytest.raises(ImproperlyConfigured, match="token"):
        ask(alice.generate_access_token("t", ["read:sites"]))


def test_a_subclass_has_a_rate_of_its_own(alice: User) -> None:
    view = Throttled.as_view(
        throttle_classes=[type("Once", (TokenRateThrottle,), {"scope": "once", "rate": "1/min"})],
        authentication_classes=[AccessTokenAuthentication, APIKeyAuthentication],
        permission_classes=[HasScopes],
    )
    token = alice.generate_access_token("t", ["read:sites"])
    requests = [APIRequestFactory().get("/", **bearer(token)) for _ in range(2)]
    assert [view(request).status_code for request in requests] == [200, 429]
    assert ask(token).status_code == 200

"""``FAILURE_LIMIT``: of a client who presents unknown credentials, no more are looked up."""

from __future__ import annotations

import logging
import pickle
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from tests.conftest import bearer
from tokenauth.core import credential
from tokenauth.exceptions import CredentialError, Reason
from tokenauth.models import AccessToken, TokenLogin
from tokenauth.signals import token_rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.test.utils import CaptureQueriesContext
    from rest_framework.test import APIClient

    from testproject.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.urls")]

UNKNOWN = "pat_00000000000000000000000000000042VsRc"


class BrokenCache(LocMemCache):
    def _fail(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionError("the cache is down")

    get = add = incr = _fail


BROKEN = {"default": {"BACKEND": f"{__name__}.BrokenCache"}}


@pytest.fixture
def limited(tokenauth_settings: Callable[..., None]) -> Iterator[None]:
    tokenauth_settings(FAILURE_LIMIT="3/min")
    with time_machine.travel(datetime(2026, 6, 1, 12, 0, 20, tzinfo=UTC), tick=False):
        yield


def reasons(api: Client, raw: str, times: int, **extra: str) -> list[str]:
    """The reasons of as many answers; "" of one that is not refused."""
    answers = [api.get("/who", **bearer(raw), **extra) for _ in range(times)]
    return [answer.json()["error"]["reason"] if answer.status_code != 200 else "" for answer in answers]


@pytest.mark.usefixtures("limited")
def test_a_client_over_its_limit_is_told_when_to_come_back(api: APIClient, alice: User) -> None:
    token = alice.generate_access_token("t")
    assert reasons(api, UNKNOWN, 3) == ["unknown"] * 3
    for raw in (UNKNOWN, token.raw_token or ""):
        answer = api.get("/who", **bearer(raw))
        assert answer.status_code == 429
        assert answer.json() == {
            "error": {
                "code": "TOO_MANY_REQUESTS",
                "message": "Too many unknown credentials came from this address; try again later.",
                "reason": "throttled",
            }
        }
        assert answer["Retry-After"] == "40"
        assert answer["Cache-Control"] == "no-store"
        assert "Authorization" in answer["Vary"]
        assert "WWW-Authenticate" not in answer
    with time_machine.travel(datetime(2026, 6, 1, 12, 1, tzinfo=UTC), tick=False):
        assert reasons(api, token.raw_token or "", 1) == [""]


@pytest.mark.usefixtures("limited")
@pytest.mark.urls("tests.plain_urls")
def test_in_plain_django_likewise(alice: User) -> None:
    client, token = Client(), alice.generate_access_token("t", ["read:sites"])
    path = "/function"
    assert client.get(path, **bearer(token)).status_code == 200
    assert [client.get(path, **bearer(UNKNOWN)).status_code for _ in range(3)] == [401] * 3
    answer = client.get(path, **bearer(token))
    assert (answer.status_code, answer["Retry-After"], answer["Cache-Control"]) == (429, "40", "no-store")
    assert answer.json()["error"]["reason"] == "throttled"
    assert answer.json()["error"]["code"] == "TOO_MANY_REQUESTS"
    assert "WWW-Authenticate" not in answer
    assert "Retry-After" not in Client(REMOTE_ADDR="192.0.2.9").get(path, **bearer(UNKNOWN))


@pytest.mark.usefixtures("limited")
def test_without_the_exception_handler_it_is_a_429_all_the_same(api: APIClient, settings: Any) -> None:
    kept = {key: value for key, value in settings.REST_FRAMEWORK.items() if key != "EXCEPTION_HANDLER"}
    settings.REST_FRAMEWORK = kept
    answers = [api.get("/who", **bearer(UNKNOWN)) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert answers[-1]["Retry-After"] == "40"
    assert answers[-1].data["detail"].code == "throttled"


@pytest.mark.usefixtures("limited")
def test_only_what_is_unknown_counts(api: APIClient, alice: User) -> None:
    revoked, good = alice.generate_access_token("revoked"), alice.generate_access_token("good")
    revoked.revoke()
    assert reasons(api, "pat_junk", 5) == ["malformed"] * 5
    assert reasons(api, revoked.raw_token or "", 5) == ["revoked"] * 5
    assert reasons(api, good.raw_token or "", 5) == [""] * 5
    assert reasons(api, UNKNOWN, 3) == ["unknown"] * 3
    assert reasons(api, UNKNOWN, 1) == ["throttled"]


@pytest.mark.usefixtures("limited")
def test_junk_stays_junk_and_asks_neither_cache_nor_database(
    api: APIClient, settings: Any, django_assert_num_queries: Callable[..., CaptureQueriesContext]
) -> None:
    reasons(api, UNKNOWN, 4)
    settings.CACHES = BROKEN
    settings.TOKENAUTH = {**settings.TOKENAUTH, "RECORD_LOGIN_ATTEMPTS": "none"}
    with django_assert_num_queries(0):
        assert reasons(api, "pat_junk", 1) == ["malformed"]


@pytest.mark.usefixtures("limited")
def test_who_is_refused_costs_no_query(
    api: APIClient,
    tokenauth_settings: Callable[..., None],
    django_assert_num_queries: Callable[..., CaptureQueriesContext],
) -> None:
    tokenauth_settings(RECORD_LOGIN_ATTEMPTS="none")
    reasons(api, UNKNOWN, 3)
    with django_assert_num_queries(0):
        assert reasons(api, UNKNOWN, 1) == ["throttled"]


def test_switched_off_it_does_not_touch_the_cache(api: APIClient, alice: User, settings: Any) -> None:
    settings.CACHES = BROKEN
    with pytest.raises(ConnectionError):
        cache.get("it is broken")
    assert reasons(api, UNKNOWN, 5) == ["unknown"] * 5
    assert reasons(api, alice.generate_access_token("t").raw_token or "", 1) == [""]


@pytest.mark.usefixtures("limited")
def test_while_its_cache_is_down_it_limits_nobody_and_says_so(
    api: APIClient, alice: User, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    token = alice.generate_access_token("t")
    settings.CACHES = BROKEN
    assert reasons(api, UNKNOWN, 5) == ["unknown"] * 5
    assert caplog.record_tuples[0] == (
        "tokenauth",
        logging.ERROR,
        "FAILURE_LIMIT limits nothing: the cache failed.",
    )
    assert reasons(api, token.raw_token or "", 1) == [""]
    assert UNKNOWN not in caplog.text


@pytest.mark.usefixtures("limited")
def test_a_rate_that_is_none_is_not_taken_for_a_cache_that_is_down(
    api: APIClient, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(FAILURE_LIMIT="sixty")
    with pytest.raises(ImproperlyConfigured, match="FAILURE_LIMIT"):
        api.get("/who", **bearer(alice.generate_access_token("t")))


@pytest.mark.usefixtures("limited")
def test_another_client_is_not_refused(api: APIClient) -> None:
    assert reasons(api, UNKNOWN, 4, REMOTE_ADDR="192.0.2.1")[-1] == "throttled"
    assert reasons(api, UNKNOWN, 1, REMOTE_ADDR="192.0.2.2") == ["unknown"]


@pytest.mark.usefixtures("limited")
def test_an_ipv6_client_does_not_get_away_in_its_own_network(api: APIClient) -> None:
    addresses = [f"2001:db8::{host:x}" for host in range(1, 5)]
    seen = [reasons(api, UNKNOWN, 1, REMOTE_ADDR=address)[0] for address in addresses]
    assert seen == ["unknown"] * 3 + ["throttled"]
    assert reasons(api, UNKNOWN, 1, REMOTE_ADDR="2001:db8:0:1::1") == ["unknown"]


@pytest.mark.usefixtures("limited")
def test_a_forged_address_helps_nobody_and_frames_nobody(
    api: APIClient, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(TRUSTED_PROXIES=1)

    def ask(address: str, times: int = 1) -> list[str]:
        return reasons(api, UNKNOWN, times, HTTP_X_FORWARDED_FOR=address, REMOTE_ADDR="10.0.0.1")

    # What the client wrote itself stands left of what the proxy appends.
    forged = [ask(f"198.51.100.{n}, 203.0.113.9")[0] for n in range(4)]
    assert forged == ["unknown"] * 3 + ["throttled"]
    framed = [ask("192.0.2.7, 203.0.113.9")[0] for _ in range(5)]
    assert framed == ["throttled"] * 5
    assert ask("192.0.2.7") == ["unknown"]


@pytest.mark.usefixtures("limited")
def test_without_a_proxy_the_header_says_nothing(api: APIClient) -> None:
    seen = [reasons(api, UNKNOWN, 1, HTTP_X_FORWARDED_FOR=f"198.51.100.{n}")[0] for n in range(4)]
    assert seen == ["unknown"] * 3 + ["throttled"]


@pytest.mark.usefixtures("limited")
def test_all_whose_address_is_not_known_are_one_client(
    api: APIClient, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(TRUSTED_PROXIES=2)
    headers = ["203.0.113.9", "nonsense", "203.0.113.10", ""]
    seen = [reasons(api, UNKNOWN, 1, HTTP_X_FORWARDED_FOR=header)[0] for header in headers]
    assert seen == ["unknown"] * 3 + ["throttled"]


@pytest.mark.usefixtures("limited")
def test_outside_of_a_request_by_the_address_that_is_given(alice: User) -> None:
    def verify(raw: str, **address: str | None) -> Reason:
        with pytest.raises(CredentialError) as refused:
            AccessToken.objects.verify(raw, **address)
        return refused.value.reason

    assert [verify(UNKNOWN) for _ in range(5)] == [Reason.UNKNOWN] * 5
    seen = [verify(UNKNOWN, address="192.0.2.1") for _ in range(4)]
    assert seen == [Reason.UNKNOWN] * 3 + [Reason.THROTTLED]
    token = alice.generate_access_token("t")
    assert verify(token.raw_token or "", address="192.0.2.1") is Reason.THROTTLED
    assert AccessToken.objects.verify(token.raw_token or "") == token
    assert AccessToken.objects.verify(token.raw_token or "", address="192.0.2.2") == token


@pytest.mark.usefixtures("limited")
def test_it_is_one_attempt_in_the_login_log_and_told_to_receivers(api: APIClient) -> None:
    told: list[Any] = []

    def receive(reason: Reason, hint: str, **kwargs: Any) -> None:
        told.append((reason, hint))

    token_rejected.connect(receive)
    try:
        reasons(api, UNKNOWN, 4)
    finally:
        token_rejected.disconnect(receive)
    row = TokenLogin.objects.first()
    assert row is not None
    hint = credential.parse(UNKNOWN).hint
    assert (row.reason, row.hint, row.user, row.token) == ("throttled", hint, None, None)
    assert told[-1] == (Reason.THROTTLED, hint)
    assert len(told) == TokenLogin.objects.count() == 4


def test_the_error_crosses_processes_whole() -> None:
    error = pickle.loads(pickle.dumps(CredentialError(Reason.THROTTLED, retry_after=40)))  # noqa: S301
    assert (error.reason, error.token, error.retry_after) == (Reason.THROTTLED, None, 40)
    assert CredentialError(Reason.UNKNOWN).retry_after is None

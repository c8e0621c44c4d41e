from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError
from django.test import RequestFactory
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework.views import APIView

from tests.conftest import bearer
from tokenauth.authentication import AccessTokenAuthentication
from tokenauth.core import credential, headers, lookup
from tokenauth.models import TokenLogin
from tokenauth.models.access_token import AccessTokenQuerySet
from tokenauth.signals import token_authenticated, token_rejected

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.test import APIClient

    from testproject.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.urls")]


def reason_of(answer: Any) -> str:
    return str(answer.json()["error"]["reason"])


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
@pytest.mark.parametrize("space", [" ", "   "])
def test_the_scheme_is_compared_without_case(api: APIClient, alice: User, scheme: str, space: str) -> None:
    token = alice.generate_access_token("foo")
    assert api.get("/who", HTTP_AUTHORIZATION=f"{scheme}{space}{token.raw_token} ").status_code == 200


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        pytest.param("Bearer", "malformed", id="no token"),
        pytest.param("Bearer ", "malformed", id="no token but a space"),
        pytest.param("Bearer {token} more", "malformed", id="three parts"),
        pytest.param("Bearer {token},{token}", "malformed", id="two tokens"),
        pytest.param("Bearer\t{token}", "malformed", id="a tab"),
        pytest.param("Bearer\0{token}", "malformed", id="NUL after the scheme"),
        pytest.param("Bearer {token}\0", "malformed", id="NUL after the token"),
        pytest.param("Bearer \0", "malformed", id="NUL alone"),
        pytest.param("Bearer {token}\x7f", "malformed", id="a control byte"),
        pytest.param("Bearer {token}\x85", "malformed", id="a control character of Unicode"),
        pytest.param("Bearer \xa0{token}", "malformed", id="a space of Unicode"),
        pytest.param("Bearer \xff\xfe", "malformed", id="non-UTF-8"),
        pytest.param("Bearer pät_", "malformed", id="non-ASCII"),
        pytest.param("Bearer " + "A" * 2**20, "malformed", id="1 MB"),
        pytest.param("Bearer pat_" + "A" * 36, "malformed", id="wrong checksum"),
        pytest.param("Bearer pat_00000000000000000000000000000042VsRc", "unknown", id="unknown"),
        pytest.param("Bearer eyJhbGciOiJub25lIn0.e30.", "malformed", id="a JWT"),
        pytest.param("{token}", "malformed", id="a token without a scheme"),
        pytest.param("Token {token}", "missing", id="another scheme"),
        pytest.param("Token\t{token}", "missing", id="another scheme and a tab"),
        pytest.param("Bearerx {token}", "missing", id="nearly the scheme"),
        pytest.param("Basic {basic}", "missing", id="Basic"),
        pytest.param("A" * 2**20, "missing", id="1 MB of a scheme"),
        pytest.param("\xff", "malformed", id="bytes of no scheme"),
        pytest.param("Tok\0en {token}", "malformed", id="NUL in a scheme"),
        pytest.param("Bearer \ud800", "malformed", id="half a character"),
        pytest.param("", "missing", id="empty"),
        pytest.param("   ", "missing", id="spaces"),
    ],
)
def test_a_header_that_is_no_bearer_token(api: APIClient, alice: User, header: str, reason: str) -> None:
    raw = alice.generate_access_token("foo").raw_token
    basic = base64.b64encode(b"alice:secret").decode()
    answer = api.get("/who", HTTP_AUTHORIZATION=header.format(token=raw, basic=basic))
    assert (answer.status_code, reason_of(answer)) == (401, reason)
    assert answer.json()["error"]["code"] == "UNAUTHORIZED"
    assert TokenLogin.objects.count() == (reason != "missing")


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(max_codepoint=255)), st.sampled_from(["", "Bearer ", "bearer", "Basic "]))
def test_whatever_the_header_holds_the_answer_is_a_401(api: APIClient, value: str, scheme: str) -> None:
    answer = api.get("/who", HTTP_AUTHORIZATION=scheme + value)
    assert answer.status_code == 401
    assert reason_of(answer) in ("missing", "malformed")


@given(st.text(st.characters(max_codepoint=255)), st.text(st.characters(max_codepoint=255)))
def test_whatever_the_headers_hold_they_are_read(authorization: str, key: str) -> None:
    found = headers.presented({"HTTP_AUTHORIZATION": authorization, "HTTP_X_API_KEY": key})
    assert len(found) <= 2
    assert all(one.text not in repr(one) or len(one.text) < 20 for one in found)


@pytest.mark.parametrize(
    ("attribute", "value", "reason"),
    [
        ("expires_at", "2001-01-01T00:00:00Z", "expired"),
        ("created_at", "2001-01-01T00:00:00Z", "unused"),
        ("revoked_at", "2001-01-01T00:00:00Z", "revoked"),
    ],
)
def test_why_is_told_to_who_has_the_right_secret_alone(
    api: APIClient, alice: User, attribute: str, value: str, reason: str
) -> None:
    token = alice.generate_access_token("foo")
    alice.access_tokens.update(**{attribute: value})
    assert reason_of(api.get("/who", **bearer(token))) == reason
    # Well-formed, and all but one character of the secret right.
    raw = token.raw_token or ""
    guess = raw[:10] + ("0" if raw[10] != "0" else "1") + raw[11:-6]
    assert reason_of(api.get("/who", **bearer(guess + credential.checksum(guess)))) == "unknown"


def test_a_key_goes_in_its_own_header(api: APIClient, alice: User) -> None:
    key = alice.generate_access_token("server", ["read:sites"], kind="api_key", environment="live")
    token = alice.generate_access_token("laptop", ["read:sites"])
    answer = api.get("/who", HTTP_X_API_KEY=key.raw_token)
    assert answer.json() == {"user": "alice", "token": key.pk, "same": True}
    for misplaced in (bearer(key), {"HTTP_X_API_KEY": token.raw_token}, {"HTTP_X_API_KEY": "junk"}):
        answer = api.get("/who", **misplaced)
        assert (answer.status_code, reason_of(answer)) == (401, "malformed")


def test_two_credentials_are_ambiguous(api: APIClient, alice: User) -> None:
    key = alice.generate_access_token("server", ["read:sites"], kind="api_key", environment="live").raw_token
    token = alice.generate_access_token("laptop", ["read:sites"])
    for path in ("/who", "/bearer-alone"):
        answer = api.get(path, HTTP_X_API_KEY=key, **bearer(token))
        assert (answer.status_code, reason_of(answer)) == (401, "ambiguous")
    basic = "Basic " + base64.b64encode(b"alice:secret").decode()
    assert api.get("/who", HTTP_X_API_KEY=key, HTTP_AUTHORIZATION=basic).status_code == 200
    assert reason_of(api.get("/who", HTTP_X_API_KEY=key, **bearer("eyJhbGciOiJub25lIn0.e30."))) == "malformed"


def test_a_key_is_nothing_to_a_view_that_takes_none(api: APIClient, alice: User) -> None:
    key = alice.generate_access_token("server", ["read:sites"], kind="api_key", environment="live").raw_token
    answer = api.get("/bearer-alone", HTTP_X_API_KEY=key)
    assert (answer.status_code, reason_of(answer)) == (401, "missing")


def test_the_headers_have_the_names_of_the_settings(
    api: APIClient, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(AUTH_HEADER="X-Access-Token", API_KEY_HEADER="X-Server-Key")
    token = alice.generate_access_token("laptop", ["read:sites"])
    key = alice.generate_access_token("server", ["read:sites"], kind="api_key", environment="live")
    assert api.get("/who", HTTP_X_ACCESS_TOKEN=f"Bearer {token.raw_token}").status_code == 200
    assert api.get("/who", HTTP_X_SERVER_KEY=key.raw_token).status_code == 200
    assert api.get("/who", **bearer(token)).status_code == 401
    assert api.get("/who", HTTP_X_API_KEY=key.raw_token).status_code == 401


def test_a_token_in_the_query_or_the_body_is_never_read(api: APIClient, alice: User) -> None:
    raw = alice.generate_access_token("foo").raw_token
    assert api.get("/who", {"access_token": raw, "token": raw}).status_code == 401
    assert api.post("/who", {"access_token": raw}, format="json").status_code == 401


def test_a_row_of_another_digest_is_not_the_token(
    api: APIClient, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A collation that ignores case, a cache that mixes rows up: the secret is compared all the same.
    other = alice.generate_access_token("other")
    monkeypatch.setattr(AccessTokenQuerySet, "first", lambda self: other)
    header = bearer("pat_00000000000000000000000000000042VsRc")
    assert reason_of(api.get("/who", **header)) == "unknown"


def test_a_plain_request_is_authenticated_too(alice: User) -> None:
    request = RequestFactory().get("/", **bearer(alice.generate_access_token("foo")))
    user, auth = AccessTokenAuthentication().authenticate(request) or (None, None)
    assert (user, auth) == (alice, alice.access_tokens.get())


def test_two_doors_cost_one_query_and_one_row(alice: User, django_assert_num_queries: Any) -> None:
    token = alice.generate_access_token("foo")
    alice.access_tokens.update(last_used_at="2100-01-01T00:00:00Z")
    plain = RequestFactory().get("/", **bearer(token))
    with django_assert_num_queries(1):
        for _ in range(2):
            request = APIView().initialize_request(plain)
            user, auth = AccessTokenAuthentication().authenticate(request) or (None, None)
            assert user == alice
            assert auth == token


@pytest.mark.parametrize("good", [True, False])
def test_each_attempt_is_told_once_and_without_its_text(api: APIClient, alice: User, good: bool) -> None:
    token = alice.generate_access_token("foo")
    if not good:
        alice.access_tokens.update(revoked_at="2001-01-01T00:00:00Z")
    told: list[dict[str, Any]] = []

    def receive(**kwargs: Any) -> None:
        told.append(kwargs)

    for signal in (token_authenticated, token_rejected):
        signal.connect(receive)
    try:
        api.get("/who", **bearer(token))
        api.get("/who")
    finally:
        for signal in (token_authenticated, token_rejected):
            signal.disconnect(receive)
    (one,) = told
    assert one["signal"] is (token_authenticated if good else token_rejected)
    assert one["token"] == token
    assert one["token"].raw_token is None
    assert one["request"].path == "/who"
    if not good:
        assert (one["reason"], one["hint"]) == ("revoked", token.hint)


def test_a_database_that_is_down_is_not_the_clients_fault(
    api: APIClient, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = alice.generate_access_token("foo")

    def fail(*args: object) -> None:
        raise OperationalError("the database is down")

    monkeypatch.setattr(lookup, "find", fail)
    api.raise_request_exception = False
    assert api.get("/who", **bearer(token)).status_code == 500

"""The scenarios of CodeIgniter Shield's own tests, by their numbers; better where Shield is weak.

Not here, for want of a counterpart: H01 to H53 (HMAC), T30 to T32 (a login without a request),
N01b, N02b, N03 (the session filter), N04 (JWT), N05 to N07 (a registry of authenticators), N10.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from testproject.accounts.models import User
from tests.conftest import bearer
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.test import APIClient

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.urls")]

UNKNOWN = "pat_00000000000000000000000000000042VsRc"


@pytest.fixture(autouse=True)
def any_scope(tokenauth_settings: Callable[..., None]) -> None:
    """Shield keeps no registry: its tests take any scope."""
    tokenauth_settings(SCOPES={})


def with_scopes(*scopes: str) -> AccessToken:
    return AccessToken(scopes=list(scopes))


# The token


def test_T01_without_scopes_a_token_can_nothing() -> None:
    assert with_scopes().can("foo") is False


def test_T02_the_wildcard_can_everything() -> None:
    assert with_scopes("*").can("foo") is True
    assert with_scopes("*").can("bar") is True


def test_T03_a_token_can_what_it_holds() -> None:
    assert with_scopes("foo").can("foo") is True
    assert with_scopes("foo").can("bar") is False


def test_T04_without_scopes_a_token_cannot() -> None:
    assert with_scopes().cant("foo") is True


def test_T05_the_wildcard_is_never_unable() -> None:
    assert with_scopes("*").cant("foo") is False
    assert with_scopes("*").cant("bar") is False


def test_T06_a_token_cannot_what_it_does_not_hold() -> None:
    assert with_scopes("foo").cant("foo") is False
    assert with_scopes("foo").cant("bar") is True


# The user


def test_T10_a_generated_token_is_hashed_and_shown_once(alice: User) -> None:
    token = alice.generate_access_token("foo")
    assert token.name == "foo"
    assert token.expires_at is None
    assert token.raw_token is not None
    assert token.secret == hashlib.sha256(token.raw_token.encode()).hexdigest()
    assert token.scopes == ["*"]


def test_T11_tokens_are_listed_in_the_order_they_were_made(alice: User, bob: User) -> None:
    assert list(alice.access_tokens.all()) == []
    first, second = alice.generate_access_token("first"), alice.generate_access_token("second")
    bob.generate_access_token("not hers")
    assert list(alice.access_tokens.all()) == [first, second]


def test_T12_a_token_is_found_by_its_text(alice: User) -> None:
    assert alice.get_access_token("foo") is None
    assert alice.get_access_token(UNKNOWN) is None
    token = alice.generate_access_token("foo")
    assert alice.get_access_token(token.raw_token or "") == token


def test_T13_a_token_is_found_by_its_id(alice: User) -> None:
    assert alice.get_access_token_by_id(123) is None
    token = alice.generate_access_token("foo")
    assert alice.get_access_token_by_id(token.pk) == token


def test_T14_a_token_is_revoked_by_its_text(alice: User) -> None:
    token = alice.generate_access_token("foo")
    assert alice.revoke_access_token(token.raw_token or "") is True
    assert alice.access_tokens.usable().count() == 0


def test_T15_a_token_is_revoked_by_its_digest(alice: User) -> None:
    token = alice.generate_access_token("foo")
    assert alice.revoke_access_token_by_secret(token.secret) is True
    assert alice.access_tokens.usable().count() == 0


def test_T16_all_tokens_are_revoked_at_once(alice: User) -> None:
    alice.generate_access_token("foo")
    alice.generate_access_token("foo")
    assert alice.revoke_all_access_tokens() == 2
    assert alice.access_tokens.usable().count() == 0


def test_T17_without_a_current_token_a_user_can_nothing(alice: User) -> None:
    assert alice.token_can("foo") is False


def test_T18_a_user_can_what_the_current_token_can(alice: User) -> None:
    alice.set_access_token(alice.generate_access_token("foo", ["foo:bar"]))
    assert alice.token_can("foo:bar") is True
    assert alice.token_can("foo:baz") is False


def test_T19_without_a_current_token_a_user_cannot(alice: User) -> None:
    assert alice.token_cant("foo") is True


def test_T20_a_user_cannot_what_the_current_token_cannot(alice: User) -> None:
    alice.set_access_token(alice.generate_access_token("foo", ["foo:bar"]))
    assert alice.token_cant("foo:bar") is False
    assert alice.token_cant("foo:baz") is True


# The authenticator


@pytest.mark.parametrize("others", [0, 1], ids=["T33", "T34"])
def test_the_presented_token_becomes_the_current_one(api: APIClient, alice: User, others: int) -> None:
    token = alice.generate_access_token("presented")
    for number in range(others):
        alice.generate_access_token(f"other {number}")
    assert api.get("/who", **bearer(token)).json() == {"user": "alice", "token": token.pk, "same": True}


def test_T35_no_token_is_a_401_that_names_what_is_missing(api: APIClient) -> None:
    answer = api.get("/who")
    assert answer.status_code == 401
    assert answer.json()["error"]["reason"] == "missing"


def test_T36_an_unknown_token_is_refused(api: APIClient) -> None:
    answer = api.get("/who", **bearer(UNKNOWN))
    assert (answer.status_code, answer.json()["error"]["reason"]) == (401, "unknown")


def test_T37_a_token_unused_for_over_a_year_is_refused(api: APIClient, alice: User) -> None:
    token = alice.generate_access_token("foo")
    ago = timezone.now() - timedelta(days=365, hours=1, minutes=1)
    AccessToken.objects.update(last_used_at=ago, created_at=ago)
    answer = api.get("/who", **bearer(token))
    assert (answer.status_code, answer.json()["error"]["reason"]) == (401, "unused")


def test_T37_within_the_year_it_is_accepted(api: APIClient, alice: User) -> None:
    token = alice.generate_access_token("foo")
    ago = timezone.now() - timedelta(days=364)
    AccessToken.objects.update(last_used_at=ago, created_at=ago)
    assert api.get("/who", **bearer(token)).status_code == 200


def test_T37_a_token_never_used_lapses_by_its_creation(api: APIClient, alice: User) -> None:
    # Shield's never-used tokens live for ever.
    token = alice.generate_access_token("foo")
    AccessToken.objects.update(created_at=timezone.now() - timedelta(days=366))
    answer = api.get("/who", **bearer(token))
    assert (answer.status_code, answer.json()["error"]["reason"]) == (401, "unused")


def test_T38_use_is_noted_at_most_once_an_interval(api: APIClient, alice: User) -> None:
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        token = alice.generate_access_token("foo")
        header, start = bearer(token), timezone.now()
        assert token.last_used_at is None
        for second in (0, 0, 59):
            clock.move_to(start + timedelta(seconds=second))
            assert api.get("/who", **header).status_code == 200
            token.refresh_from_db()
            assert token.last_used_at == start
        clock.move_to(start + timedelta(seconds=60))
        assert api.get("/who", **header).status_code == 200
        token.refresh_from_db()
        assert token.last_used_at == start + timedelta(seconds=60)


def test_T39_the_log_of_a_refusal_keeps_no_raw_value(api: APIClient) -> None:
    # Shield stores "abc123" itself.
    api.get("/who", HTTP_AUTHORIZATION="Bearer abc123")
    row = TokenLogin.objects.get()
    assert (row.id_type, row.success, row.reason) == ("access_token", False, "malformed")
    assert len(row.identifier) == 64
    assert "abc123" not in str(vars(row))


def test_T40_by_default_a_success_leaves_no_row(api: APIClient, alice: User) -> None:
    token = alice.generate_access_token("foo")
    assert api.get("/who", **bearer(token)).json()["token"] == token.pk
    assert TokenLogin.objects.count() == 0


def test_T41_with_all_attempts_recorded_a_success_is_named(
    api: APIClient, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(RECORD_LOGIN_ATTEMPTS="all")
    token = alice.generate_access_token("foo")
    api.get("/who", **bearer(token))
    row = TokenLogin.objects.get()
    assert (row.identifier, row.success, row.reason, row.token, row.user) == ("foo", True, "", token, alice)


def test_T41_with_none_recorded_a_refusal_leaves_no_row(
    api: APIClient, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(RECORD_LOGIN_ATTEMPTS="none")
    api.get("/who", **bearer(UNKNOWN))
    assert TokenLogin.objects.count() == 0


# The filters


def test_T50_a_guarded_route_refuses_and_an_open_one_answers(api: APIClient) -> None:
    assert api.get("/who").status_code == 401
    assert api.get("/open").status_code == 200


def test_T51_a_bearer_token_signs_in(api: APIClient, alice: User) -> None:
    token = alice.generate_access_token("foo", ["read:sites"])
    answer = api.get("/who", **bearer(token))
    assert answer.status_code == 200
    assert answer.json() == {"user": "alice", "token": token.pk, "same": True}


def test_T52_the_use_is_kept_with_the_token_and_the_user_is_not_written(api: APIClient, alice: User) -> None:
    # Shield updates the user's last_active in every request.
    token = alice.generate_access_token("foo")
    before = User.objects.filter(pk=alice.pk).values().get()
    api.get("/who", **bearer(token))
    assert User.objects.filter(pk=alice.pk).values().get() == before
    token.refresh_from_db()
    assert token.last_used_at is not None
    assert token.last_used_ip == "127.0.0.1"


def test_T53_each_token_opens_what_its_scopes_name(api: APIClient, alice: User) -> None:
    reader = alice.generate_access_token("reader", ["read:sites"])
    writer = alice.generate_access_token("writer", ["write:sites"])
    assert api.get("/read-only", **bearer(reader)).status_code == 200
    answer = api.get("/read-only", **bearer(writer))
    assert (answer.status_code, answer.json()["error"]["reason"]) == (403, "insufficient_scope")


def test_T53_every_scope_of_a_route_is_required(api: APIClient, alice: User) -> None:
    # Shield looks at the first alone.
    reader = alice.generate_access_token("reader", ["read:sites"])
    writer = alice.generate_access_token("writer", ["write:sites"])
    both = alice.generate_access_token("both", ["write:sites", "read:sites"])
    assert api.get("/several", **bearer(reader)).status_code == 403
    assert api.get("/several", **bearer(writer)).status_code == 403
    assert api.get("/several", **bearer(both)).status_code == 200


def test_T54_an_inactive_user_is_refused(api: APIClient, alice: User) -> None:
    token = alice.generate_access_token("foo")
    assert api.get("/who", **bearer(token)).status_code == 200
    User.objects.filter(pk=alice.pk).update(is_active=False)
    answer = api.get("/who", **bearer(token))
    assert (answer.status_code, answer.json()["error"]["reason"]) == (401, "user_inactive")


def test_T60_an_anonymous_client_of_the_api_is_not_redirected(api: APIClient) -> None:
    assert api.get("/session-first").status_code == 401
    assert api.get("/open").status_code == 200


def test_T61_a_session_signs_in(api: APIClient, alice: User) -> None:
    api.force_login(alice)
    assert api.get("/session-first").json()["user"] == "alice"


def test_T62_beside_the_session_class_a_token_signs_in(api: APIClient, alice: User) -> None:
    token = alice.generate_access_token("foo")
    answer = api.get("/session-first", **bearer(token)).json()
    assert answer == {"user": "alice", "token": token.pk, "same": True}


def test_N01a_a_route_for_a_group_refuses_an_anonymous_client(api: APIClient) -> None:
    assert api.get("/group").status_code == 401
    assert api.get("/open").status_code == 200


@pytest.mark.parametrize(
    ("group", "status"),
    [pytest.param("inspectors", 200, id="N01c"), pytest.param("beta", 403, id="N01d")],
)
def test_a_route_for_a_group_asks_for_the_group_too(
    api: APIClient, alice: User, group: str, status: int
) -> None:
    alice.groups.add(Group.objects.create(name=group))
    assert api.get("/group", **bearer(alice.generate_access_token("foo"))).status_code == status


def test_N02a_a_route_for_a_permission_refuses_an_anonymous_client(api: APIClient) -> None:
    assert api.get("/permission").status_code == 401
    assert api.get("/open").status_code == 200


@pytest.mark.parametrize(
    ("codename", "status"),
    [pytest.param("view_site", 200, id="N02c"), pytest.param("view_asset", 403, id="N02d")],
)
def test_a_token_never_gives_more_than_the_user_may(
    api: APIClient, alice: User, codename: str, status: int
) -> None:
    alice.user_permissions.add(Permission.objects.get(codename=codename))
    assert api.get("/permission", **bearer(alice.generate_access_token("foo"))).status_code == status


def test_N08_no_two_tokens_have_one_digest(alice: User) -> None:
    token = alice.generate_access_token("foo")
    twin = AccessToken(user=alice, name="twin", secret=token.secret, hint=token.hint)
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save()


def test_N09_a_row_of_the_log_has_a_type(alice: User) -> None:
    with pytest.raises(ValidationError, match="id_type"):
        TokenLogin(success=False).full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        TokenLogin.objects.create(success=False)
    for half in ({"success": True, "reason": "expired"}, {"success": False, "count": 0}):
        with pytest.raises(IntegrityError), transaction.atomic():
            TokenLogin.objects.create(id_type="access_token", **half)

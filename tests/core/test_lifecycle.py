from __future__ import annotations

from datetime import datetime, timedelta
from datetime import timezone as tz
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import connection
from django.dispatch import Signal
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from testproject.accounts.models import User
from tests.conftest import bearer, updates_of_a_revocation
from tokenauth import signals
from tokenauth.models import AccessToken
from tokenauth.signals import token_created, token_revoked

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db


def refused(user: Any, argument: str, *args: Any, **kwargs: Any) -> str:
    """That ``generate`` refuses ``argument`` alone and writes nothing; its message."""
    with pytest.raises(ValidationError) as error:
        AccessToken.objects.generate(user, *args, **kwargs)
    assert list(error.value.message_dict) == [argument]
    assert AccessToken.objects.count() == 0
    return error.value.messages[0]


@pytest.mark.parametrize("name", ["", "   ", "\n", "x" * 256, "x" * 300, "a\0b", "a\nb", "\ud800", None, 7])
def test_a_name_that_is_none(alice: User, name: object) -> None:
    refused(alice, "name", name)


def test_a_name_is_stripped_and_need_not_be_unique(alice: User) -> None:
    assert alice.generate_access_token("  Work Laptop ").name == "Work Laptop"
    assert alice.generate_access_token("Work Laptop").name == "Work Laptop"
    assert alice.generate_access_token("x" * 255 + " ").name == "x" * 255


@pytest.mark.parametrize(
    "scopes", [["read:nothing"], ["read:sites", "READ:SITES"], [""], ["a b"], [None], [1], [["a"]]]
)
def test_scopes_that_are_none(alice: User, scopes: Any) -> None:
    refused(alice, "scopes", "name", scopes)


@pytest.mark.parametrize("scopes", ["read:sites", "*", 7])
def test_scopes_that_are_no_list(alice: User, scopes: Any) -> None:
    assert "list" in refused(alice, "scopes", "name", scopes)


def test_an_unknown_scope_is_answered_with_the_registered_ones(alice: User) -> None:
    assert "read:sites" in refused(alice, "scopes", "name", ["read:site"])


def test_scopes_are_kept_in_order_and_once(alice: User) -> None:
    token = alice.generate_access_token("name", ("write:sites", "read:sites", "write:sites"))
    token.refresh_from_db()
    assert token.scopes == ["write:sites", "read:sites"]
    assert alice.generate_access_token("name", []).scopes == []
    assert alice.generate_access_token("name", (s for s in ["admin"])).scopes == ["admin"]


def test_without_scopes_the_default_is_given(alice: User, tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(DEFAULT_SCOPES=["read:sites"])
    assert alice.generate_access_token("name").scopes == ["read:sites"]


@pytest.mark.parametrize("user", [User(username="unsaved"), User(pk=7), AnonymousUser(), None, "alice", 1])
def test_a_user_that_is_none(db: None, user: Any) -> None:
    refused(user, "user", "name")


def test_an_unsaved_user_has_the_same_answer_through_the_mixin(db: None) -> None:
    with pytest.raises(ValidationError, match="saved user") as error:
        User(username="unsaved").generate_access_token("name")
    assert list(error.value.message_dict) == ["user"]


@pytest.mark.parametrize("maker", [User(username="unsaved"), AnonymousUser(), "alice"])
def test_a_maker_that_is_no_user(alice: User, maker: Any) -> None:
    refused(alice, "created_by", "name", created_by=maker)


def test_who_makes_or_revokes_it_is_kept(alice: User, bob: User) -> None:
    token = AccessToken.objects.generate(alice, "name", created_by=bob)
    assert AccessToken.objects.get(created_by=bob) == token
    for by in (AnonymousUser(), User(username="unsaved"), "bob"):
        with pytest.raises(ValidationError, match="saved user"):
            token.revoke(by=by)
    assert token.revoke(by=bob)
    assert AccessToken.objects.get(revoked_by=bob) == token


def test_what_users_do_with_their_own_tokens_is_kept_as_theirs(alice: User, bob: User) -> None:
    tokens = {name: alice.generate_access_token(name) for name in ("by text", "by secret", "with the rest")}
    by_bob = alice.generate_access_token("by bob", created_by=bob)
    by_a_program = alice.generate_access_token("by a program", created_by=None)
    assert {token.created_by for token in tokens.values()} == {alice}
    assert (by_bob.created_by, by_a_program.created_by) == (bob, None)
    assert alice.revoke_access_token(tokens["by text"].raw_token or "")
    assert alice.revoke_access_token_by_secret(tokens["by secret"].secret)
    assert alice.revoke_all_access_tokens() == 3
    assert AccessToken.objects.filter(revoked_by=alice).count() == 5


def test_an_expiry_in_the_past(alice: User) -> None:
    refused(alice, "expires_at", "name", expires_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.parametrize("hours", [-12, 0, 14])
def test_an_expiry_at_the_end_of_the_calendar(alice: User, hours: int) -> None:
    end = datetime.max.replace(tzinfo=tz(timedelta(hours=hours)))
    refused(alice, "expires_at", "name", expires_at=end)


@pytest.mark.parametrize("expiry", ["2099-01-01", timedelta(days=1), datetime(2099, 1, 1), 7])
def test_an_expiry_that_is_no_aware_datetime(alice: User, expiry: Any) -> None:
    refused(alice, "expires_at", "name", expires_at=expiry)


@pytest.mark.parametrize(
    ("lifetime", "longest", "expected"),
    [
        (None, None, None),
        (timedelta(days=30), None, timedelta(days=30)),
        (None, timedelta(days=90), timedelta(days=90)),
        (timedelta(days=30), timedelta(days=90), timedelta(days=30)),
        (timedelta(days=90), timedelta(days=30), timedelta(days=30)),
    ],
)
def test_an_expiry_that_was_not_asked_for(
    alice: User,
    tokenauth_settings: Callable[..., None],
    lifetime: timedelta | None,
    longest: timedelta | None,
    expected: timedelta | None,
) -> None:
    tokenauth_settings(TOKEN_LIFETIME=lifetime, MAX_TOKEN_LIFETIME=longest)
    token = alice.generate_access_token("name")
    assert (token.expires_at and token.expires_at - token.created_at) == expected


def test_an_expiry_beyond_the_longest_is_refused_and_not_clipped(
    alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(TOKEN_LIFETIME=timedelta(days=1), MAX_TOKEN_LIFETIME=timedelta(days=30))
    refused(alice, "expires_at", "name", expires_at=timezone.now() + timedelta(days=31))
    wanted = timezone.now() + timedelta(days=29)
    assert alice.generate_access_token("name", expires_at=wanted).expires_at == wanted


@pytest.mark.parametrize(
    "networks", [["192.0.2.1/24"], ["anywhere"], [""], [None], [7], "192.0.2.0/24", 7, ["10.0.0.0/8", "x"]]
)
def test_networks_that_are_none(alice: User, networks: Any) -> None:
    refused(alice, "allowed_networks", "name", allowed_networks=networks)


def test_networks_are_normalised(alice: User) -> None:
    token = alice.generate_access_token(
        "name", allowed_networks=["10.0.0.1", "::ffff:10.0.0.1", "2001:DB8::/32"]
    )
    assert token.allowed_networks == ["10.0.0.1/32", "2001:db8::/32"]
    token = alice.generate_access_token("name", allowed_networks=(text for text in ["10.0.0.0/8"]))
    assert token.allowed_networks == ["10.0.0.0/8"]


@pytest.mark.parametrize(
    ("kind", "environment", "argument"),
    [
        ("password", "", "kind"),
        (None, "", "kind"),
        ("personal", "live", "environment"),
        ("api_key", "", "environment"),
        ("api_key", "staging", "environment"),
        ("api_key", None, "environment"),
    ],
)
def test_a_kind_and_its_environment(alice: User, kind: Any, environment: Any, argument: str) -> None:
    refused(alice, argument, "name", kind=kind, environment=environment)


def test_an_api_key(alice: User) -> None:
    key = alice.generate_access_token("server", ["read:sites"], kind="api_key", environment="test")
    assert (key.raw_token or "").startswith("ak_test_")
    assert (key.kind, key.environment) == ("api_key", "test")


def test_an_organization_must_be_the_users(alice: User, tokenauth_settings: Callable[..., None]) -> None:
    refused(alice, "organization", "name", organization="greenfleet")
    refused(alice, "organization", "name", organization=None)
    assert alice.generate_access_token("name", organization="northwind").organization == "northwind"


def test_where_nobody_belongs_anywhere_no_token_does(
    alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(USER_ORGANIZATIONS=None)
    refused(alice, "organization", "name", organization="northwind")


def test_all_that_is_wrong_is_said_at_once(alice: User) -> None:
    with pytest.raises(ValidationError) as error:
        alice.generate_access_token("", ["nonsense"], kind="x", allowed_networks=["x"], organization="x")
    assert set(error.value.message_dict) == {"name", "scopes", "kind", "allowed_networks", "organization"}


def test_making_one_is_told_without_its_text(alice: User) -> None:
    told: list[AccessToken] = []

    def receive(token: AccessToken, **kwargs: Any) -> None:
        told.append(token)

    token_created.connect(receive)
    try:
        token = alice.generate_access_token("name")
    finally:
        token_created.disconnect(receive)
    assert told == [token]
    assert told[0].raw_token is None
    assert token.raw_token not in str(vars(told[0]))


def test_revoking_keeps_the_row_and_says_who_why_and_when(alice: User, bob: User) -> None:
    token = alice.generate_access_token("name")
    assert token.revoke(reason="left in a repository", by=bob) is True
    assert (token.revoked_by, token.revoked_reason, token.status) == (bob, "left in a repository", "revoked")
    first = token.revoked_at
    assert token.revoke(reason="again") is False
    assert (token.revoked_at, token.revoked_reason) == (first, "left in a repository")
    assert AccessToken.objects.get() == token


@pytest.mark.parametrize("reason", ["x" * 256, None, 5, "a\0b"])
def test_a_reason_that_is_none_revokes_nothing(alice: User, reason: Any) -> None:
    token = alice.generate_access_token("name")
    with pytest.raises(ValidationError, match="255"):
        token.revoke(reason=reason)
    token.refresh_from_db()
    assert token.status == "active"


def test_each_revocation_is_told(alice: User, bob: User) -> None:
    told: list[tuple[Any, ...]] = []

    def receive(token: AccessToken, reason: str, by: Any, **kwargs: Any) -> None:
        told.append((token.name, token.status, reason, by))

    alice.generate_access_token("one")
    alice.generate_access_token("two")
    alice.generate_access_token("before").revoke()
    bob.generate_access_token("not hers")
    token_revoked.connect(receive)
    try:
        assert alice.revoke_all_access_tokens() == 2
        AccessToken.objects.get(name="not hers").revoke("why", by=alice)
    finally:
        token_revoked.disconnect(receive)
    assert told == [
        ("one", "revoked", "", alice),
        ("two", "revoked", "", alice),
        ("not hers", "revoked", "why", alice),
    ]


@pytest.mark.urls("tests.urls")
def test_a_receiver_that_fails_changes_nothing(
    alice: User, api: APIClient, caplog: pytest.LogCaptureFixture
) -> None:
    def receive(signal: Signal, **kwargs: Any) -> None:
        raise RuntimeError(f"a receiver of {names[signal]}")

    names = {value: name for name, value in vars(signals).items() if isinstance(value, Signal)}
    for signal in names:
        signal.connect(receive)
    try:
        token = alice.generate_access_token("name", ["read:sites"]).rotate()
        header = bearer(token)
        assert api.get("/who", **header).status_code == 200
        assert token.revoke() is True
        assert api.get("/who", **header).status_code == 401
    finally:
        for signal in names:
            signal.disconnect(receive)
    for name in names.values():
        assert f"a receiver of {name}" in caplog.text


def test_revoking_all_is_one_statement(alice: User) -> None:
    for number in range(5):
        alice.generate_access_token(f"{number}")
    with CaptureQueriesContext(connection) as captured:
        assert alice.revoke_all_access_tokens() == 5
    updates = [query for query in captured.captured_queries if query["sql"].startswith("UPDATE")]
    assert len(updates) == updates_of_a_revocation()

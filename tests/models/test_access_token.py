from __future__ import annotations

import copy
import pickle
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from tokenauth.core.status import has_status
from tokenauth.exceptions import CredentialError, Reason
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

FIXED: dict[str, Any] = {
    "kind": "api_key",
    "environment": "live",
    "organization": "northwind",
    "scopes": ["*"],
    "secret": "0" * 64,
}


@pytest.fixture
def token(alice: User) -> AccessToken:
    return alice.generate_access_token("laptop", ["read:sites"])


def test_its_text_is_known_to_whoever_made_it_alone(token: AccessToken) -> None:
    raw = token.raw_token
    assert raw
    for other in (
        AccessToken.objects.get(),
        copy.copy(token),
        copy.deepcopy(token),
        pickle.loads(pickle.dumps(token)),  # noqa: S301
    ):
        assert other == token
        assert other.raw_token is None
    assert raw.encode() not in pickle.dumps(token)
    for text in (repr(token), str(token), token.secret):
        assert raw not in text
    token.refresh_from_db()
    assert token.raw_token is None


@pytest.mark.parametrize("name", FIXED)
def test_what_is_fixed_is_not_changed_by_save(token: AccessToken, name: str) -> None:
    setattr(token, name, FIXED[name])
    for arguments in ({}, {"update_fields": [name]}):
        with pytest.raises(ValidationError) as error:
            token.save(**arguments)
        assert list(error.value.message_dict) == [name]


def test_its_user_is_not_changed_by_save(token: AccessToken, bob: User) -> None:
    token.user = bob
    for arguments in ({}, {"update_fields": ["user"]}, {"update_fields": ["user_id"]}):
        with pytest.raises(ValidationError, match="does not change"):
            token.save(**arguments)
    token.refresh_from_db()
    assert token.user.username == "alice"


@pytest.mark.parametrize("name", [*FIXED, "user", "user_id"])
def test_what_is_fixed_is_not_changed_by_update(token: AccessToken, alice: User, name: str) -> None:
    value = FIXED.get(name, alice.pk)
    for tokens in (AccessToken.objects, AccessToken.objects.all(), alice.access_tokens):
        with pytest.raises(ValidationError, match="does not change"):
            tokens.update(**{name: value})


@pytest.mark.parametrize("name", [*FIXED, "user"])
def test_what_is_fixed_is_not_changed_by_bulk_update(token: AccessToken, name: str) -> None:
    with pytest.raises(ValidationError, match="does not change"):
        AccessToken.objects.bulk_update([token], ["name", name])


def test_nor_by_an_upsert(token: AccessToken) -> None:
    with pytest.raises(ValidationError, match="does not change"):
        AccessToken.objects.bulk_create(
            [token], update_conflicts=True, update_fields=["scopes"], unique_fields=["secret"]
        )


def test_nor_by_saving_another_under_its_key(token: AccessToken, bob: User) -> None:
    with pytest.raises(ValidationError):
        AccessToken(pk=token.pk, user=bob, name="mine", secret="0" * 64, hint="x").save()


def test_nor_by_the_asynchronous_twins(token: AccessToken) -> None:
    with pytest.raises(ValidationError):
        async_to_sync(AccessToken.objects.all().aupdate)(scopes=["*"])
    token.scopes = ["*"]
    with pytest.raises(ValidationError):
        async_to_sync(token.asave)()


def test_nor_by_the_managers_of_relations(token: AccessToken, bob: User) -> None:
    for change in (bob.access_tokens.add, lambda token: bob.access_tokens.set([token])):
        with pytest.raises(ValidationError, match="does not change"):
            change(AccessToken.objects.get())
    with pytest.raises(ValidationError, match="does not change"):
        AccessToken._base_manager.update(scopes=["*"])
    assert AccessToken.objects.get().user.username == "alice"


class WritesToDefault:
    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"


def test_nor_by_one_that_was_read_elsewhere(token: AccessToken, settings: Any) -> None:
    settings.DATABASE_ROUTERS = [f"{__name__}.WritesToDefault"]
    # As a row that a replica gave; there is no such database here to ask.
    token._state.db = "replica"
    token.name = "desktop"
    token.save()
    token._state.db = "replica"
    token.scopes = ["*"]
    with pytest.raises(ValidationError, match="does not change"):
        token.save()
    assert token.revoke() is True
    assert token.status == "revoked"


def test_what_is_not_fixed_is_changed(token: AccessToken) -> None:
    token.name = "desktop"
    token.user_id = str(token.user_id)
    token.save()
    AccessToken.objects.update(expires_at=timezone.now() + timedelta(days=1))
    token.name = "tablet"
    assert AccessToken.objects.bulk_update([token], ["name"]) == 1
    token.refresh_from_db()
    assert token.name == "tablet"
    assert token.expires_at is not None


@pytest.mark.parametrize(
    "half",
    [
        {"secret": ""},
        {"name": ""},
        {"kind": "api_key"},
        {"environment": "live"},
        {"kind": "something"},
        {"revoked_reason": "because"},
    ],
)
def test_a_half_filled_row_is_refused_by_the_database(alice: User, half: dict[str, Any]) -> None:
    whole = {"user": alice, "name": "n", "secret": "0" * 64, "hint": "pat_0000…0000"}
    with pytest.raises(IntegrityError), transaction.atomic():
        AccessToken.objects.bulk_create([AccessToken(**{**whole, **half})])
    assert AccessToken.objects.bulk_create([AccessToken(**whole)])


@pytest.mark.parametrize(
    ("row", "status"),
    [
        ({}, "active"),
        ({"expires_at": timedelta(days=1)}, "active"),
        ({"expires_at": timedelta(0)}, "expired"),
        ({"expires_at": timedelta(microseconds=1)}, "active"),
        ({"expires_at": timedelta(days=-1)}, "expired"),
        ({"created_at": timedelta(days=-366)}, "unused"),
        ({"created_at": timedelta(days=-366), "last_used_at": timedelta(days=-1)}, "active"),
        ({"created_at": timedelta(days=-800), "last_used_at": timedelta(days=-366)}, "unused"),
        ({"created_at": timedelta(days=-366), "expires_at": timedelta(days=-1)}, "expired"),
        ({"revoked_at": timedelta(0), "expires_at": timedelta(days=-1)}, "revoked"),
    ],
)
def test_its_status_is_the_same_in_python_and_in_sql(
    token: AccessToken, row: dict[str, timedelta], status: str
) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        now = timezone.now()
        AccessToken.objects.update(**{name: now + delta for name, delta in row.items()})
        token.refresh_from_db()
        assert token.status == status
        for one in AccessToken.Status:
            assert AccessToken.objects.filter(has_status(one)).exists() == (one.value == status)
        assert AccessToken.objects.usable().exists() == (status == "active")
        assert token.user.access_tokens.usable().exists() == (status == "active")


def test_without_the_rule_an_unused_token_stays_active(
    token: AccessToken, tokenauth_settings: Callable[..., None]
) -> None:
    AccessToken.objects.update(created_at=timezone.now() - timedelta(days=4000))
    token.refresh_from_db()
    assert token.status == "unused"
    tokenauth_settings(UNUSED_TOKEN_LIFETIME=None)
    assert token.status == "active"
    assert AccessToken.objects.usable().get() == token
    assert not AccessToken.objects.filter(has_status(AccessToken.Status.UNUSED)).exists()


def test_verify_returns_the_token_with_its_user(token: AccessToken, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        verified = AccessToken.objects.verify(token.raw_token or "")
        assert verified.user.username == "alice"
    assert verified == token
    assert verified.user.current_access_token is verified


def test_verify_refuses_and_never_returns_none(token: AccessToken, django_assert_num_queries: Any) -> None:
    raw = token.raw_token or ""
    with django_assert_num_queries(0):
        for junk in ("", "junk", raw[:-1], None):
            with pytest.raises(CredentialError) as refused:
                AccessToken.objects.verify(junk)  # type: ignore[arg-type]
            assert refused.value.reason is Reason.MALFORMED
    token.revoke()
    with pytest.raises(CredentialError) as refused:
        AccessToken.objects.verify(raw)
    assert (refused.value.reason, refused.value.token) == (Reason.REVOKED, token)
    assert raw not in str(refused.value)
    assert TokenLogin.objects.count() == 0


def test_a_refusal_crosses_processes(token: AccessToken) -> None:
    raw = token.raw_token or ""
    token.revoke()
    with pytest.raises(CredentialError) as refused:
        AccessToken.objects.verify(raw)
    for other in (copy.copy(refused.value), pickle.loads(pickle.dumps(refused.value))):  # noqa: S301
        assert (other.reason, other.token, str(other)) == (Reason.REVOKED, token, str(refused.value))


def test_verify_with_an_allowlist_needs_an_address(alice: User) -> None:
    token = alice.generate_access_token("office", allowed_networks=["192.0.2.0/24"])
    raw = token.raw_token or ""
    for address in (None, "198.51.100.1", "nonsense", 5, b"192.0.2.1"):
        with pytest.raises(CredentialError) as refused:
            AccessToken.objects.verify(raw, address=address)
        assert refused.value.reason is Reason.IP_ADDRESS
    assert AccessToken.objects.verify(raw, address="192.0.2.1") == token


def test_a_key_of_another_environment_is_refused(
    alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    raw = alice.generate_access_token("key", [], kind="api_key", environment="test").raw_token or ""
    assert AccessToken.objects.verify(raw).environment == "test"
    tokenauth_settings(ENVIRONMENTS=["live"])
    with pytest.raises(CredentialError) as refused:
        AccessToken.objects.verify(raw)
    assert refused.value.reason is Reason.ENVIRONMENT


def test_a_refusal_says_the_first_of_its_reasons(
    alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    """Revoked, expired, unused, environment, user, address: in this order, each one the next to show."""
    token = alice.generate_access_token(
        "key", [], kind="api_key", environment="test", allowed_networks=["192.0.2.0/24"]
    )
    raw, ago = token.raw_token or "", timezone.now() - timedelta(days=400)
    AccessToken.objects.update(created_at=ago, expires_at=ago, revoked_at=ago)
    tokenauth_settings(ENVIRONMENTS=["live"])
    type(alice).objects.update(is_active=False)

    def reason() -> str:
        try:
            AccessToken.objects.verify(raw, address="198.51.100.1")
        except CredentialError as error:
            return error.reason.value
        return ""

    seen = [reason()]
    for heal in (
        lambda: AccessToken.objects.update(revoked_at=None),
        lambda: AccessToken.objects.update(expires_at=None),
        lambda: AccessToken.objects.update(created_at=timezone.now()),
        lambda: tokenauth_settings(ENVIRONMENTS=["test"]),
        lambda: type(alice).objects.update(is_active=True),
        lambda: AccessToken.objects.bulk_update(
            [AccessToken(pk=token.pk, allowed_networks=[])], ["allowed_networks"]
        ),
    ):
        heal()
        seen.append(reason())
    assert seen == ["revoked", "expired", "unused", "environment", "user_inactive", "ip_address", ""]


def test_deleting_a_user_deletes_the_tokens_and_keeps_the_log(alice: User) -> None:
    token = alice.generate_access_token("name")
    row = TokenLogin.objects.create(id_type="access_token", user=alice, token=token, success=True)
    alice.delete()
    assert AccessToken.objects.count() == 0
    row.refresh_from_db()
    assert (row.user, row.token) == (None, None)


class TestTheMixin:
    def test_another_users_token_is_neither_found_nor_revoked(self, alice: User, bob: User) -> None:
        token = bob.generate_access_token("bob's")
        raw = token.raw_token or ""
        assert alice.get_access_token(raw) is None
        assert alice.get_access_token_by_id(token.pk) is None
        assert alice.revoke_access_token(raw) is False
        assert alice.revoke_access_token_by_secret(token.secret) is False
        assert alice.revoke_all_access_tokens() == 0
        token.refresh_from_db()
        assert token.status == "active"

    def test_a_revoked_token_is_not_found(self, alice: User) -> None:
        token = alice.generate_access_token("name")
        raw = token.raw_token or ""
        assert alice.revoke_access_token(raw) is True
        assert alice.revoke_access_token(raw) is False
        assert alice.get_access_token(raw) is None
        assert alice.get_access_token_by_id(token.pk) is None
        assert list(alice.access_tokens.all()) == [token]

    @pytest.mark.parametrize("pk", ["abc", None, "", 2**70, -1, [], "0", float("inf"), "a\0b"])
    def test_what_is_no_key_finds_nothing(self, alice: User, pk: Any) -> None:
        assert alice.get_access_token_by_id(pk) is None

    @pytest.mark.parametrize("raw", ["", "junk", None, b"bytes", 7])
    def test_junk_finds_nothing_without_a_query(
        self, alice: User, raw: Any, django_assert_num_queries: Any
    ) -> None:
        with django_assert_num_queries(0):
            assert alice.get_access_token(raw) is None
            assert alice.revoke_access_token(raw) is False

    @pytest.mark.parametrize("secret", ["a\0b", "\ud800", "", None, "0" * 63, "A" * 64])
    def test_what_is_no_digest_revokes_nothing_without_a_query(
        self, alice: User, secret: Any, django_assert_num_queries: Any
    ) -> None:
        with django_assert_num_queries(0):
            assert alice.revoke_access_token_by_secret(secret) is False

    def test_a_user_that_is_not_saved_has_none(self, db: None) -> None:
        ghost = get_user_model()(username="ghost")
        raw = "pat_00000000000000000000000000000042VsRc"
        assert ghost.get_access_token(raw) is None
        assert ghost.get_access_token_by_id(1) is None
        assert ghost.revoke_access_token(raw) is False
        assert ghost.revoke_access_token_by_secret("0" * 64) is False
        assert ghost.revoke_all_access_tokens() == 0

    def test_the_asynchronous_twins(self, alice: User) -> None:
        async def walk() -> None:
            token = await alice.agenerate_access_token("name", ["read:sites"])
            raw = token.raw_token or ""
            assert await alice.aget_access_token(raw) == token
            assert await alice.aget_access_token_by_id(token.pk) == token
            assert await AccessToken.objects.averify(raw) == token
            assert await alice.arevoke_access_token(raw) is True
            other = await AccessToken.objects.agenerate(alice, "other")
            assert await alice.arevoke_access_token_by_secret(other.secret) is True
            await alice.agenerate_access_token("last")
            assert await alice.arevoke_all_access_tokens() == 1

        async_to_sync(walk)()


def test_an_instance_from_before_does_not_bring_back_what_has_ended(alice: User, bob: User) -> None:
    revoked, rotated, forever = (alice.generate_access_token(name) for name in ("v", "r", "f"))
    stale = [AccessToken.objects.get(pk=token.pk) for token in (revoked, rotated, forever)]
    revoked.revoke("stolen", by=bob)
    rotated.rotate(timedelta(hours=1))
    for token in stale:
        token.name = "renamed"
        token.save()
    ended = AccessToken.objects.get(pk=revoked.pk)
    assert (ended.name, ended.status, ended.revoked_by, ended.revoked_reason) == (
        "renamed",
        "revoked",
        bob,
        "stolen",
    )
    ends = AccessToken.objects.get(pk=rotated.pk)
    assert (ends.name, ends.rotated_at, ends.expires_at) == (
        "renamed",
        rotated.rotated_at,
        rotated.expires_at,
    )
    # It may still be made to end sooner.
    stale[1].expires_at = timezone.now()
    stale[1].save()
    assert AccessToken.objects.get(pk=rotated.pk).status == "expired"
    assert AccessToken.objects.get(pk=forever.pk).status == "active"

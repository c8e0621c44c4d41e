"""The life of an activation: which step follows which, who may take it, and what it does to tokens."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.utils import timezone

from testproject.accounts.models import User
from tests.devices.device import active_device, application_version
from tokenauth.devices import lifecycle
from tokenauth.devices.exceptions import ActivationConflict
from tokenauth.devices.models import Activation, DeviceApplication, DeviceToken, TemporaryKey
from tokenauth.devices.protocol import activation_code, elliptic_curve
from tokenauth.devices.protocol.octets import decoded
from tokenauth.devices.statuses import NAMES, has_expired, has_status, status_of

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db

Status = Activation.Status


@pytest.fixture
def application(db: None) -> DeviceApplication:
    return application_version().application


def activation_of(user: User, status: Status, **fields: Any) -> Activation:
    _, activation = active_device(user, status=status, **fields)
    return activation


def token_of(activation: Activation) -> DeviceToken:
    return DeviceToken.objects.create(
        activation=activation, secret=b"s" * 16, signature_type="possession_knowledge"
    )


class TestCreate:
    def test_what_is_made(self, alice: User, bob: User, application: DeviceApplication) -> None:
        bob.is_superuser = True
        bob.save()
        now = timezone.now()
        with time_machine.travel(now, tick=False):
            made = lifecycle.create(alice, application, by=bob)
        row = Activation.objects.get()
        assert row == made.activation
        assert (row.user, row.application, row.created_by, row.status) == (
            alice,
            application,
            bob,
            Status.CREATED,
        )
        assert (row.created_at, row.expires_at) == (now, now + timedelta(minutes=5))
        assert not row.commit_at_once
        private = elliptic_curve.private_key(row.server_private_key)
        octets = elliptic_curve.public_octets(private.public_key(), compressed=True)
        assert base64.b64encode(octets).decode() == row.server_public_key
        assert len(bytes.fromhex(row.counter_data)) == 16

    def test_the_code_is_kept_as_a_digest_alone(self, alice: User, application: DeviceApplication) -> None:
        made = lifecycle.create(alice, application)
        columns = Activation.objects.values().get()
        assert made.code not in str(columns)
        assert columns["code_digest"] == lifecycle.digest_of_code(made.code)
        assert made.code not in repr(made)
        assert made.signature not in repr(made)

    def test_the_digest_needs_the_key_of_the_server(self, settings: Any) -> None:
        code = activation_code.new_code()
        before = lifecycle.digest_of_code(code)
        assert before == lifecycle.digest_of_code(code)
        assert before != lifecycle.digest_of_code(activation_code.new_code())
        settings.SECRET_KEY = "another"
        assert lifecycle.digest_of_code(code) != before

    def test_the_code_is_signed_by_the_application(self, alice: User, application: DeviceApplication) -> None:
        made = lifecycle.create(alice, application)
        code, _, signature = made.qr_text.partition("#")
        assert code == made.code
        master = elliptic_curve.public_key(decoded(application.master_public_key, "the key"))
        activation_code.verify(decoded(signature, "the signature"), code, master)

    def test_it_has_what_the_settings_say(
        self, alice: User, application: DeviceApplication, tokenauth_settings: Callable[..., None]
    ) -> None:
        tokenauth_settings(DEVICE_ACTIVATION_LIFETIME=timedelta(hours=1), DEVICE_MAX_FAILED_ATTEMPTS=3)
        row = lifecycle.create(alice, application, commit_at_once=True).activation
        assert row.expires_at == row.created_at + timedelta(hours=1)
        assert (row.max_failed_attempts, row.commit_at_once) == (3, True)

    @pytest.mark.parametrize("user", [None, "alice", User(username="carol")])
    def test_it_is_of_a_saved_user(self, user: Any, application: DeviceApplication) -> None:
        with pytest.raises(ValidationError) as caught:
            lifecycle.create(user, application)
        assert set(caught.value.message_dict) == {"user"}
        assert not Activation.objects.exists()

    def test_a_superusers_is_made_by_superusers_alone(
        self, alice: User, bob: User, application: DeviceApplication
    ) -> None:
        alice.is_superuser = True
        alice.save()
        with pytest.raises(ValidationError, match="superusers alone"):
            lifecycle.create(alice, application, by=bob)
        assert not Activation.objects.exists()
        assert lifecycle.create(alice, application, by=alice).activation.user == alice
        assert lifecycle.create(bob, application, by=alice).activation.user == bob

    @pytest.mark.parametrize("is_active", [True, False])
    def test_one_of_who_may_do_more_is_not_made_while_they_are_inactive(
        self, alice: User, bob: User, application: DeviceApplication, *, is_active: bool
    ) -> None:
        alice.is_active = is_active
        alice.save()
        assert lifecycle.create(alice, application, by=bob).activation.user == alice
        alice.user_permissions.set(Permission.objects.all()[:1])
        with pytest.raises(ValidationError, match="permissions that you do not have"):
            lifecycle.create(User.objects.get(pk=alice.pk), application, by=bob)
        assert Activation.objects.count() == 1


ACTS: dict[str, Callable[..., Activation]] = {
    "commit": lifecycle.commit,
    "block": lifecycle.block,
    "unblock": lifecycle.unblock,
    "remove": lifecycle.remove,
}
ALLOWED = {
    ("commit", Status.PENDING_COMMIT): Status.ACTIVE,
    ("block", Status.ACTIVE): Status.BLOCKED,
    ("unblock", Status.BLOCKED): Status.ACTIVE,
    ("remove", Status.CREATED): Status.REMOVED,
    ("remove", Status.PENDING_COMMIT): Status.REMOVED,
    ("remove", Status.ACTIVE): Status.REMOVED,
    ("remove", Status.BLOCKED): Status.REMOVED,
}


@pytest.mark.parametrize("status", Status, ids=lambda status: status.name.lower())
@pytest.mark.parametrize("act", ACTS)
def test_which_step_follows_which(act: str, status: Status, alice: User) -> None:
    activation = activation_of(alice, status)
    if (act, status) in ALLOWED:
        assert ACTS[act](activation).status == ALLOWED[act, status]
        assert Activation.objects.get().status == ALLOWED[act, status]
        return
    with pytest.raises(ActivationConflict) as caught:
        ACTS[act](activation)
    assert caught.value.reason == status.name.lower()
    assert Activation.objects.get().status == status


@pytest.mark.parametrize("act", ACTS)
def test_it_is_judged_by_what_the_row_is_by_now(act: str, alice: User) -> None:
    activation = activation_of(alice, next(status for a, status in ALLOWED if a == act))
    Activation.objects.update(status=Status.REMOVED)
    with pytest.raises(ActivationConflict) as caught:
        ACTS[act](activation)
    assert caught.value.reason == "removed"


@pytest.mark.parametrize("act", ACTS)
def test_what_was_pruned_meanwhile_is_as_removed(act: str, alice: User) -> None:
    activation = activation_of(alice, Status.ACTIVE)
    Activation.objects.all().delete()
    with pytest.raises(ActivationConflict) as caught:
        ACTS[act](activation)
    assert caught.value.reason == "removed"


@pytest.mark.parametrize("act", ACTS)
def test_a_superusers_device_is_changed_by_superusers_alone(act: str, alice: User, bob: User) -> None:
    alice.is_superuser = True
    alice.save()
    status = next(status for a, status in ALLOWED if a == act)
    activation = activation_of(alice, status)
    with pytest.raises(ValidationError, match="superusers alone"):
        ACTS[act](activation, by=bob)
    assert Activation.objects.get().status == status
    assert ACTS[act](activation, by=alice).status == ALLOWED[act, status]


@pytest.mark.parametrize("act", ACTS)
def test_what_the_device_wrote_meanwhile_stays(
    act: str, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    activation = activation_of(alice, next(status for a, status in ALLOWED if a == act))
    used = timezone.now().replace(microsecond=0)
    check = lifecycle.authority.check_device_changer

    def check_while_it_is_used(*given: Any) -> None:
        # By a token, which takes no lock.
        Activation.objects.update(last_used_at=used)
        check(*given)

    monkeypatch.setattr(lifecycle.authority, "check_device_changer", check_while_it_is_used)
    ACTS[act](activation, by=alice)
    assert Activation.objects.get().last_used_at == used


class TestExpiry:
    def test_what_waited_too_long_is_not_committed(self, alice: User) -> None:
        now = timezone.now()
        activation = activation_of(alice, Status.PENDING_COMMIT, expires_at=now)
        with time_machine.travel(now, tick=False), pytest.raises(ActivationConflict) as caught:
            lifecycle.commit(activation)
        assert caught.value.reason == "expired"
        with time_machine.travel(now - timedelta(seconds=1), tick=False):
            assert lifecycle.commit(activation).status == Status.ACTIVE

    @pytest.mark.parametrize("status", [Status.CREATED, Status.PENDING_COMMIT])
    def test_it_can_be_removed(self, status: Status, alice: User) -> None:
        activation = activation_of(alice, status, expires_at=timezone.now() - timedelta(days=1))
        assert status_of(activation) == "expired"
        assert lifecycle.remove(activation).status == Status.REMOVED

    @pytest.mark.parametrize("status", [Status.ACTIVE, Status.BLOCKED, Status.REMOVED])
    def test_it_ends_nothing_that_was_committed(self, status: Status, alice: User) -> None:
        activation = activation_of(alice, status, expires_at=timezone.now() - timedelta(days=1))
        assert status_of(activation) == status.name.lower()
        assert not has_expired(activation)

    @pytest.mark.parametrize("is_over", [True, False])
    @pytest.mark.parametrize("status", Status, ids=lambda status: status.name.lower())
    def test_it_is_found_by_the_status_that_is_shown(
        self, status: Status, is_over: bool, alice: User
    ) -> None:
        now = timezone.now()
        expires_at = now if is_over else now + timedelta(seconds=1)
        activation = activation_of(alice, status, expires_at=expires_at)
        with time_machine.travel(now, tick=False):
            found = [name for name in NAMES if Activation.objects.filter(has_status(name)).exists()]
            assert found == [status_of(activation)]


class TestBlock:
    def test_tokens_live_on(self, alice: User) -> None:
        activation = activation_of(alice, Status.ACTIVE, failed_attempts=2)
        token = token_of(activation)
        blocked = lifecycle.block(activation, "Lost on a train.")
        assert blocked.blocked_reason == "Lost on a train."
        assert blocked.blocked_at is not None
        assert DeviceToken.objects.get() == token
        unblocked = lifecycle.unblock(blocked)
        assert (unblocked.blocked_reason, unblocked.blocked_at, unblocked.failed_attempts) == ("", None, 0)
        assert DeviceToken.objects.get().secret == token.secret

    def test_without_a_reason_it_says_that_somebody_did_it(self, alice: User) -> None:
        blocked = lifecycle.block(activation_of(alice, Status.ACTIVE))
        assert blocked.blocked_reason == lifecycle.BY_AN_OPERATOR

    @pytest.mark.parametrize("reason", ["r" * 256, "a\0b", None])
    def test_a_reason_is_a_text(self, reason: Any, alice: User) -> None:
        with pytest.raises(ValidationError) as caught:
            lifecycle.block(activation_of(alice, Status.ACTIVE), reason)
        assert set(caught.value.message_dict) == {"reason"}
        assert Activation.objects.get().status == Status.ACTIVE


class TestRemove:
    def test_nothing_secret_is_left(self, alice: User) -> None:
        release = application_version()
        _, activation = active_device(alice, release)
        _, another = active_device(alice, release)
        for each in (activation, another):
            token_of(each)
            TemporaryKey.objects.create(
                version=release, activation=each, private_key=b"k" * 32, expires_at=timezone.now()
            )
        TemporaryKey.objects.create(version=release, private_key=b"k" * 32, expires_at=timezone.now())
        lifecycle.remove(activation)
        row = Activation.objects.get(pk=activation.pk)
        assert (row.code_digest, row.encrypted_server_private_key) == (None, "")
        assert row.removed_at is not None
        assert [token.activation for token in DeviceToken.objects.all()] == [another]
        assert {key.activation for key in TemporaryKey.objects.all()} == {another, None}
        assert Activation.objects.get(pk=another.pk).server_private_key

    def test_a_code_that_was_not_used_is_no_use(self, alice: User, application: DeviceApplication) -> None:
        made = lifecycle.create(alice, application)
        lifecycle.remove(made.activation)
        assert not Activation.objects.filter(code_digest=lifecycle.digest_of_code(made.code)).exists()

    def test_all_of_a_user(self, alice: User, bob: User) -> None:
        of_alice = [activation_of(alice, status) for status in Status]
        of_bob = activation_of(bob, Status.ACTIVE)
        lifecycle.remove_all_of(alice, "The password was changed.")
        assert {row.status for row in Activation.objects.filter(user=alice)} == {Status.REMOVED}
        assert Activation.objects.filter(user=alice).count() == len(of_alice)
        assert Activation.objects.get(pk=of_bob.pk).status == Status.ACTIVE

    @pytest.mark.parametrize("ends", [True, False])
    def test_with_the_password(
        self, ends: bool, alice: User, tokenauth_settings: Callable[..., None], settings: Any
    ) -> None:
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        tokenauth_settings(END_TOKENS_ON_PASSWORD_CHANGE=ends)
        activation_of(alice, Status.ACTIVE)
        alice.set_password("another")
        alice.save()
        assert Activation.objects.get().status == (Status.REMOVED if ends else Status.ACTIVE)

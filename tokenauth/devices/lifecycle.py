"""The life of an activation as far as people decide it: made, committed, blocked, unblocked, removed."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import router, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables

from tokenauth.conf import conf
from tokenauth.core import authority
from tokenauth.core.token_arguments import Arguments, valid_actor, valid_reason, valid_user
from tokenauth.devices import keys, notices
from tokenauth.devices.applications import public_text
from tokenauth.devices.exceptions import ActivationConflict
from tokenauth.devices.models import Activation, DeviceToken, TemporaryKey
from tokenauth.devices.protocol import activation_code, counter, elliptic_curve
from tokenauth.devices.protocol.octets import encoded
from tokenauth.devices.standing import locked
from tokenauth.devices.statuses import has_expired, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tokenauth.devices.models import DeviceApplication

Status = Activation.Status

# What people decide. The rest is the device's, and may be written meanwhile without a lock.
_DECIDED = (
    *("status", "committed_at", "blocked_at", "blocked_reason", "failed_attempts", "removed_at"),
    *("code_digest", "encrypted_server_private_key", "encrypted_transport_key"),
)

# Not translated: rows are searched for it, whatever the language of whoever was served.
BY_AN_OPERATOR = "An operator blocked it."


@dataclass(frozen=True, slots=True)
class NewActivation:
    """An activation and its code, which is kept nowhere: whoever has it first, activates their device."""

    activation: Activation
    code: str = field(repr=False)
    """Four groups of five characters, as somebody types them."""
    signature: str = field(repr=False)
    """The application's of the code, in Base64: an SDK refuses the picture of another server's code."""

    @property
    def qr_text(self) -> str:
        """What a picture of the code says, as SDKs read it."""
        return f"{self.code}#{self.signature}"


@sensitive_variables()
def create(
    user: Any, application: DeviceApplication, *, by: Any = None, commit_at_once: bool = False
) -> NewActivation:
    """An activation of a device of ``user``, whose code is good for ``DEVICE_ACTIVATION_LIFETIME``.

    :param by: who makes it, and is shown the code; None where that is a program.
    :param commit_at_once: whoever has the code has the device. Else somebody commits it afterwards.
    :raises ValidationError: by argument: ``user`` is no saved user, or one whom ``by`` may not act for.
    """
    arguments = Arguments()
    user = arguments.take("user", valid_user, user)
    by = arguments.take("by", valid_actor, by)
    arguments.raise_errors()
    if by is not None:
        authority.check_activator(by, user)
    code, private, now = activation_code.new_code(), elliptic_curve.new_private_key(), timezone.now()
    activation = Activation(
        application=application,
        user=user,
        code_digest=digest_of_code(code),
        expires_at=now + conf.DEVICE_ACTIVATION_LIFETIME,
        commit_at_once=commit_at_once,
        server_public_key=public_text(private),
        counter_data=counter.new_counter().hex(),
        max_failed_attempts=conf.DEVICE_MAX_FAILED_ATTEMPTS,
        created_at=now,
        created_by=by,
    )
    activation.server_private_key = elliptic_curve.private_octets(private)
    master = elliptic_curve.private_key(application.master_private_key)
    signature = encoded(activation_code.sign(code, master))
    activation.save(force_insert=True)
    notices.made(activation, by)
    return NewActivation(activation, code, signature)


@sensitive_variables("code")
def digest_of_code(code: str) -> str:
    """Under what an activation is found by its code, which 80 random bits alone would not hide for good."""
    return salted_hmac("tokenauth.devices.activation_code", code, algorithm="sha256").hexdigest()


def commit(activation: Activation, *, by: Any = None) -> Activation:
    """Let the device in that was activated with the code.

    :raises ActivationConflict: it does not wait for that, or has waited too long.
    :raises ValidationError: ``by`` may not, see :func:`tokenauth.core.authority.check_device_changer`.
    """
    with _changing(activation, by, Status.PENDING_COMMIT) as row:
        row.status, row.committed_at = Status.ACTIVE, timezone.now()
    return row


def block(activation: Activation, reason: str = "", *, by: Any = None) -> Activation:
    """Refuse the device and its tokens, until it is unblocked.

    :param reason: for the record; the device is not told.
    :raises ActivationConflict: it is not active.
    :raises ValidationError: ``by`` may not, or ``reason`` is longer than 255 characters.
    """
    arguments = Arguments()
    reason = arguments.take("reason", valid_reason, reason)
    arguments.raise_errors()
    with _changing(activation, by, Status.ACTIVE) as row:
        row.status, row.blocked_at = Status.BLOCKED, timezone.now()
        row.blocked_reason = reason or BY_AN_OPERATOR
        notices.stopped(row, by, is_final=False)
    return row


def unblock(activation: Activation, *, by: Any = None) -> Activation:
    """Accept the device and its tokens again. Its failed attempts are forgotten.

    :raises ActivationConflict: it is not blocked.
    :raises ValidationError: ``by`` may not.
    """
    with _changing(activation, by, Status.BLOCKED) as row:
        row.status, row.blocked_at, row.blocked_reason, row.failed_attempts = Status.ACTIVE, None, "", 0
    return row


def remove(activation: Activation, *, by: Any = None) -> Activation:
    """End the device's activation for good, with its tokens and all that is secret of it.

    :raises ActivationConflict: it was removed before.
    :raises ValidationError: ``by`` may not.
    """
    with _changing(activation, by, *(set(Status) - {Status.REMOVED}), is_final=True) as row:
        was_in_use = row.status in (Status.ACTIVE, Status.BLOCKED)
        row.status, row.removed_at, row.code_digest = Status.REMOVED, timezone.now(), None
        keys.destroy(row)
        for secrets in (DeviceToken, TemporaryKey):
            secrets._default_manager.using(row._state.db).filter(activation=row).delete()
        if was_in_use:
            notices.stopped(row, by, is_final=True)
    return row


def remove_all_of(user: Any, reason: str) -> None:
    """Remove every device of ``user``; of what ended, the row does not say why."""
    rows = Activation.objects.using(router.db_for_write(Activation))
    for activation in rows.filter(user_id=user.pk).exclude(status=Status.REMOVED).order_by("pk"):
        try:
            remove(activation)
        except ActivationConflict:
            # Removed by somebody else just now.
            continue


@contextmanager
def _changing(
    activation: Activation, by: Any, *allowed: Status, is_final: bool = False
) -> Iterator[Activation]:
    """The row as it is by now, locked, to be changed and saved.

    ``is_final``: it matters not whether it has expired.
    """
    arguments = Arguments()
    by = arguments.take("by", valid_actor, by)
    arguments.raise_errors()
    using = router.db_for_write(Activation)
    with transaction.atomic(using=using):
        row = locked(activation.pk, using)
        if row is None:
            # Pruned meanwhile, or gone with its user.
            raise ActivationConflict("removed")
        if by is not None:
            authority.check_device_changer(by, row.user)
        if row.status not in allowed or (has_expired(row) and not is_final):
            raise ActivationConflict(status_of(row))
        yield row
        row.save(using=using, update_fields=_DECIDED)

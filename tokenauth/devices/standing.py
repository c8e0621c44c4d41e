"""Whether an activation may authorize anything: asked wherever a signature or a token of it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connections
from django.db.models import F

from tokenauth.devices.models import Activation
from tokenauth.exceptions import DeviceReason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

_Status = Activation.Status

_REASON_OF_STATUS: Mapping[int, DeviceReason] = {
    _Status.CREATED: DeviceReason.INACTIVE,
    _Status.PENDING_COMMIT: DeviceReason.INACTIVE,
    _Status.BLOCKED: DeviceReason.BLOCKED,
    _Status.REMOVED: DeviceReason.REMOVED,
}


def refusal(activation: Activation) -> DeviceReason | None:
    """Why nothing of ``activation`` is accepted just now; None where it is."""
    if activation.status != _Status.ACTIVE:
        return _REASON_OF_STATUS[activation.status]
    return None if activation.user.is_active else DeviceReason.USER_INACTIVE


def locked(activation_id: UUID | str, using: str) -> Activation | None:
    """The activation as it is by now; nobody else changes it before the transaction ends. None: no such."""
    rows = Activation.objects.using(using).filter(pk=activation_id)
    features = connections[using].features
    if not features.has_select_for_update:
        # SQLite, which locks no row: now that this has written, nobody else does.
        rows.update(counter=F("counter"))
    # Where there is a weaker lock, tokens go on referring to it meanwhile. Its user is not joined, who would
    # be locked as well.
    return rows.select_for_update(no_key=features.has_select_for_no_key_update).first()

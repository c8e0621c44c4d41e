"""Whether an activation may authorize anything: asked wherever a signature or a token of it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenauth.devices.models import Activation
from tokenauth.exceptions import DeviceReason

if TYPE_CHECKING:
    from collections.abc import Mapping

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

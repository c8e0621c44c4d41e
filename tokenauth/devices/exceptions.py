"""Why a device is refused, and what an operator cannot do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenauth.devices.models import Activation
    from tokenauth.exceptions import DeviceReason


class DeviceError(Exception):
    """A request of a device is refused: ``reason`` is for the login log, the device is told nothing of it.

    ``activation``, where it is known whose request it is, and ``subject``, what it names itself by (the id of
    a token or of an activation), are for the log as well.
    """

    def __init__(self, reason: DeviceReason, activation: Activation | None = None, subject: str = "") -> None:
        super().__init__(str(reason.label))
        self.reason = reason
        self.activation = activation
        self.subject = subject

    def __reduce__(self) -> tuple[type[DeviceError], tuple[DeviceReason, Activation | None, str]]:
        return type(self), (self.reason, self.activation, self.subject)

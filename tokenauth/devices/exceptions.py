"""Why a device is refused, and what an operator cannot do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

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


class ActivationConflict(Exception):  # noqa: N818 - its name is the status it is answered with
    """What is asked of an activation does not go with its status (409).

    ``reason`` is that status: ``created``, ``pending_commit``, ``active``, ``blocked``, ``removed``, or
    ``expired``, of one that was not activated or committed in time.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(_CONFLICTS[reason])
        self.reason = reason

    def __reduce__(self) -> tuple[type[ActivationConflict], tuple[str]]:
        return type(self), (self.reason,)


_CONFLICTS = {
    "created": _("No device has been activated with its code yet."),
    "pending_commit": _("The activation was not committed yet."),
    "active": _("The activation is active already."),
    "blocked": _("The activation is blocked."),
    "removed": _("The activation was removed; make a new one."),
    "expired": _("The activation was not finished in time; make a new one."),
}

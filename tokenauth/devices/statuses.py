"""The statuses of activations as people are told of them: those of the protocol, and ``expired``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from tokenauth.devices.models import Activation

if TYPE_CHECKING:
    from datetime import datetime

Status = Activation.Status

EXPIRED = "expired"
LABELS = {
    **{status.name.lower(): status.label for status in Status},
    EXPIRED: pgettext_lazy("status of an activation", "not finished in time"),
}
NAMES = list(LABELS)

_OPEN = (Status.CREATED, Status.PENDING_COMMIT)


def has_expired(activation: Activation, now: datetime | None = None) -> bool:
    """Whether it was not activated, or not committed, in time, and now never is."""
    return activation.status in _OPEN and activation.expires_at <= (now or timezone.now())


def status_of(activation: Activation) -> str:
    """Which of ``NAMES`` it has."""
    return EXPIRED if has_expired(activation) else Status(activation.status).name.lower()


def has_status(name: str) -> Q:
    """Of those that have the status of this name."""
    is_over = Q(expires_at__lte=timezone.now())
    if name == EXPIRED:
        return Q(status__in=_OPEN) & is_over
    meant = next(status for status in Status if status.name.lower() == name)
    return Q(status=meant) & ~is_over if meant in _OPEN else Q(status=meant)

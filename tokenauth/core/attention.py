"""Which of the tokens that work want somebody's attention."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from tokenauth.core.status import Status, has_status, is_unused

if TYPE_CHECKING:
    from datetime import datetime

UNUSED = timedelta(days=90)
EXPIRING = timedelta(days=30)


class Attention(models.TextChoices):
    """What somebody should look into: whether the token is needed, or whether its client was told."""

    UNUSED = "unused", pgettext_lazy("a token that wants attention", "unused for 90 days")
    EXPIRING = "expiring", pgettext_lazy("a token that wants attention", "expires within 30 days")
    REPLACED = "replaced", pgettext_lazy("a token that wants attention", "old key of a rotation still in use")


def wants(attention: Attention, now: datetime | None = None) -> Q:
    """The condition that a row works at ``now`` (the present, where not given), and wants this attention."""
    now = now or timezone.now()
    if attention is Attention.UNUSED:
        rare = is_unused(now, UNUSED)
    elif attention is Attention.EXPIRING:
        rare = Q(expires_at__gt=now, expires_at__lte=now + EXPIRING)
    else:
        rare = Q(last_used_at__gt=F("rotated_at"))
    return rare & has_status(Status.ACTIVE, now, by_index=False)

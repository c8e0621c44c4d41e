"""Whether a token is usable, judged from the row alone; said once in Python and once in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.db.models.lookups import IsNull
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from tokenauth.conf import conf

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from tokenauth.models import AccessToken


class Status(models.TextChoices):
    """The state of a token."""

    ACTIVE = "active", pgettext_lazy("status of a token", "active")
    EXPIRED = "expired", pgettext_lazy("status of a token", "expired")
    UNUSED = "unused", pgettext_lazy("status of a token", "unused")
    REVOKED = "revoked", pgettext_lazy("status of a token", "revoked")


def status_of(token: AccessToken, now: datetime | None = None) -> Status:
    """The status of ``token`` at ``now`` (the present, where not given)."""
    now = now or timezone.now()
    if token.revoked_at is not None:
        return Status.REVOKED
    if token.expires_at is not None and token.expires_at <= now:
        return Status.EXPIRED
    lifetime = conf.UNUSED_TOKEN_LIFETIME
    if lifetime is not None and (token.last_used_at or token.created_at) < now - lifetime:
        return Status.UNUSED
    return Status.ACTIVE


def has_status(status: Status, now: datetime | None = None, *, by_index: bool = True) -> Q:
    """The condition that a row's status is ``status`` at ``now`` (the present, where not given).

    Not ``by_index``: that it is not revoked, and not expired, is said in a form by which no database looks
    for rows. Nearly all are neither, and a query that asks for something rarer does better without.
    """
    now = now or timezone.now()
    if status is Status.REVOKED:
        return Q(revoked_at__isnull=False)
    if by_index:
        standing = Q(revoked_at__isnull=True)
        unexpired = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    else:
        standing = Q(IsNull(Coalesce("revoked_at", "revoked_at"), rhs=True))
        unexpired = ~Q(expires_at__lte=now)
    if status is Status.EXPIRED:
        return Q(expires_at__lte=now) & standing
    lifetime = conf.UNUSED_TOKEN_LIFETIME
    # That no row's key is among none is known without asking.
    unused = Q(pk__in=()) if lifetime is None else is_unused(now, lifetime)
    # What is seldom true comes first: few rows are asked the rest.
    return unused & standing & unexpired if status is Status.UNUSED else standing & unexpired & ~unused


def is_unused(now: datetime, lifetime: timedelta) -> Q:
    """The condition that a row was not used for longer than ``lifetime``, nor made within it."""
    since = now - lifetime
    return Q(last_used_at__lt=since) | Q(last_used_at__isnull=True) & Q(created_at__lt=since)

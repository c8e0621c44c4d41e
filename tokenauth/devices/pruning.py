"""What is deleted of devices: activations that ended long ago, keys and nonces whose time is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import router

from tokenauth.core import batches
from tokenauth.devices.models import Activation, TemporaryKey, UsedNonce

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model, QuerySet

# By the clock of another server, the time of what a nonce was used with may not be over yet.
MARGIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Prunable:
    """Rows of one kind, found by an indexed column."""

    name: str
    """What one of them is, for who reads how many there were; not translated, as commands are not."""
    rows: QuerySet[Any]
    by: str

    def delete(self, batch: int) -> Iterator[int]:
        """Delete them, ``batch`` rows at a time; how many, each time."""
        return batches.delete(self.rows, self.by, batch)


def prunable(now: datetime, older_than: timedelta) -> list[Prunable]:
    """What may be deleted at ``now``: activations that ended ``older_than`` ago, and what is of no more use.

    An activation ends when it is removed, or was not activated or committed in time.
    """
    activations, before = _rows(Activation), now - older_than
    unfinished = [Activation.Status.CREATED, Activation.Status.PENDING_COMMIT]
    return [
        Prunable("removed activation", activations.filter(removed_at__lte=before), "removed_at"),
        Prunable(
            "unfinished activation",
            activations.filter(status__in=unfinished, expires_at__lte=before),
            "expires_at",
        ),
        Prunable("temporary key", _rows(TemporaryKey).filter(expires_at__lte=now - MARGIN), "expires_at"),
        Prunable("used nonce", _rows(UsedNonce).filter(expires_at__lte=now - MARGIN), "expires_at"),
    ]


def _rows(model: type[Model]) -> QuerySet[Any]:
    return model._default_manager.using(router.db_for_write(model))

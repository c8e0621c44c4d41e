"""The nonces that tokens were used with: each is good once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, router, transaction

from tokenauth.core import batches
from tokenauth.devices.models import UsedNonce

if TYPE_CHECKING:
    from datetime import datetime

    from tokenauth.devices.models import DeviceToken


def spend(token: DeviceToken, nonce: bytes, until: datetime) -> bool:
    """Whether ``token`` was never used with ``nonce``; from now on, it was.

    That is committed before this returns: of two requests, and whatever becomes of either, one is first.

    :param until: from when on the header that has the nonce is refused for its time.
    :raises RuntimeError: there is a transaction, with which it would be undone.
    """
    using = router.db_for_write(UsedNonce)
    row = UsedNonce(token_id=token.pk, nonce=nonce.hex(), expires_at=until)
    try:
        with transaction.atomic(using=using, durable=True):
            row.save(using=using, force_insert=True)
    except IntegrityError:
        # The one constraint that it can violate.
        return False
    return True


def prune(now: datetime, batch: int = 5000) -> int:
    """Delete what nobody could use again anyway, ``batch`` rows at a time; how many."""
    rows = UsedNonce.objects.using(router.db_for_write(UsedNonce)).filter(expires_at__lte=now)
    return sum(batches.delete(rows, "expires_at", batch))

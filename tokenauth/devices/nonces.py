"""The nonces that tokens were used with: each is good once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, router

from tokenauth.devices.durable import committed
from tokenauth.devices.models import UsedNonce

if TYPE_CHECKING:
    from datetime import datetime

    from tokenauth.devices.models import DeviceToken


def spend(token: DeviceToken, nonce: bytes, until: datetime) -> bool:
    """Whether ``token`` was never used with ``nonce``; from now on, it was.

    That is committed before this returns: of two requests, and whatever becomes of either, one is first.

    :param until: when the time of the header that has the nonce will be refused.
    :raises RuntimeError: there is a transaction, with which it would be undone.
    """
    using = router.db_for_write(UsedNonce)
    row = UsedNonce(token_id=token.pk, nonce=nonce.hex(), expires_at=until)
    try:
        with committed(using, is_one_statement=True):
            row.save(using=using, force_insert=True)
    except IntegrityError:
        # The one constraint that it can violate.
        return False
    return True

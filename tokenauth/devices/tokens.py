"""Tokens of a device: made with a signature, and removed with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import router, transaction

from tokenauth.devices.exceptions import DeviceError
from tokenauth.devices.models import Activation, DeviceToken
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.octets import identifier
from tokenauth.devices.protocol.token_digest import new_secret
from tokenauth.devices.standing import locked, refusal
from tokenauth.exceptions import DeviceReason

if TYPE_CHECKING:
    from tokenauth.devices.protocol.signatures import SignatureType


def issue(activation: Activation, signature_type: SignatureType) -> DeviceToken:
    """A new token of ``activation``, for whoever has proved the factors of ``signature_type``.

    Its ``secret`` is for the device that has signed, and for nobody else.

    :raises DeviceError: the activation was blocked or removed since.
    """
    token = DeviceToken(activation=activation, signature_type=signature_type)
    token.secret = new_secret()
    using = router.db_for_write(DeviceToken)
    with transaction.atomic(using=using):
        # Whoever removes it deletes its tokens: none may come afterwards.
        row = locked(activation.pk, using)
        reason = DeviceReason.UNKNOWN if row is None else refusal(row)
        if reason is not None:
            raise DeviceError(reason, activation, str(activation.pk))
        token.save(using=using, force_insert=True)
    return token


def remove(activation: Activation, token_id: str) -> None:
    """End the token ``token_id`` of ``activation``, its secret included.

    A device is told nothing of the tokens of others: where it has no such token, nothing happens.
    """
    try:
        identifier(token_id, "the token's id")
    except ProtocolError:
        # What is no id at all is the id of no token.
        return
    DeviceToken.objects.filter(pk=token_id, activation=activation).delete()

"""Tokens of a device: made with a signature, and removed with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenauth.devices.models import DeviceToken
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.octets import identifier
from tokenauth.devices.protocol.token_digest import new_secret

if TYPE_CHECKING:
    from tokenauth.devices.models import Activation
    from tokenauth.devices.protocol.signatures import SignatureType


def issue(activation: Activation, signature_type: SignatureType) -> DeviceToken:
    """A new token of ``activation``, for whoever has proved the factors of ``signature_type``.

    Its ``secret`` is for the device that has signed, and for nobody else.
    """
    token = DeviceToken(activation=activation, signature_type=signature_type)
    token.secret = new_secret()
    token.save(force_insert=True)
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

"""What a device is told of its activation, which it asks for without a signature."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import router
from django.views.decorators.debug import sensitive_variables

from tokenauth.devices.keys import transport_key_of
from tokenauth.devices.models import Activation
from tokenauth.devices.protocol import counter, status_blob, token_digest
from tokenauth.devices.statuses import has_expired

_BYTE = 0xFF


@dataclass(frozen=True, slots=True)
class EncryptedStatus:
    """32 bytes for the holder of the activation's keys, and the nonce that goes with them."""

    blob: bytes
    nonce: bytes


@sensitive_variables()
def of(activation_id: str, challenge: bytes) -> EncryptedStatus:
    """The status of an activation; random bytes, where there is none whose keys a device has.

    :param activation_id: a UUID.
    :param challenge: 16 random bytes of the device; none, and then no nonce, in version 3.0.
    :raises ImproperlyConfigured: what is encrypted cannot be read (see :mod:`tokenauth.devices.encryption`).
    """
    nonce = token_digest.new_nonce() if challenge else b""
    # A device asks as soon as it has its keys.
    rows = Activation.objects.using(router.db_for_write(Activation))
    activation = rows.filter(pk=UUID(activation_id)).first()
    key = None if activation is None else transport_key_of(activation)
    if activation is None or key is None:
        return EncryptedStatus(status_blob.random_blob(), nonce)
    blob = status_blob.encrypt(_blob(activation, key), key, challenge, nonce)
    return EncryptedStatus(blob, nonce)


@sensitive_variables("transport_key")
def _blob(activation: Activation, transport_key: bytes) -> status_blob.StatusBlob:
    # What was not committed in time never is, whether or not it was pruned.
    status = Activation.Status.REMOVED if has_expired(activation) else activation.status
    return status_blob.StatusBlob(
        status=status_blob.ActivationStatus(status),
        counter_byte=activation.counter & _BYTE,
        failed_attempts=min(activation.failed_attempts, _BYTE),
        max_failed_attempts=min(activation.max_failed_attempts, _BYTE),
        look_ahead=counter.LOOK_AHEAD,
        counter_hash=counter.counter_hash(transport_key, bytes.fromhex(activation.counter_data)),
    )

"""What a device is told of its activation: 32 encrypted bytes.

Source: "Activation Status" of version 3.1 and later; 3.0 is the same without a challenge. They are
encrypted and not authenticated: under a wrong key they are no status, and what was changed on the way may
be one.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from tokenauth.devices.protocol import key_derivation
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.octets import KEY_LENGTH, of_length

BLOB_LENGTH = 32

_MAGIC = 0xDEC0DED1
_RESERVED_LENGTH = 5
_LAYOUT = Struct(f">IBBB{_RESERVED_LENGTH}sBBBB{KEY_LENGTH}s")


class ActivationStatus(IntEnum):
    """Where an activation is in its life."""

    CREATED = 1
    PENDING_COMMIT = 2
    ACTIVE = 3
    BLOCKED = 4
    REMOVED = 5


_STATUSES = frozenset(ActivationStatus)


@dataclass(frozen=True, slots=True)
class StatusBlob:
    """What a device is told. The counters are of one byte."""

    status: ActivationStatus
    counter_byte: int
    """The lowest byte of the server's count of signatures."""
    failed_attempts: int
    max_failed_attempts: int
    look_ahead: int
    counter_hash: bytes = field(repr=False)
    """``counter.counter_hash`` of the server's counter."""
    current_version: int = 3
    upgrade_version: int = 3


def encrypt(blob: StatusBlob, transport_key: bytes, challenge: bytes, nonce: bytes) -> bytes:
    """The 32 bytes of ``blob``.

    :param challenge: 16 bytes, the device's.
    :param nonce: 16 bytes, random, which go with the answer. Empty for 3.0, as is the challenge.
    :raises ProtocolError: a length is wrong, or a number has no room in a byte.
    """
    numbers = (
        blob.current_version,
        blob.upgrade_version,
        blob.counter_byte,
        blob.failed_attempts,
        blob.max_failed_attempts,
        blob.look_ahead,
    )
    if not all(0 <= number <= 0xFF for number in numbers):
        raise ProtocolError("a number of the status is out of range")
    octets = _LAYOUT.pack(
        _MAGIC,
        blob.status,
        blob.current_version,
        blob.upgrade_version,
        secrets.token_bytes(_RESERVED_LENGTH),
        blob.counter_byte,
        blob.failed_attempts,
        blob.max_failed_attempts,
        blob.look_ahead,
        of_length(blob.counter_hash, "the counter's hash", KEY_LENGTH),
    )
    encryptor = _cipher(transport_key, challenge, nonce).encryptor()
    return encryptor.update(octets) + encryptor.finalize()


def decrypt(octets: bytes, transport_key: bytes, challenge: bytes, nonce: bytes) -> StatusBlob:
    """What 32 bytes say: see ``encrypt``.

    :raises ProtocolError: they say nothing under this key (the activation is unknown, or only created), or a
        length is wrong.
    """
    of_length(octets, "the status", BLOB_LENGTH)
    decryptor = _cipher(transport_key, challenge, nonce).decryptor()
    magic, status, current, upgrade, _, counter_byte, failed, max_failed, look_ahead, hashed = _LAYOUT.unpack(
        decryptor.update(octets) + decryptor.finalize()
    )
    if magic != _MAGIC or status not in _STATUSES:
        raise ProtocolError("the status is not of this activation")
    return StatusBlob(
        ActivationStatus(status), counter_byte, failed, max_failed, look_ahead, hashed, current, upgrade
    )


def random_blob() -> bytes:
    """What is said of an activation that is unknown or only created: nobody learns which there are."""
    return secrets.token_bytes(BLOB_LENGTH)


def initialization_vector(transport_key: bytes, challenge: bytes, nonce: bytes) -> bytes:
    """The 16 bytes with which encryption starts; zeros where neither challenge nor nonce is given (3.0)."""
    if not challenge and not nonce:
        return bytes(KEY_LENGTH)
    of_length(challenge, "the challenge", KEY_LENGTH)
    of_length(nonce, "the nonce", KEY_LENGTH)
    key = key_derivation.derive(transport_key, key_derivation.STATUS_IV)
    return key_derivation.derive_by_hmac(key, challenge + nonce)


def _cipher(transport_key: bytes, challenge: bytes, nonce: bytes) -> Cipher[CBC]:
    of_length(transport_key, "the transport key", KEY_LENGTH)
    return Cipher(AES(transport_key), CBC(initialization_vector(transport_key, challenge, nonce)))

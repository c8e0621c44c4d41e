"""The hash-based counter: what makes each signature of a device another one.

Source: "Computing and Validating Signatures", on ``CTR_DATA``, and "Activation Status", on its hash.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from itertools import islice
from typing import TYPE_CHECKING

from tokenauth.devices.protocol import key_derivation
from tokenauth.devices.protocol.octets import KEY_LENGTH, fold, of_length

if TYPE_CHECKING:
    from collections.abc import Iterator

# A device counts also what never arrives. So many values are tried, that of the server itself included.
LOOK_AHEAD = 20


def new_counter() -> bytes:
    """Where a new activation starts: 16 random bytes, made by the server."""
    return secrets.token_bytes(KEY_LENGTH)


def next_counter(counter: bytes) -> bytes:
    """What follows ``counter``.

    :raises ProtocolError: the counter has not 16 bytes.
    """
    return fold(hashlib.sha256(of_length(counter, "the counter", KEY_LENGTH)).digest())


def counters_from(counter: bytes) -> Iterator[bytes]:
    """``counter``, and without end what follows it."""
    while True:
        yield counter
        counter = next_counter(counter)


def counter_hash(transport_key: bytes, counter: bytes) -> bytes:
    """The 16 bytes by which a server shows its counter to the device, and to nobody else."""
    key = key_derivation.derive(transport_key, key_derivation.COUNTER_HASH)
    return key_derivation.derive_by_hmac(key, of_length(counter, "the counter", KEY_LENGTH))


def distance(transport_key: bytes, counter: bytes, hashed: bytes, within: int = LOOK_AHEAD) -> int | None:
    """How many steps from ``counter`` to the one that was hashed; None = not within so many values."""
    for steps, value in enumerate(islice(counters_from(counter), within)):
        if hmac.compare_digest(counter_hash(transport_key, value), hashed):
            return steps
    return None

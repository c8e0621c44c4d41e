"""The keys that a device and the server have in common, from one agreement.

Source: "Key Derivation".
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from tokenauth.devices.protocol.elliptic_curve import PrivateKey, PublicKey, agree
from tokenauth.devices.protocol.octets import KEY_LENGTH, fold, of_length

POSSESSION, KNOWLEDGE, BIOMETRY = 1, 2, 3
TRANSPORT, VAULT = 1000, 2000
# Of the transport key, not of the master secret.
STATUS_IV, COUNTER_HASH = 3000, 4000


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """What is derived for one activation. Its ``repr`` shows none of them."""

    possession: bytes = field(repr=False)
    knowledge: bytes = field(repr=False)
    biometry: bytes = field(repr=False)
    transport: bytes = field(repr=False)
    vault: bytes = field(repr=False)


def master_secret(private: PrivateKey, public: PublicKey) -> bytes:
    """The secret of an activation: of the device's private and the server's public key, or the reverse."""
    return fold(agree(private, public))


def device_keys(master: bytes) -> DeviceKeys:
    """All keys of an activation, from its master secret.

    :raises ProtocolError: the secret has not 16 bytes.
    """
    indices = (POSSESSION, KNOWLEDGE, BIOMETRY, TRANSPORT, VAULT)
    return DeviceKeys(*(derive(master, index) for index in indices))


def derive(key: bytes, index: int) -> bytes:
    """The key at ``index``: the index, as 16 bytes, encrypted with AES under ``key``.

    :raises ProtocolError: the key has not 16 bytes.
    """
    of_length(key, "the key", KEY_LENGTH)
    encryptor = Cipher(AES(key), CBC(bytes(KEY_LENGTH))).encryptor()
    return encryptor.update(index.to_bytes(KEY_LENGTH, "big"))


def derive_by_hmac(key: bytes, octets: bytes) -> bytes:
    """The key for ``octets`` of any length: their HMAC-SHA256 under ``key``, folded."""
    return fold(hmac.digest(key, octets, "sha256"))

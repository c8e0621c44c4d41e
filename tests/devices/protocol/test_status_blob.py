"""What a device is told of its activation."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from hypothesis import given
from hypothesis import strategies as st

from tokenauth.devices.protocol import status_blob
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.status_blob import ActivationStatus, StatusBlob

KEY, CHALLENGE, NONCE = b"k" * 16, b"c" * 16, b"n" * 16
BLOB = StatusBlob(ActivationStatus.ACTIVE, 7, 1, 5, 20, b"h" * 16)

octets = st.integers(0, 255)
keys = st.binary(min_size=16, max_size=16)
blobs = st.builds(
    StatusBlob, st.sampled_from(ActivationStatus), octets, octets, octets, octets, keys, octets, octets
)


@given(blobs, keys, keys, keys)
def test_a_status_is_read_as_it_was_written(
    blob: StatusBlob, key: bytes, challenge: bytes, nonce: bytes
) -> None:
    encrypted = status_blob.encrypt(blob, key, challenge, nonce)
    assert len(encrypted) == 32
    assert status_blob.decrypt(encrypted, key, challenge, nonce) == blob
    # As 3.0 has it.
    assert status_blob.decrypt(status_blob.encrypt(blob, key, b"", b""), key, b"", b"") == blob


def test_a_status_is_of_one_activation_one_challenge_and_one_nonce() -> None:
    encrypted = status_blob.encrypt(BLOB, KEY, CHALLENGE, NONCE)
    assert status_blob.decrypt(encrypted, KEY, CHALLENGE, NONCE) == BLOB
    other = b"x" * 16
    for key, challenge, nonce in (
        (other, CHALLENGE, NONCE),
        (KEY, other, NONCE),
        (KEY, CHALLENGE, other),
        (KEY, b"", b""),
    ):
        with pytest.raises(ProtocolError):
            status_blob.decrypt(encrypted, key, challenge, nonce)


def test_of_an_unknown_activation_nothing_is_said_in_as_many_bytes() -> None:
    random = status_blob.random_blob()
    assert len(random) == len(status_blob.encrypt(BLOB, KEY, CHALLENGE, NONCE))
    assert random != status_blob.random_blob()
    with pytest.raises(ProtocolError):
        status_blob.decrypt(random, KEY, CHALLENGE, NONCE)


def test_the_same_status_is_never_written_in_the_same_way() -> None:
    assert len({status_blob.encrypt(BLOB, KEY, CHALLENGE, NONCE) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("key", "challenge", "nonce"),
    [
        (KEY[:-1], CHALLENGE, NONCE),
        (b"", CHALLENGE, NONCE),
        (KEY * 2, CHALLENGE, NONCE),
        (KEY, CHALLENGE[:-1], NONCE),
        (KEY, b"", NONCE),
        (KEY, CHALLENGE, b""),
        (KEY, CHALLENGE, NONCE + b"x"),
    ],
)
def test_a_length_that_is_wrong_is_refused(key: bytes, challenge: bytes, nonce: bytes) -> None:
    with pytest.raises(ProtocolError):
        status_blob.encrypt(BLOB, key, challenge, nonce)
    with pytest.raises(ProtocolError):
        status_blob.decrypt(bytes(32), key, challenge, nonce)


@pytest.mark.parametrize("length", [0, 16, 31, 33, 48])
def test_a_status_has_32_bytes(length: int) -> None:
    with pytest.raises(ProtocolError):
        status_blob.decrypt(bytes(length), KEY, CHALLENGE, NONCE)


@pytest.mark.parametrize(
    ("head", "read"),
    [("DEC0DED103", True), ("DEC0DED203", False), ("DEC0DED100", False), ("DEC0DED106", False)],
)
def test_a_status_begins_as_it_is_published(head: str, read: bool) -> None:
    encryptor = Cipher(AES(KEY), CBC(bytes(16))).encryptor()
    encrypted = encryptor.update(bytes.fromhex(head).ljust(32, b"\x03"))
    if read:
        assert status_blob.decrypt(encrypted, KEY, b"", b"").status is ActivationStatus.ACTIVE
    else:
        with pytest.raises(ProtocolError):
            status_blob.decrypt(encrypted, KEY, b"", b"")


@pytest.mark.parametrize("number", [-1, 256])
def test_a_number_that_has_no_room_is_refused(number: int) -> None:
    with pytest.raises(ProtocolError):
        status_blob.encrypt(
            StatusBlob(ActivationStatus.ACTIVE, number, 0, 5, 20, bytes(16)), KEY, CHALLENGE, NONCE
        )
    with pytest.raises(ProtocolError):
        status_blob.encrypt(
            StatusBlob(ActivationStatus.ACTIVE, 0, 0, 5, 20, bytes(15)), KEY, CHALLENGE, NONCE
        )

"""Keys of P-256: what is no key, or none of this curve, is refused before anything is done with it."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from tokenauth.devices.protocol import elliptic_curve, key_derivation
from tokenauth.devices.protocol.exceptions import ProtocolError

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
PRIVATE = elliptic_curve.private_key(b"\x07")
PUBLIC = PRIVATE.public_key()
FULL = elliptic_curve.public_octets(PUBLIC)
COMPRESSED = elliptic_curve.public_octets(PUBLIC, compressed=True)
OF_ANOTHER_CURVE = (
    ec.derive_private_key(7, ec.SECP256K1())
    .public_key()
    .public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
)


def off_the_curve() -> bytes:
    """A point whose first coordinate no point has."""
    for x in range(256):
        octets = b"\x02" + x.to_bytes(32, "big")
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), octets)
        except ValueError:
            return octets
    raise AssertionError


def test_a_point_is_read_compressed_and_in_full() -> None:
    assert (len(COMPRESSED), len(FULL)) == (33, 65)
    assert elliptic_curve.public_key(COMPRESSED) == elliptic_curve.public_key(FULL) == PUBLIC


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x00",
        b"\x04" + bytes(64),
        FULL[:-1] + bytes([FULL[-1] ^ 1]),
        off_the_curve(),
        FULL[:-1],
        FULL + b"\x00",
        COMPRESSED[:-1],
        COMPRESSED + b"\x00",
        FULL[1:],
        # Hybrid: in full, with the first byte of a compressed one.
        bytes([6 + FULL[-1] % 2]) + FULL[1:],
        b"\x02" + b"\xff" * 32,
        OF_ANOTHER_CURVE,
    ],
)
def test_what_is_no_point_of_the_curve_is_refused(octets: bytes) -> None:
    with pytest.raises(ProtocolError):
        elliptic_curve.public_key(octets)


@given(st.integers(1, ORDER - 1))
def test_a_private_key_is_read_as_it_was_written(number: int) -> None:
    for length in (32, 33):
        key = elliptic_curve.private_key(number.to_bytes(length, "big"))
        assert elliptic_curve.private_octets(key) == number.to_bytes(32, "big")


def test_a_private_key_may_have_fewer_bytes() -> None:
    assert elliptic_curve.private_octets(PRIVATE) == bytes(31) + b"\x07"


@pytest.mark.parametrize(
    "octets", [b"", bytes(32), ORDER.to_bytes(32, "big"), b"\xff" * 32, b"\xff" * 33, bytes(33) + b"\x07"]
)
def test_what_is_no_private_key_is_refused(octets: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        elliptic_curve.private_key(octets)
    assert str(caught.value) == "the private key is out of range"


def test_both_sides_agree_on_one_secret() -> None:
    other = elliptic_curve.new_private_key()
    assert elliptic_curve.agree(PRIVATE, other.public_key()) == elliptic_curve.agree(other, PUBLIC)
    assert key_derivation.master_secret(PRIVATE, other.public_key()) == key_derivation.master_secret(
        other, PUBLIC
    )
    assert elliptic_curve.new_private_key().private_numbers() != other.private_numbers()


def test_a_signature_is_of_one_key_and_one_text() -> None:
    signature, raw = elliptic_curve.sign(b"text", PRIVATE), elliptic_curve.sign_raw(b"text", PRIVATE)
    elliptic_curve.verify(signature, b"text", PUBLIC)
    elliptic_curve.verify_raw(raw, b"text", PUBLIC)
    other = elliptic_curve.new_private_key().public_key()
    for text, public in ((b"other", PUBLIC), (b"text", other)):
        with pytest.raises(ProtocolError):
            elliptic_curve.verify(signature, text, public)
        with pytest.raises(ProtocolError):
            elliptic_curve.verify_raw(raw, text, public)
    for octets in (b"", b"\x30", signature[:-1], raw):
        with pytest.raises(ProtocolError):
            elliptic_curve.verify(octets, b"text", PUBLIC)
    for octets in (b"", raw[:-1], raw + b"\x00", bytes(64), b"\xff" * 64, signature):
        with pytest.raises(ProtocolError):
            elliptic_curve.verify_raw(octets, b"text", PUBLIC)


def test_keys_are_not_in_a_repr() -> None:
    keys = key_derivation.device_keys(bytes(range(16)))
    assert repr(keys) == "DeviceKeys()"
    assert len({keys.possession, keys.knowledge, keys.biometry, keys.transport, keys.vault}) == 5


@pytest.mark.parametrize("master", [b"", bytes(15), bytes(17), bytes(32)])
def test_a_master_secret_of_another_length_is_refused(master: bytes) -> None:
    with pytest.raises(ProtocolError):
        key_derivation.device_keys(master)

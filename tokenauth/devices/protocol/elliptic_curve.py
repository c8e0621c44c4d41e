"""Keys, agreement and signatures on the curve P-256.

Source: "List of Used Algorithms" and "Basic Definitions". Mobile SDKs send points compressed (33 bytes),
other clients in full (65 bytes).
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tokenauth.devices.protocol.exceptions import ProtocolError

PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey

COORDINATE_LENGTH = 32

_CURVE = ec.SECP256R1()
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ECDSA = ec.ECDSA(SHA256())


def new_private_key() -> PrivateKey:
    """A new random key."""
    return ec.generate_private_key(_CURVE)


def private_key(octets: bytes) -> PrivateKey:
    """The private key that is a number of up to 33 bytes, the first the highest: as Java writes it, signed.

    :raises ProtocolError: the number is 0, or not below the order of the curve.
    """
    number = int.from_bytes(octets, "big")
    if len(octets) > COORDINATE_LENGTH + 1 or not 0 < number < _ORDER:
        raise ProtocolError("the private key is out of range")
    return ec.derive_private_key(number, _CURVE)


def private_octets(key: PrivateKey) -> bytes:
    """The 32 bytes of a private key. They are secret."""
    return key.private_numbers().private_value.to_bytes(COORDINATE_LENGTH, "big")


def public_key(octets: bytes) -> PublicKey:
    """The public key that is a point, compressed or in full.

    :raises ProtocolError: it is no point, or none of this curve.
    """
    try:
        return PublicKey.from_encoded_point(_CURVE, octets)
    except ValueError:
        raise ProtocolError("the public key is not a point of the curve") from None


def public_octets(key: PublicKey, *, compressed: bool = False) -> bytes:
    """A public key as a point: 65 bytes, or 33 compressed."""
    form = PublicFormat.CompressedPoint if compressed else PublicFormat.UncompressedPoint
    return key.public_bytes(Encoding.X962, form)


def x_coordinate(key: PublicKey) -> bytes:
    """A point's first coordinate as Java writes it in a fingerprint: without leading zeros."""
    number = key.public_numbers().x
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def agree(private: PrivateKey, public: PublicKey) -> bytes:
    """The 32 bytes on which the holders of two keys agree. They are secret."""
    return private.exchange(ec.ECDH(), public)


def sign(octets: bytes, private: PrivateKey) -> bytes:
    """A signature (ECDSA with SHA-256) in DER."""
    return private.sign(octets, _ECDSA)


def verify(signature: bytes, octets: bytes, public: PublicKey) -> None:
    """Do nothing, where ``signature``, in DER, is one of ``octets``.

    :raises ProtocolError: it is not.
    """
    try:
        public.verify(signature, octets, _ECDSA)
    except InvalidSignature:
        raise ProtocolError("the signature is not of this key") from None


def sign_raw(octets: bytes, private: PrivateKey) -> bytes:
    """A signature as its two numbers, of 32 bytes each: the form of ES256 (RFC 7518, section 3.4)."""
    numbers = decode_dss_signature(sign(octets, private))
    return b"".join(number.to_bytes(COORDINATE_LENGTH, "big") for number in numbers)


def verify_raw(signature: bytes, octets: bytes, public: PublicKey) -> None:
    """As ``verify``, for a signature as ``sign_raw`` makes them."""
    if len(signature) != 2 * COORDINATE_LENGTH:
        raise ProtocolError("the signature has not the right length")
    halves = signature[:COORDINATE_LENGTH], signature[COORDINATE_LENGTH:]
    r, s = (int.from_bytes(half, "big") for half in halves)
    verify(encode_dss_signature(r, s), octets, public)

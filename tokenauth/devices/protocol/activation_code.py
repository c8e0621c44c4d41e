"""The code with which a person activates a device: typed, or read from a picture.

Source: "Activation Code". It has 80 random bits and a checksum, which finds a typing error and keeps no
secret.
"""

from __future__ import annotations

import base64
import re
import secrets

from tokenauth.devices.protocol import elliptic_curve
from tokenauth.devices.protocol.exceptions import ProtocolError

RANDOM_LENGTH = 10

_FORM = re.compile(r"[A-Z2-7]{5}(?:-[A-Z2-7]{5}){3}", re.ASCII)


def new_code() -> str:
    """A new random code."""
    return from_octets(secrets.token_bytes(RANDOM_LENGTH))


def from_octets(octets: bytes) -> str:
    """The code of 10 bytes: four groups of five characters.

    :raises ProtocolError: there are not 10 of them.
    """
    if len(octets) != RANDOM_LENGTH:
        raise ProtocolError("the activation code has not the right length")
    text = base64.b32encode(octets + checksum(octets)).decode("ascii").rstrip("=")
    return "-".join(text[start : start + 5] for start in range(0, len(text), 5))


def parse(text: str) -> bytes:
    """The 10 bytes of a code.

    :raises ProtocolError: it has another form, or its checksum is wrong.
    """
    if _FORM.fullmatch(text) is None:
        raise ProtocolError("the activation code is malformed")
    octets = base64.b32decode(text.replace("-", "") + "====")[:RANDOM_LENGTH]
    # Made again, and not only the checksum: the last character has bits that decoding drops.
    if from_octets(octets) != text:
        raise ProtocolError("the activation code is mistyped")
    return octets


def checksum(octets: bytes) -> bytes:
    """The two bytes of CRC-16/ARC."""
    remainder = 0
    for octet in octets:
        remainder ^= octet
        for _ in range(8):
            remainder = remainder >> 1 ^ (0xA001 if remainder & 1 else 0)
    return remainder.to_bytes(2, "big")


def sign(code: str, master_private: elliptic_curve.PrivateKey) -> bytes:
    """The server's signature of a code, in DER, which a picture of it holds as well.

    :raises ProtocolError: the code is none.
    """
    parse(code)
    return elliptic_curve.sign(code.encode("ascii"), master_private)


def verify(signature: bytes, code: str, master_public: elliptic_curve.PublicKey) -> None:
    """Do nothing, where the server has signed ``code``.

    :raises ProtocolError: it has not, or the code is none.
    """
    parse(code)
    elliptic_curve.verify(signature, code.encode("ascii"), master_public)

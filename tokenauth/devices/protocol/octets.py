"""Strings of bytes: their lengths, their Base64, how several become one."""

from __future__ import annotations

import base64
import binascii
import re

from tokenauth.devices.protocol.exceptions import ProtocolError

# Of every symmetric key, nonce, challenge and counter.
KEY_LENGTH = 16
DIGEST_LENGTH = 32

# The pages' own example of an identifier; version and variant as in RFC 4122. Of lower case, as servers make
# them: an identifier is looked up, and authenticated, as it was sent.
_IDENTIFIER = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII)


def encoded(octets: bytes) -> str:
    """Base64, of the standard alphabet and padded."""
    return base64.b64encode(octets).decode("ascii")


def decoded(text: str, name: str, *lengths: int) -> bytes:
    """The bytes that are ``text`` in Base64, in the one way of writing them.

    :param name: what it is, for the error's text.
    :param lengths: how many bytes there may be; none = any number.
    :raises ProtocolError: the text is not Base64, or of another length.
    """
    try:
        octets = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolError(f"{name} is not Base64") from None
    # Bits beyond the last byte, which decoding drops, would let one value be written in several ways.
    if encoded(octets) != text:
        raise ProtocolError(f"{name} is not Base64")
    return of_length(octets, name, *lengths)


def of_length(octets: bytes, name: str, *lengths: int) -> bytes:
    """``octets`` themselves.

    :raises ProtocolError: there are not as many of them as ``lengths`` allow.
    """
    if lengths and len(octets) not in lengths:
        raise ProtocolError(f"{name} has not the right length")
    return octets


def identifier(text: str, name: str) -> str:
    """``text`` itself, which is a UUID in lower case.

    :raises ProtocolError: it is not.
    """
    if _IDENTIFIER.fullmatch(text) is None:
        raise ProtocolError(f"{name} is not a UUID")
    return text


def fold(octets: bytes) -> bytes:
    """32 bytes as 16: one half on the other, by exclusive or."""
    half = len(octets) // 2
    return bytes(left ^ right for left, right in zip(octets[:half], octets[half:], strict=True))


def join_sized(*parts: bytes) -> bytes:
    """All parts, each after its length in four bytes: no two lists of parts are joined to the same."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def timestamp_octets(timestamp_ms: int) -> bytes:
    """A time as eight bytes, the first the highest.

    :raises ProtocolError: it is before 1970, or has no room in them (as a signed number, Java's).
    """
    if not 0 <= timestamp_ms < 2**63:
        raise ProtocolError("the timestamp is out of range")
    return timestamp_ms.to_bytes(8, "big")


def decimal(digest: bytes, digits: int = 8) -> str:
    """What a person can copy of a digest: the last digits of its last 31 bits."""
    return f"{(int.from_bytes(digest[-4:], 'big') & 0x7FFFFFFF) % 10**digits:0{digits}}"

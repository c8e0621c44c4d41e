"""The two signed texts of 3.3: HS256 from a device, ES256 from the server (RFC 7515, 7518, 7519).

By hand: the key of HS256 has 16 bytes here, which libraries refuse, as RFC 7518 tells them to.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping

from tokenauth.devices.protocol import elliptic_curve
from tokenauth.devices.protocol.exceptions import ProtocolError

# Ten times what is sent.
_LONGEST = 8192

Claims = Mapping[str, object]


def sign_hs256(claims: Claims, key: bytes) -> str:
    """A device's token."""
    signed = _signed("HS256", claims)
    return _joined(signed, hmac.digest(key, signed.encode("ascii"), "sha256"))


def verify_hs256(text: str, key: bytes) -> Claims:
    """The claims of a device's token.

    :raises ProtocolError: it is malformed, or not signed with ``key``.
    """
    claims, signed, signature = _parse(text, "HS256")
    if not hmac.compare_digest(hmac.digest(key, signed, "sha256"), signature):
        raise ProtocolError("the token is not authentic")
    return claims


def unverified_hs256(text: str) -> Claims:
    """What a device's token claims, to find the key with which to verify it.

    :raises ProtocolError: it is malformed.
    """
    return _parse(text, "HS256")[0]


def sign_es256(claims: Claims, private: elliptic_curve.PrivateKey) -> str:
    """The server's token."""
    signed = _signed("ES256", claims)
    return _joined(signed, elliptic_curve.sign_raw(signed.encode("ascii"), private))


def verify_es256(text: str, public: elliptic_curve.PublicKey) -> Claims:
    """The claims of the server's token.

    :raises ProtocolError: it is malformed, or not signed with the private key of ``public``.
    """
    claims, signed, signature = _parse(text, "ES256")
    elliptic_curve.verify_raw(signature, signed, public)
    return claims


def text_claim(claims: Claims, name: str, *, required: bool = True) -> str:
    """A claim that is a text; "" where it is not there and not required.

    :raises ProtocolError: it is missing, empty or no text.
    """
    value = claims.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or not value:
        raise ProtocolError(f"{name} is missing")
    return value


def number_claim(claims: Claims, name: str) -> int:
    """A claim that is a whole number.

    :raises ProtocolError: it is missing or none.
    """
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ProtocolError(f"{name} is missing")
    return value


def _signed(algorithm: str, claims: Claims) -> str:
    header = {"alg": algorithm, "typ": "JWT"}
    return ".".join(_base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))


def _joined(signed: str, signature: bytes) -> str:
    return f"{signed}.{_base64url(signature)}"


def _parse(text: str, algorithm: str) -> tuple[Claims, bytes, bytes]:
    parts = text.split(".")
    if len(text) > _LONGEST or not text.isascii() or len(parts) != 3:
        raise ProtocolError("the token is malformed")
    header, claims = _object(parts[0]), _object(parts[1])
    # One algorithm for each direction, whatever the token says; and nothing that must be understood.
    if header.get("alg") != algorithm or "crit" in header:
        raise ProtocolError("the token is signed in another way")
    return claims, f"{parts[0]}.{parts[1]}".encode("ascii"), _octets(parts[2])


def _object(part: str) -> Claims:
    try:
        value = json.loads(_octets(part))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ProtocolError("the token is malformed")
    return value


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode("ascii").rstrip("=")


def _octets(part: str) -> bytes:
    try:
        octets = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolError("the token is malformed") from None
    if _base64url(octets) != part:
        raise ProtocolError("the token is malformed")
    return octets

"""The digest that authorizes a request with a token.

Source: "MAC Token Based Authentication". It covers neither method, address nor body: who sees the header
can, until its nonce is spent, send another request with it.
"""

from __future__ import annotations

import hmac
import secrets

from tokenauth.devices.protocol.octets import DIGEST_LENGTH, KEY_LENGTH, of_length, timestamp_octets
from tokenauth.devices.protocol.versions import Version


def new_secret() -> bytes:
    """The secret of a new token: 16 random bytes."""
    return secrets.token_bytes(KEY_LENGTH)


def new_nonce() -> bytes:
    """What makes a header another one: 16 random bytes, never used twice."""
    return secrets.token_bytes(KEY_LENGTH)


def token_digest(secret: bytes, nonce: bytes, timestamp_ms: int, version: str) -> bytes:
    """The 32 bytes that only a holder of ``secret`` can make.

    :param secret: the token's, of 16 bytes.
    :param nonce: 16 bytes.
    :param timestamp_ms: milliseconds since 1970.
    :param version: of the protocol: ``3.0`` to ``3.3``. 3.0 and 3.1 do not authenticate it.
    :raises ProtocolError: a length, the time or the version is wrong.
    """
    of_length(secret, "the token's secret", KEY_LENGTH)
    of_length(nonce, "the nonce", KEY_LENGTH)
    timestamp_octets(timestamp_ms)
    parts = [nonce, str(timestamp_ms).encode("ascii")]
    if Version.of(version).has_timestamps:
        parts.append(version.encode("ascii"))
    return hmac.digest(secret, b"&".join(parts), "sha256")


def is_token_digest(digest: bytes, secret: bytes, nonce: bytes, timestamp_ms: int, version: str) -> bool:
    """Whether ``digest`` is what ``token_digest`` makes of the rest, in the same time for any."""
    expected = token_digest(secret, nonce, timestamp_ms, version)
    return len(digest) == DIGEST_LENGTH and hmac.compare_digest(digest, expected)

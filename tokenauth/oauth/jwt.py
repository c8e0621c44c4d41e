"""The text of a JWT: its shape, its signature and its claims. No token is looked up here."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.views.decorators.debug import sensitive_variables
from jwcrypto.common import JWException, base64url_decode
from jwcrypto.jws import JWS

from tokenauth.exceptions import CredentialError, Reason
from tokenauth.oauth import signing_keys

# The one there is: what the header asks for is compared, and never obeyed.
ALGORITHM = "RS256"
TYPES = ("at+jwt", "application/at+jwt")

# Ours are some 900 characters.
LENGTH = 8192
# In seconds: two clocks are never the same.
LEEWAY = 30

_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Claims:
    """What is needed of the claims of a JWT that this server has signed, and that is valid now."""

    jti: str
    # Of the policy, as it was then; "" without one.
    organization: str


def has_shape(text: str) -> bool:
    """Whether a bearer text is a JWT, of whomever, good or bad."""
    return _SHAPE.fullmatch(text) is not None


def is_ours(text: str) -> bool:
    """Whether it says that it is an access token of RFC 9068, of a key as ours are.

    Another JWT is left to whoever takes it; and what nobody takes is malformed.
    """
    return len(text) <= LENGTH and has_shape(text) and _kid(text.partition(".")[0]) is not None


@sensitive_variables("text")
def key_of(text: str) -> Any:
    """The public key by which ``text``, which is ours, says it is signed.

    :raises CredentialError: ``unknown`` where there is no such key.
    """
    key = signing_keys.public(_kid(text.partition(".")[0]))
    if key is None:
        raise CredentialError(Reason.UNKNOWN)
    return key


@sensitive_variables("text", "payload")
def verify(text: str, key: Any, *, issuer: str, audience: str, now: datetime) -> Claims:
    """The claims of a JWT that ``key`` has signed, for ``audience``, by ``issuer``, valid at ``now``.

    :raises CredentialError: ``unknown`` where the signature is wrong; ``malformed`` where it is for another
        server, or not valid yet; ``expired``.
    """
    signed = JWS()
    signed.allowed_algs = [ALGORITHM]
    try:
        signed.deserialize(text, key)
        payload = json.loads(signed.payload)
    except (JWException, ValueError, RecursionError) as error:
        raise CredentialError(Reason.UNKNOWN) from error
    if not isinstance(payload, dict):
        raise CredentialError(Reason.MALFORMED)
    audiences = payload.get("aud")
    audiences = audiences if isinstance(audiences, list) else [audiences]
    moment = now.timestamp()
    begins = (payload.get("nbf", 0), payload.get("iat", moment))
    if (
        payload.get("iss") != issuer
        or audience not in audiences
        or not all(map(_is_time, (*begins, payload.get("exp"))))
        or any(begin > moment + LEEWAY for begin in begins)
        or not isinstance(payload.get("jti"), str)
        or not isinstance(payload.get("organization", ""), str)
    ):
        raise CredentialError(Reason.MALFORMED)
    if payload["exp"] <= moment:
        raise CredentialError(Reason.EXPIRED)
    return Claims(payload["jti"], payload.get("organization", ""))


# All tokens of a key have one header, which is no secret.
@lru_cache(maxsize=64)
def _kid(part: str) -> str | None:
    """The key id of a header; None where it is not that of an access token of RFC 9068."""
    try:
        header = json.loads(base64url_decode(part))
    except (ValueError, RecursionError):
        return None
    if not isinstance(header, dict) or header.get("alg") != ALGORITHM or "crit" in header:
        return None
    # An ID token has another type, and so has the JWT of whoever signs with the same keys for another use.
    typ, kid = header.get("typ"), header.get("kid")
    is_access_token = isinstance(typ, str) and typ.lower() in TYPES
    return kid if is_access_token and isinstance(kid, str) else None


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

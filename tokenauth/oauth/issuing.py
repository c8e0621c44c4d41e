"""The texts of new tokens, as django-oauth-toolkit asks for them."""

import hashlib
import json
import secrets
from typing import Any

from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables
from jwcrypto.jws import JWS
from oauth2_provider.settings import oauth2_settings

from tokenauth.conf import conf
from tokenauth.core import credential
from tokenauth.oauth import signing_keys

REFRESH_PREFIX = "rt_"


def lifetime(request: Any) -> int:
    """Of the access token of ``request``, in seconds: not beyond the authorization that it is of."""
    # The token is issued by the same moment: none of it is beyond by a second that passes meanwhile.
    now = request.tokenauth_issued_at = int(timezone.now().timestamp())
    seconds: int = oauth2_settings.ACCESS_TOKEN_EXPIRE_SECONDS
    whole = conf.OAUTH_AUTHORIZATION_LIFETIME
    if whole is None or request.grant_type == "client_credentials":
        return seconds
    if request.grant_type == "refresh_token":
        return min(seconds, int(request.tokenauth_authorization.ends_at.timestamp()) - now)
    return min(seconds, int(whole.total_seconds()))


@sensitive_variables()
def access_token(request: Any) -> str:
    """A JWT of RFC 9068 for a token request of oauthlib, which the validator has judged."""
    now: int = request.tokenauth_issued_at
    claims = {
        "iss": request.tokenauth_issuer,
        "aud": request.tokenauth_audience,
        # A user and an application may have the same key: RFC 9068, section 5.
        "sub": subject(None if request.grant_type == "client_credentials" else request.user, request.client),
        "client_id": request.client.client_id,
        "iat": now,
        "exp": now + request.expires_in,
        "jti": secrets.token_urlsafe(16),
        "scope": " ".join(request.scopes),
    }
    if organization := request.client.tokenauth_policy.organization:
        claims["organization"] = organization
    key = signing_keys.current()
    signed = JWS(_compact(claims))
    header = {"alg": "RS256", "typ": "at+jwt", "kid": key.thumbprint()}
    signed.add_signature(key, protected=_compact(header))
    text: str = signed.serialize(compact=True)
    return text


def subject(user: Any, application: Any) -> str:
    """The ``sub`` of a token of ``user``, or of ``application`` itself where there is none."""
    return f"cli_{application.client_id}" if user is None else f"usr_{user.pk}"


@sensitive_variables("code")
def digest_of_code(code: str) -> str:
    """What is kept of an authorization code, and looked for."""
    return salted_hmac("tokenauth.oauth.code", code, algorithm="sha256").hexdigest()


@sensitive_variables("text")
def digest_of_token(text: str) -> str:
    """What django-oauth-toolkit keeps of an access or refresh token, and what it is looked for by."""
    return hashlib.sha256(text.encode()).hexdigest()


def refresh_token(request: Any) -> str:
    """``rt_…``: 30 random base62 characters and a checksum, as the other credentials."""
    payload = REFRESH_PREFIX + credential.random_text()
    return payload + credential.checksum(payload)


@sensitive_variables("text")
def is_refresh_token(text: object) -> bool:
    """Whether ``text`` may be a refresh token: prefix, length, alphabet and checksum are right."""
    if not isinstance(text, str) or len(text) != len(REFRESH_PREFIX) + credential.BODY_LENGTH:
        return False
    body = text.removeprefix(REFRESH_PREFIX)
    if len(body) != credential.BODY_LENGTH or not (body.isascii() and body.isalnum()):
        return False
    return credential.checksum(text[: -credential.CHECKSUM_LENGTH]) == text[-credential.CHECKSUM_LENGTH :]


def _compact(value: dict[str, Any]) -> str:
    # In every request: each space is two more characters of it.
    return json.dumps(value, separators=(",", ":"))

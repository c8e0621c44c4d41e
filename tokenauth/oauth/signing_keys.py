"""The keys that JWTs are signed by (RS256), and their public halves (RFC 7517).

``OAUTH_SIGNING_KEYS`` has them, from a file or the environment; or they are made when the first is needed,
and kept in the database, encrypted under ``SECRET_KEY`` (and read under ``SECRET_KEY_FALLBACKS``).
"""

import base64
import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import router, transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables
from jwcrypto.common import JWException
from jwcrypto.jwk import JWK
from oauth2_provider.models import get_access_token_model
from oauth2_provider.settings import oauth2_settings

from tokenauth.conf import conf
from tokenauth.oauth.models import SigningKey

KEY_SIZE = 2048

# An RFC 7638 thumbprint: 256 bits in base64url.
_KID = re.compile(r"[A-Za-z0-9_-]{43}")


@sensitive_variables()
def current() -> JWK:
    """The private key that signs; made now where there is none yet.

    :raises ImproperlyConfigured: it cannot be read.
    """
    if conf.OAUTH_SIGNING_KEYS:
        return _configured(conf.OAUTH_SIGNING_KEYS[0])
    row = _rows().filter(retired_at__isnull=True).order_by("-created_at", "kid").first() or _make(
        timezone.now()
    )
    return _decrypted(row.kid, row.private_key, tuple(_secrets()))


def public(kid: object) -> JWK | None:
    """The public key of this id; None where there is none, without a query where ``kid`` is no id."""
    if not isinstance(kid, str) or _KID.fullmatch(kid) is None:
        return None
    if conf.OAUTH_SIGNING_KEYS:
        keys = map(_configured, conf.OAUTH_SIGNING_KEYS)
        return next((key for key in keys if _kid(key) == kid), None)
    try:
        return _known(kid)
    except _Unknown:
        return None


def published() -> dict[str, list[dict[str, str]]]:
    """The JWKS: every key by which a live token may be signed."""
    if conf.OAUTH_SIGNING_KEYS:
        keys = [_public_dict(_configured(pem)) for pem in conf.OAUTH_SIGNING_KEYS]
    else:
        keys = [row.public_key for row in _rows().filter(_is_published(timezone.now()))]
    return {"keys": keys}


def rotate(*, at_once: bool = False) -> SigningKey:
    """Make a new key, and retire the others: they stay published until their last token has expired.

    ``at_once``: a key has leaked. The others are deleted, and with them every token: applications refresh
    theirs.

    :raises ImproperlyConfigured: the keys are those of ``OAUTH_SIGNING_KEYS``.
    """
    if conf.OAUTH_SIGNING_KEYS:
        raise ImproperlyConfigured(
            "The keys are those of TOKENAUTH['OAUTH_SIGNING_KEYS']: put a new one first, and take the old "
            "one away once its last token has expired."
        )
    now = timezone.now()
    tokens = get_access_token_model().objects
    with transaction.atomic(using=router.db_for_write(SigningKey)):
        new = _make(now)
        others = _rows().exclude(pk=new.pk)
        if at_once:
            # Whatever the time: what a clock that is ahead says has ended would come back with the right one.
            others.delete()
            tokens.all().delete()
        else:
            latest = tokens.aggregate(latest=Max("expires"))["latest"]
            # What is signed meanwhile by a process that has read the old one just now is not there yet.
            until = max(
                latest or now, now + timedelta(seconds=oauth2_settings.ACCESS_TOKEN_EXPIRE_SECONDS + 60)
            )
            others.filter(retired_at__isnull=True).update(retired_at=now, published_until=until)
    _known.cache_clear()
    return new


def prune() -> int:
    """Delete the keys that are published no more; how many."""
    count: int = _rows().filter(published_until__lt=timezone.now()).delete()[0]
    return count


@sensitive_variables()
def _make(now: datetime) -> SigningKey:
    key = JWK.generate(kty="RSA", size=KEY_SIZE)
    encrypted = _fernet(_secrets()[0]).encrypt(key.export_to_pem(private_key=True, password=None))
    return SigningKey.objects.create(
        kid=_kid(key), private_key=encrypted.decode(), public_key=_public_dict(key), created_at=now
    )


def _rows() -> Any:
    # Where it was written: a replica may not have the newest.
    return SigningKey.objects.using(router.db_for_write(SigningKey))


def _is_published(now: datetime) -> Q:
    return Q(published_until__isnull=True) | Q(published_until__gt=now)


class _Unknown(Exception):  # noqa: N818 - caught here
    """Not to be remembered by the cache: the key may be there a moment later."""


@lru_cache(maxsize=32)
def _known(kid: str) -> JWK:
    # A retired key is remembered, too: what it has signed has expired, or is in the database no more.
    row = _rows().filter(_is_published(timezone.now()), pk=kid).first()
    if row is None:
        raise _Unknown
    return JWK(**row.public_key)


@lru_cache(maxsize=8)
@sensitive_variables()
def _configured(pem: str) -> JWK:
    try:
        key = JWK.from_pem(pem.encode())
    except (ValueError, TypeError, JWException) as error:
        raise ImproperlyConfigured(
            "TOKENAUTH['OAUTH_SIGNING_KEYS'] has what is no key in PEM text."
        ) from error
    if key["kty"] != "RSA" or not key.has_private:
        raise ImproperlyConfigured("TOKENAUTH['OAUTH_SIGNING_KEYS'] must have private RSA keys.")
    return key


@lru_cache(maxsize=8)
@sensitive_variables()
def _decrypted(kid: str, encrypted: str, secrets: tuple[str, ...]) -> JWK:
    try:
        pem = MultiFernet([_fernet(secret) for secret in secrets]).decrypt(encrypted.encode())
    except InvalidToken as error:
        raise ImproperlyConfigured(
            f"The signing key {kid} cannot be decrypted: it was encrypted under another SECRET_KEY. Put that "
            "into SECRET_KEY_FALLBACKS, or make a new key: manage.py rotatesigningkey."
        ) from error
    return JWK.from_pem(pem)


def _secrets() -> list[str]:
    return [str(settings.SECRET_KEY), *map(str, settings.SECRET_KEY_FALLBACKS)]


@sensitive_variables()
def _fernet(secret: str) -> Fernet:
    key = salted_hmac("tokenauth.oauth.SigningKey", "", secret=secret, algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))


def _kid(key: JWK) -> str:
    thumbprint: str = key.thumbprint()
    return thumbprint


def _public_dict(key: JWK) -> dict[str, str]:
    public: dict[str, str] = key.export_public(as_dict=True)
    return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": _kid(key), "n": public["n"], "e": public["e"]}

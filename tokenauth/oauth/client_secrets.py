"""The secrets of applications: Argon2id at rest, and a fingerprint by which a wrong one is told for nothing.

Argon2 takes 100 MiB and a tenth of a second each time, whether the secret is right or wrong, and a client id
is no secret. The fingerprint (64 bits of an HMAC under ``SECRET_KEY``) does not take the place of the hash:
without ``SECRET_KEY`` it tells nothing, and what matches it is checked by Argon2 all the same.

An application from before this app was installed has none until its secret was right once. Until then a wrong
one is told by its hash alone: few are hashed a minute, one at a time, and nobody waits for that.
"""

import threading
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import check_password, identify_hasher
from django.db.models.signals import post_save, pre_save
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.views.decorators.debug import sensitive_variables
from oauth2_provider.generators import generate_client_secret
from oauth2_provider.models import get_application_model

from tokenauth.core import rate_limit
from tokenauth.core.rate_limit import RateLimit
from tokenauth.exceptions import CredentialError, Reason
from tokenauth.oauth.models import ApplicationPolicy

# Ours have 128.
LENGTH = 1024

# On an application from before its secret is hashed until it is saved.
_FINGERPRINT = "_tokenauth_secret_fingerprint"

# Of secrets without a fingerprint. The second is more than one address has: to keep an application out until
# it has one, it takes several.
_OF_ADDRESS = RateLimit("oauth_secret_address", "20/min")
_OF_APPLICATION = RateLimit("oauth_secret_application", "60/min")

# However many requests there are, one of them has Argon2's memory, and one whose secret may be wrong. A right
# one does not wait for that.
_hashing, _hashing_unknown = threading.Lock(), threading.Lock()


@sensitive_variables()
def is_right(application: Any, policy: ApplicationPolicy, secret: str, address: str | None) -> bool:
    """Whether ``secret``, sent from ``address``, is the application's. An empty one never is.

    :raises CredentialError: ``throttled``, where it would have to be hashed to tell, and too many were.
    """
    if not secret or len(secret) > LENGTH or not is_hashed(application.client_secret):
        return False
    fingerprints = [
        _fingerprint(secret, key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]
    known = policy.secret_fingerprint
    if known and not any(constant_time_compare(known, one) for one in fingerprints):
        return False
    is_hash_of_it = _is_hash_of_likely if known else _is_hash_of_unknown
    if not is_hash_of_it(application, secret, address):
        return False
    if known != fingerprints[0]:
        ApplicationPolicy.objects.filter(pk=policy.pk).update(secret_fingerprint=fingerprints[0])
    return True


@sensitive_variables()
def _is_hash_of_likely(application: Any, secret: str, address: str | None) -> bool:
    with _hashing:
        return check_password(secret, application.client_secret)


@sensitive_variables()
def _is_hash_of_unknown(application: Any, secret: str, address: str | None) -> bool:
    now = timezone.now()
    # Before it is known to be wrong: of many at once, no more than these are hashed.
    seconds = _OF_ADDRESS.count(rate_limit.client(address), now) or _OF_APPLICATION.count(
        str(application.pk), now
    )
    if seconds is not None:
        raise CredentialError(Reason.THROTTLED, retry_after=seconds)
    if not _hashing_unknown.acquire(blocking=False):
        raise CredentialError(Reason.THROTTLED, retry_after=1)
    try:
        return check_password(secret, application.client_secret)
    finally:
        _hashing_unknown.release()


@sensitive_variables()
def give(application: Any) -> str:
    """Give ``application``, which is saved after this, a new secret, whose text is not known again.

    A public one has none: "".
    """
    is_confidential = application.client_type == application.CLIENT_CONFIDENTIAL
    secret: str = generate_client_secret() if is_confidential else ""
    application.client_secret = secret
    return secret


def is_hashed(secret: str) -> bool:
    """Whether ``secret`` is a hash of one of the project's ``PASSWORD_HASHERS``."""
    try:
        identify_hasher(secret)
    except ValueError:
        return False
    return True


def connect() -> None:
    """Take the fingerprint of each secret that is saved, by whatever means: the admin, a command, the ORM."""
    application = get_application_model()
    pre_save.connect(_take, sender=application, dispatch_uid="tokenauth.oauth.secret")
    post_save.connect(_keep, sender=application, dispatch_uid="tokenauth.oauth.secret")
    post_save.connect(_keep_of_policy, sender=ApplicationPolicy, dispatch_uid="tokenauth.oauth.secret")


@sensitive_variables("secret")
def _take(instance: Any, raw: bool, **kwargs: Any) -> None:
    secret = instance.client_secret
    if secret and not raw and not is_hashed(secret):
        setattr(instance, _FINGERPRINT, _fingerprint(secret, settings.SECRET_KEY))
        # In clear is what django-oauth-toolkit keeps for HS256, which there is none of here.
        instance.hash_client_secret = True


def _keep(instance: Any, **kwargs: Any) -> None:
    if fingerprint := instance.__dict__.get(_FINGERPRINT):
        ApplicationPolicy.objects.filter(pk=instance.pk).update(secret_fingerprint=fingerprint)


def _keep_of_policy(instance: ApplicationPolicy, raw: bool, **kwargs: Any) -> None:
    # An application is saved before its policy.
    application = instance._state.fields_cache.get("application")
    fingerprint = application and application.__dict__.get(_FINGERPRINT)
    if fingerprint and not raw and instance.secret_fingerprint != fingerprint:
        instance.secret_fingerprint = fingerprint
        ApplicationPolicy.objects.filter(pk=instance.pk).update(secret_fingerprint=fingerprint)


@sensitive_variables()
def _fingerprint(secret: str, key: Any) -> str:
    digest = salted_hmac("tokenauth.oauth.client_secret", secret, secret=key, algorithm="sha256")
    return digest.hexdigest()[:16]

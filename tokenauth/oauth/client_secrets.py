"""The secrets of applications: Argon2id at rest, and a fingerprint by which a wrong one is told for nothing.

Argon2 takes 100 MiB and a tenth of a second each time, whether the secret is right or wrong, and a client id
is no secret. The fingerprint (64 bits of an HMAC under ``SECRET_KEY``) does not take the place of the hash:
without ``SECRET_KEY`` it tells nothing, and what matches it is checked by Argon2 all the same.
"""

import threading
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import check_password, identify_hasher
from django.db.models.signals import post_save, pre_save
from django.utils.crypto import constant_time_compare, salted_hmac
from django.views.decorators.debug import sensitive_variables
from oauth2_provider.models import get_application_model

from tokenauth.oauth.models import ApplicationPolicy

# Ours have 128.
LENGTH = 1024

# On an application from before its secret is hashed until it is saved.
_FINGERPRINT = "_tokenauth_secret_fingerprint"

# However many requests there are, one of them has Argon2's memory.
_hashing = threading.Lock()


@sensitive_variables()
def is_right(application: Any, policy: ApplicationPolicy, secret: str) -> bool:
    """Whether ``secret`` is the application's. An empty one never is."""
    if not secret or len(secret) > LENGTH or not is_hashed(application.client_secret):
        return False
    fingerprints = [
        _fingerprint(secret, key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]
    # One of before this app was installed has none yet.
    known = policy.secret_fingerprint
    if known and not any(constant_time_compare(known, one) for one in fingerprints):
        return False
    with _hashing:
        if not check_password(secret, application.client_secret):
            return False
    if known != fingerprints[0]:
        ApplicationPolicy.objects.filter(pk=policy.pk).update(secret_fingerprint=fingerprints[0])
    return True


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

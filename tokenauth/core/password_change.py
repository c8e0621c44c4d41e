"""A changed password ends the user's tokens, where ``END_TOKENS_ON_PASSWORD_CHANGE`` says so.

What is written past the user (``QuerySet.update()``, ``bulk_update()``, a fixture) is not seen.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import get_hasher, identify_hasher, is_password_usable
from django.db.models.signals import post_save, pre_save

from tokenauth.conf import conf
from tokenauth.core import lifecycle

# Not translated: rows are searched for it, whatever the language of whoever was served.
REASON = "The password was changed."

# What else ends with a password, of the apps that keep credentials of their own.
_others: list[Callable[[Any, str], object]] = []

# On an instance from before it is saved until after.
_CHANGED = "_tokenauth_password_changed"


def connect() -> None:
    """Watch every user that is saved: no sender, since a proxy of the user model is a sender of its own."""
    pre_save.connect(_compare, dispatch_uid="tokenauth.password_change")
    post_save.connect(_end_tokens, dispatch_uid="tokenauth.password_change")


def also_end(end: Callable[[Any, str], object]) -> None:
    """End with a user's tokens what ``end`` ends, called with the user and the reason."""
    _others.append(end)


def _compare(
    instance: Any, raw: bool, using: str, update_fields: Iterable[str] | None, **kwargs: Any
) -> None:
    user_model = get_user_model()
    if raw or not conf.END_TOKENS_ON_PASSWORD_CHANGE or not isinstance(instance, user_model):
        return
    if not any(field.name == "password" for field in user_model._meta.concrete_fields):
        # Of a model whose users sign in elsewhere.
        return
    # Anew each time: of a save that failed, nothing is left to the next.
    setattr(instance, _CHANGED, False)
    if instance.pk is None or (update_fields is not None and "password" not in update_fields):
        return
    rows = user_model._base_manager.using(using).filter(pk=instance.pk)
    for stored in rows.values_list("password", flat=True):
        setattr(instance, _CHANGED, _is_another(instance, stored, update_fields))


def _end_tokens(instance: Any, **kwargs: Any) -> None:
    # After it is saved, by what was found before: the old hash is gone by now, and a save that fails
    # may end nothing. Nor is what fails here passed over: who changes a password relies on it.
    if instance.__dict__.pop(_CHANGED, False):
        lifecycle.revoke(lifecycle.of_user(instance), reason=REASON)
        for end in _others:
            end(instance, REASON)


def _is_another(user: Any, stored: str, update_fields: Iterable[str] | None) -> bool:
    if user.password == stored or _is_upgrade(user, stored, update_fields):
        return False
    # Each time that a password is made unusable, it is stored otherwise.
    return is_password_usable(user.password) or is_password_usable(stored)


def _is_upgrade(user: Any, stored: str, update_fields: Iterable[str] | None) -> bool:
    """Whether it is the same password under a newer hasher, as ``check_password`` saves it at a login.

    That forgets the raw password before it saves the hash alone. So may whoever assigns a hash after an
    earlier save has forgotten it; but Django makes a hash anew only of one that its hashers have outgrown.
    """
    if set(update_fields or ()) != {"password"} or user.__dict__.get("_password", "") is not None:
        return False
    return is_password_usable(user.password) and _is_outgrown(stored) and not _is_outgrown(user.password)


def _is_outgrown(encoded: str) -> bool:
    preferred = get_hasher()
    try:
        hasher = identify_hasher(encoded)
    except ValueError:
        # Of no hasher that there is, or unusable: no password was ever checked against it.
        return False
    return hasher.algorithm != preferred.algorithm or preferred.must_update(encoded)

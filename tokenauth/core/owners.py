"""The owners of tokens: people by name, and services."""

import unicodedata
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


def user_named(username: str) -> Any:
    """The user of this natural key.

    :raises ValidationError: there is none.
    """
    user = _found(username)
    if user is None:
        raise ValidationError({"user": _("There is no user “%(username)s”.") % {"username": username}})
    return user


def service_user(name: str) -> tuple[Any, bool]:
    """The user without password who stands for a service, and whether it was made now.

    :raises ValidationError: the name is no valid one, or a person's, who can sign in.
    """
    user = _found(name)
    if user is None:
        user_model = get_user_model()
        user = user_model(**{user_model.USERNAME_FIELD: name})
        user.set_unusable_password()
        user.full_clean()
        user.save()
        return user, True
    if user.has_usable_password():
        raise ValidationError(
            {"service": _("“%(name)s” is a person's account: it has a password.") % {"name": name}}
        )
    return user, False


def _found(name: str) -> Any:
    """The user of this natural key, or None."""
    user_model = get_user_model()
    if any(unicodedata.category(character) == "Cs" for character in name):
        # What a shell could not decode. No database stores it, and some do not take it for a question.
        return None
    try:
        return user_model._default_manager.get_by_natural_key(name)
    except user_model.DoesNotExist:
        return None

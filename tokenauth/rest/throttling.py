"""How often somebody may try to sign in, asked before any password is hashed; or report tokens."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.db import DataError
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request

from tokenauth.core import network, rate_limit
from tokenauth.throttling import CountingThrottle

USERNAME_LENGTH = 255


class LoginAddressThrottle(CountingThrottle):
    """Of one client, by its address behind ``TRUSTED_PROXIES``."""

    scope = "token_login_address"
    default_rate = "20/min"

    def key(self, request: Request) -> str:
        return rate_limit.client(network.client_address(request.META))


class LeakReportThrottle(LoginAddressThrottle):
    """Of one client, by its address; each report may name a thousand tokens."""

    scope = "token_leaks"
    default_rate = "60/hour"
    # It guards no secret: without the cache, a token that has leaked is still ended.
    is_required = False


class LoginUsernameThrottle(CountingThrottle):
    """With one username, wherever they come from."""

    scope = "token_login_username"
    default_rate = "10/min"

    def key(self, request: Request) -> str | None:
        username = _username(request)
        return None if username is None else _folded(username)


class LoginUserThrottle(LoginUsernameThrottle):
    """As one user, by whatever names the database finds it; counted by itself, by the username's rate.

    A name of nobody's is counted by :class:`LoginUsernameThrottle` alone.
    """

    def key(self, request: Request) -> str | None:
        username = _username(request)
        pk = None if username is None else _user_pk(normalized(username))
        # No folded name has a space.
        return None if pk is None else f"user {pk}"


def normalized(username: str) -> str:
    """As the sign-in forms of Django, and the users that its managers make."""
    return unicodedata.normalize("NFKC", username).strip()


@sensitive_variables()
def _username(request: Request) -> str | None:
    if not isinstance(request.data, Mapping) or "username" not in request.data:
        return None
    # As text, as the serializer reads a number.
    username = str(request.data["username"])
    # What is longer is refused without hashing.
    return username if len(username) <= USERNAME_LENGTH else None


@sensitive_variables()
def _user_pk(username: str) -> Any:
    users = get_user_model()
    try:
        # As Django's own backend looks for it.
        return users._default_manager.get_by_natural_key(username).pk
    except (users.DoesNotExist, users.MultipleObjectsReturned):
        return None
    except (ValueError, DataError):
        # What the database cannot compare, as a NUL: the serializer refuses it.
        return None


@sensitive_variables()
def _folded(username: str) -> str:
    """One key for the spellings that look alike: without case, accents, and what is not seen.

    Whether there is such a user or not; rather one bucket for two users than two for one. Collations find a
    user by more than that (``ı`` for ``i``, ``ø`` for ``o``): of those, :class:`LoginUserThrottle` counts.
    """
    text = unicodedata.normalize("NFKD", username).casefold()
    return "".join(character for character in text if unicodedata.category(character)[0] not in "CMZ")

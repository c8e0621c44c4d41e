"""How often somebody may try to sign in: asked before any password is hashed."""

import unicodedata
from collections.abc import Mapping

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


class LoginUsernameThrottle(CountingThrottle):
    """With one username, wherever they come from."""

    scope = "token_login_username"
    default_rate = "10/min"

    def key(self, request: Request) -> str | None:
        if not isinstance(request.data, Mapping) or "username" not in request.data:
            return None
        # As text, as the serializer reads a number.
        username = str(request.data["username"])
        # What is longer is refused without hashing.
        return _folded(username) if len(username) <= USERNAME_LENGTH else None


@sensitive_variables()
def _folded(username: str) -> str:
    """One key for all the spellings by which a database may find one user.

    Collations compare without case, accents, and what is not seen; rather one bucket for two users than
    two for one.
    """
    text = unicodedata.normalize("NFKD", username).casefold()
    return "".join(character for character in text if unicodedata.category(character)[0] not in "CMZ")

"""How often somebody may try to sign in: asked before any password is hashed."""

import unicodedata
from collections.abc import Mapping
from typing import ClassVar

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from tokenauth.core import network, rate_limit
from tokenauth.core.rate_limit import RateLimit

USERNAME_LENGTH = 255


class _LoginThrottle(BaseThrottle):
    """Every attempt counts, as it comes: of many at once, no more than ``rate`` get through."""

    # Its name in DEFAULT_THROTTLE_RATES, where None switches it off, and what it is where it has none there.
    scope: ClassVar[str]
    rate: ClassVar[str]

    @sensitive_variables()
    def allow_request(self, request: Request, view: APIView) -> bool:
        rate = api_settings.DEFAULT_THROTTLE_RATES.get(self.scope, self.rate)
        key = self.key(request)
        self._seconds: int | None = None
        if rate is not None and key is not None:
            self._seconds = RateLimit(self.scope, str(rate)).count(key, timezone.now())
        return self._seconds is None

    def wait(self) -> float | None:
        return self._seconds

    def key(self, request: Request) -> str | None:
        """Whose attempts are counted together; None: nobody's."""
        raise NotImplementedError


class LoginAddressThrottle(_LoginThrottle):
    """Of one client, by its address behind ``TRUSTED_PROXIES``."""

    scope = "token_login_address"
    rate = "20/min"

    def key(self, request: Request) -> str:
        return rate_limit.client(network.client_address(request.META))


class LoginUsernameThrottle(_LoginThrottle):
    """With one username, wherever they come from."""

    scope = "token_login_username"
    rate = "10/min"

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

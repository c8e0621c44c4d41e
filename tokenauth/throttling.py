"""The doors of REST framework: how often a credential may be used."""

from typing import TYPE_CHECKING, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from tokenauth.core import network, rate_limit
from tokenauth.core.rate_limit import RateLimit

if TYPE_CHECKING:
    from collections.abc import Mapping


class CountingThrottle(BaseThrottle):
    """Each request counts as it comes: of many at once, no more than the rate get through.

    That is why it is not REST framework's ``SimpleRateThrottle``, which reads, then writes.

    :raises ImproperlyConfigured: the scope has no rate.
    """

    # Its name in DEFAULT_THROTTLE_RATES, where None switches it off; what it is where it has none there; and,
    # as in REST framework, what it is whatever the settings say.
    scope: ClassVar[str]
    default_rate: ClassVar[str | None] = None
    rate: ClassVar[str | None] = None
    # Whether nothing is let through while the cache is down; otherwise, everything is.
    is_required: ClassVar[bool] = True

    def key(self, request: Request) -> str | None:
        """Whose requests are counted together; None: nobody's."""
        raise NotImplementedError

    @sensitive_variables()
    def allow_request(self, request: Request, view: APIView) -> bool:
        self._seconds: int | None = None
        rate = self._rate()
        key = None if rate is None else self.key(request)
        if key is not None:
            limit = RateLimit(self.scope, str(rate), is_required=self.is_required)
            self._seconds = limit.count(key, timezone.now())
        return self._seconds is None

    def wait(self) -> float | None:
        return self._seconds

    def _rate(self) -> str | None:
        if self.rate is not None:
            return self.rate
        # Read late, not once at import as REST framework does.
        rates: Mapping[str, str | None] = api_settings.DEFAULT_THROTTLE_RATES  # type: ignore[assignment]
        if self.scope not in rates and self.default_rate is None:
            raise ImproperlyConfigured(
                f"{type(self).__name__} has no rate: set DEFAULT_THROTTLE_RATES[{self.scope!r}], "
                'as "1000/hour".'
            )
        return rates.get(self.scope, self.default_rate)


class TokenRateThrottle(CountingThrottle):
    """So many requests a credential: ``DEFAULT_THROTTLE_RATES["token"]``, as ``"1000/hour"``.

    Counted by the family, so that a token and its successors have one share: rotating resets nothing.
    Another app's ``request.auth`` is counted by its user. People signed in by session are not throttled.
    While the cache is down, nobody is: the logger ``tokenauth`` is told.
    """

    scope = "token"
    # Who is counted has shown a good credential: an API without its cache still answers them.
    is_required = False

    def key(self, request: Request) -> str | None:
        if request.auth is None:
            return None
        family = getattr(request.auth, "family", None)
        if family is not None:
            return f"family {family}"
        user = getattr(request.user, "pk", None)
        if user is not None:
            return f"user {user}"
        return f"address {rate_limit.client(network.client_address(request.META))}"

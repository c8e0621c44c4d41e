"""The doors of REST framework: how often a credential may be used."""

from typing import Any

from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from tokenauth.core import network, rate_limit


class TokenRateThrottle(SimpleRateThrottle):
    """So many requests a credential: ``DEFAULT_THROTTLE_RATES["token"]``, as ``"1000/hour"``.

    Counted by the family, so that a token and its successors have one share: rotating resets nothing.
    Another app's ``request.auth`` is counted by its user. People signed in by session are not throttled.

    :raises ImproperlyConfigured: the scope has no rate.
    """

    scope = "token"

    # REST framework reads it once, when its module is imported.
    @property
    def THROTTLE_RATES(self) -> Any:  # type: ignore[override]  # noqa: N802
        return api_settings.DEFAULT_THROTTLE_RATES

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        if request.auth is None:
            return None
        return self.cache_format % {"scope": self.scope, "ident": _ident(request)}


def _ident(request: Request) -> str:
    family = getattr(request.auth, "family", None)
    if family is not None:
        return f"family-{family}"
    user = getattr(request.user, "pk", None)
    if user is not None:
        return f"user-{user}"
    return f"address-{rate_limit.client(network.client_address(request.META))}"

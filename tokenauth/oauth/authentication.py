"""The door of REST framework for JWTs."""

from typing import Any

from django.http import HttpRequest

from tokenauth.authentication import CredentialAuthentication
from tokenauth.oauth import verification


class JWTAuthentication(CredentialAuthentication):
    """``Authorization: Bearer eyJ…``.

    ``request.auth`` is an :class:`~tokenauth.oauth.principals.OAuthAccess`; ``request.user`` is the user who
    let the application in, or a :class:`~tokenauth.oauth.principals.ServicePrincipal`, which is the
    application itself.
    """

    def verified(self, request: HttpRequest) -> tuple[Any, Any] | None:
        verified = verification.authenticate(request)
        return None if verified is None else (verified.user, verified.auth)

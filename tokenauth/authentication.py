"""The doors of REST framework: who makes a request, by which credential."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied, Throttled
from rest_framework.request import Request

from tokenauth.core import challenges, verification
from tokenauth.core.credential import Kind
from tokenauth.core.request_state import django_request
from tokenauth.exceptions import CredentialError, Reason
from tokenauth.models import AccessToken


class AccessTokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer pat_…``. ``request.auth`` is the :class:`~tokenauth.models.AccessToken`.

    A foreign scheme is left to the next authenticator.
    """

    kind = Kind.PERSONAL

    def authenticate(self, request: Request) -> tuple[Any, AccessToken] | None:
        try:
            verified = verification.authenticate(django_request(request), self.kind)
        except CredentialError as error:
            raise _translated(error) from error
        return None if verified is None else (verified.token.user, verified.token)

    def authenticate_header(self, request: Request) -> str:
        return challenges.challenge(django_request(request))


class APIKeyAuthentication(AccessTokenAuthentication):
    """``X-API-Key: ak_live_…``. ``request.auth`` is the :class:`~tokenauth.models.AccessToken`."""

    kind = Kind.API_KEY


def _translated(error: CredentialError) -> APIException:
    message, code = error.reason.label, error.reason.value
    if error.reason is Reason.THROTTLED:
        return Throttled(error.retry_after, str(message), code)
    refused = PermissionDenied if error.reason.status == 403 else AuthenticationFailed
    return refused(message, code)

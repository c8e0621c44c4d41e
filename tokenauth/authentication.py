"""The doors of REST framework: who makes a request, by which credential."""

from typing import Any

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied, Throttled
from rest_framework.request import Request

from tokenauth.core import challenges, verification
from tokenauth.core.credential import Kind
from tokenauth.core.request_state import django_request
from tokenauth.exceptions import CredentialError, Reason
from tokenauth.models import AccessToken


class CredentialAuthentication(BaseAuthentication):
    """What the doors of all credentials have in common: a challenge, and the reasons of a refusal."""

    def verified(self, request: HttpRequest) -> tuple[Any, Any] | None:
        """``request.user`` and ``request.auth``; None where no credential of this kind was presented.

        :raises CredentialError: one was, and is refused.
        """
        raise NotImplementedError

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        try:
            return self.verified(django_request(request))
        except CredentialError as error:
            raise _translated(error) from error

    def authenticate_header(self, request: Request) -> str:
        return challenges.challenge(django_request(request))


class AccessTokenAuthentication(CredentialAuthentication):
    """``Authorization: Bearer pat_…``. ``request.auth`` is the :class:`~tokenauth.models.AccessToken`.

    A foreign scheme is left to the next authenticator.
    """

    kind = Kind.PERSONAL

    def verified(self, request: HttpRequest) -> tuple[Any, AccessToken] | None:
        verified = verification.authenticate(request, self.kind)
        return None if verified is None else (verified.token.user, verified.token)


class APIKeyAuthentication(AccessTokenAuthentication):
    """``X-API-Key: ak_live_…``. ``request.auth`` is the :class:`~tokenauth.models.AccessToken`."""

    kind = Kind.API_KEY


def _translated(error: CredentialError) -> APIException:
    message, code = error.reason.message, error.reason.value
    if error.reason is Reason.THROTTLED:
        return Throttled(error.retry_after, message, code)
    refused = PermissionDenied if error.reason.status == 403 else AuthenticationFailed
    return refused(message, code)

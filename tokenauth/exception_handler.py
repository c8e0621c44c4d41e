"""The door that answers: ``REST_FRAMEWORK["EXCEPTION_HANDLER"]``."""

import traceback
from http import HTTPStatus
from typing import Any

from rest_framework.exceptions import (
    APIException,
    AuthenticationFailed,
    NotAuthenticated,
    PermissionDenied,
    Throttled,
)
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.views import exception_handler as rest_framework_handler

from tokenauth.authentication import CredentialAuthentication
from tokenauth.core import answers, attempts, challenges
from tokenauth.core.request_state import Refusal, django_request, state_of
from tokenauth.exceptions import CredentialError, DelegationError, Reason, RotationConflict
from tokenauth.permissions import HasScopes, SameOrganization, permissions_in


class _Conflict(APIException):
    status_code = HTTPStatus.CONFLICT


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """401, 403, 409 and 429 as ``{"error": {"code", "message", "reason"}}``; all else as REST framework's.

    A 401 carries its challenge whatever the order of the authentication classes. A ``RotationConflict`` that
    a view lets through is a 409, a ``DelegationError`` a 403.
    """
    response = rest_framework_handler(_translated(exc), context)
    if response is None:
        return None
    request: Request = context["request"]
    refusal = _refusal_of_ours(exc, request)
    if refusal is not None:
        response.status_code = refusal.reason.status
        attempts.refused_request(django_request(request), refusal)
    elif isinstance(exc, AuthenticationFailed) and _is_guarded_by_ours(request):
        response.status_code = HTTPStatus.UNAUTHORIZED
    _challenge(response, request, refusal)
    if response.status_code in answers.CODES:
        response.data = _body(response, refusal)
        response["Cache-Control"] = "no-store"
    return response


def _translated(exc: Exception) -> Exception:
    """What this app raises outside of REST framework, as an exception of that."""
    if isinstance(exc, RotationConflict):
        return _Conflict(str(exc), code=exc.reason)
    if isinstance(exc, DelegationError):
        return PermissionDenied(str(exc), code=Reason.INSUFFICIENT_SCOPE.value)
    return exc


def _refusal_of_ours(exc: Exception, request: Request) -> Refusal | None:
    """What this app refused, and why; None where another did."""
    if isinstance(exc, NotAuthenticated):
        return Refusal(Reason.MISSING) if _is_guarded_by_ours(request) else None
    if isinstance(exc, DelegationError):
        return Refusal(Reason.INSUFFICIENT_SCOPE, exc.scopes, message=str(exc))
    if not isinstance(exc, AuthenticationFailed | PermissionDenied | Throttled):
        return None
    if isinstance(exc.__cause__, CredentialError) and exc.get_codes() == exc.__cause__.reason.value:
        return Refusal(exc.__cause__.reason)
    if any(permissions_in(_asked_when_raised(exc), HasScopes, SameOrganization)):
        return state_of(django_request(request)).refusal
    return None


def _asked_when_raised(exc: Exception) -> object:
    """The permission that REST framework was asking when it refused; None where the view itself did.

    A refusal that another permission outweighed is left on the request all the same, and must not be
    blamed for what is refused later.
    """
    asking = (APIView.check_permissions.__code__, APIView.check_object_permissions.__code__)
    for frame, _line in traceback.walk_tb(exc.__traceback__):
        if frame.f_code in asking:
            return frame.f_locals.get("permission")
    return None


def _is_guarded_by_ours(request: Request) -> bool:
    return any(isinstance(one, CredentialAuthentication) for one in request.authenticators or ())


def _challenge(response: Response, request: Request, refusal: Refusal | None) -> None:
    if refusal is not None and refusal.reason.status != HTTPStatus.UNAUTHORIZED:
        if challenge := challenges.of_refusal(django_request(request), refusal):
            response["WWW-Authenticate"] = challenge
    elif response.status_code == HTTPStatus.UNAUTHORIZED and (refusal or _is_guarded_by_ours(request)):
        # REST framework asks its first authenticator alone for a challenge, and that may have none.
        others, ours = response.get("WWW-Authenticate"), challenges.challenge(django_request(request))
        response["WWW-Authenticate"] = ours if others in (None, ours) else f"{ours}, {others}"


def _body(response: Response, refusal: Refusal | None) -> dict[str, dict[str, str]]:
    status = HTTPStatus(response.status_code)
    if refusal is not None:
        return answers.body(status, refusal.message or refusal.reason.message, refusal.reason.value)
    detail = response.data.get("detail") if isinstance(response.data, dict) else None
    return answers.body(status, str(detail or status.phrase), getattr(detail, "code", status.name.lower()))

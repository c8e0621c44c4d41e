"""``POST /auth/token``: JSON in and out, errors in this app's own form."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from rest_framework.exceptions import APIException, ErrorDetail, ParseError, Throttled
from rest_framework.parsers import JSONParser
from rest_framework.permissions import AllowAny
from rest_framework.response import Response

from tokenauth.core.password_check import PASSWORD_LENGTH
from tokenauth.core.request_body import is_longer
from tokenauth.core.request_state import django_request
from tokenauth.core.token_arguments import is_storable
from tokenauth.exception_handler import exception_handler
from tokenauth.exceptions import CredentialError
from tokenauth.oauth.backend import FieldsBackend
from tokenauth.rest.api_view import TokenAPIView
from tokenauth.rest.throttling import (
    USERNAME_LENGTH,
    LoginAddressThrottle,
    LoginUsernameThrottle,
    LoginUserThrottle,
    normalized,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from rest_framework.request import Request

# In bytes; a password has some characters of several.
BODY_LENGTH = 8192

_CLIENT = {"grant_type", "client_id", "client_secret", "scope"}
# What each grant takes, and what it needs.
GRANTS = {
    "password": (_CLIENT | {"username", "password"}, {"client_id", "username", "password"}),
    "client_credentials": (_CLIENT, {"client_id", "client_secret"}),
    "refresh_token": (_CLIENT | {"refresh_token"}, {"client_id", "refresh_token"}),
}
_STATUSES = {
    "invalid_client": HTTPStatus.UNAUTHORIZED,
    "invalid_grant": HTTPStatus.UNAUTHORIZED,
    "unauthorized_client": HTTPStatus.FORBIDDEN,
    "access_denied": HTTPStatus.FORBIDDEN,
    "invalid_scope": HTTPStatus.FORBIDDEN,
}
_NAMES = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "CONTENT_TOO_LARGE"}


class TokenRequestThrottle(LoginAddressThrottle):
    """Of one client, by its address: applications that show a secret, or a refresh token."""

    scope = "oauth_token_address"
    default_rate = "1200/min"


class _TooLarge(APIException):
    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


class _Refused(APIException):
    def __init__(self, status: int, message: str, reason: str) -> None:
        super().__init__(message, reason)
        self.status_code = status


class _ObjectParser(JSONParser):
    """One object of texts, each member once."""

    @sensitive_variables()
    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> dict[str, str]:
        try:
            members = json.loads(stream.read().decode(), object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            # Without its cause, which quotes the body.
            raise ParseError(_("The body must be a JSON object, with each member once.")) from (
                error if isinstance(error, _TwiceError) else None
            )
        if not isinstance(members, dict) or not all(isinstance(value, str) for value in members.values()):
            raise ParseError(_("The body must be a JSON object whose members are texts."))
        if not all(map(is_storable, members.values())):
            raise ParseError(_("A member has a character in it that is none."))
        return members


class TokenRequestView(TokenAPIView):
    """A token for a password, a client secret or a refresh token."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (_ObjectParser,)

    @method_decorator(sensitive_post_parameters())
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if is_longer(django_request(request), BODY_LENGTH):
            raise _TooLarge(_("The body is longer than %(length)d bytes.") % {"length": BODY_LENGTH})
        super().initial(request, *args, **kwargs)

    def get_throttles(self) -> list[Any]:
        members = self.request.data
        if isinstance(members, dict) and members.get("grant_type") == "password":
            # Before anything is hashed, and counted together with the other sign-in.
            return [LoginAddressThrottle(), LoginUsernameThrottle(), LoginUserThrottle()]
        return [TokenRequestThrottle()]

    def get_exception_handler(self) -> Callable[..., Response | None]:
        return _in_the_envelope

    @sensitive_variables()
    def post(self, request: Request) -> Response:
        fields = _checked(request.data)
        try:
            members, status = FieldsBackend(fields.items()).token_response(django_request(request))
        except CredentialError as error:
            raise Throttled(error.retry_after) from error
        # Not raised: REST framework would roll back the end of what was used twice (ATOMIC_REQUESTS).
        return Response(members) if status == HTTPStatus.OK else _refused(members)


class _TwiceError(ValueError):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _TwiceError
    return members


@sensitive_variables()
def _checked(given: Any) -> dict[str, str]:
    """The members that oauthlib is given.

    :raises APIException: one is missing, unknown, or too long.
    """
    members: dict[str, str] = given
    grant = members.get("grant_type")
    if grant not in GRANTS:
        known = ", ".join(GRANTS)
        reason = "invalid_request" if grant is None else "unsupported_grant_type"
        raise _Refused(400, _("The grant_type must be one of: %(known)s.") % {"known": known}, reason)
    taken, needed = GRANTS[grant]
    if missing := sorted(needed - members.keys()):
        names = ", ".join(missing)
        raise _Refused(400, _("Missing: %(names)s.") % {"names": names}, "invalid_request")
    if members.keys() - taken:
        names = ", ".join(sorted(taken))
        raise _Refused(
            400, _("This grant takes no other member than: %(names)s.") % {"names": names}, "invalid_request"
        )
    if grant == "password":
        members = {**members, "username": normalized(members["username"])}
        if len(members["username"]) > USERNAME_LENGTH or len(members["password"]) > PASSWORD_LENGTH:
            raise _Refused(400, _("The username or the password is too long."), "invalid_request")
    return members


def _refused(members: dict[str, Any]) -> Response:
    """The answer to what oauthlib refused."""
    error = str(members.get("error"))
    messages = {
        "invalid_client": _("The application is not known, or its secret is wrong."),
        "invalid_grant": _("The username, the password or the refresh token is wrong."),
        "unauthorized_client": _("The application may not ask for a token in this way."),
        "invalid_scope": _("The application may not have what it asks for."),
    }
    message = messages.get(error) or str(members.get("error_description") or error)
    return _enveloped(Response(status=_STATUSES.get(error, HTTPStatus.BAD_REQUEST)), message, error)


def _in_the_envelope(exc: Exception, context: dict[str, Any]) -> Response | None:
    response = exception_handler(exc, context)
    if response is None:
        return None
    detail = response.data.get("detail") if isinstance(response.data, dict) else None
    if isinstance(detail, ErrorDetail):
        reason = "invalid_request" if detail.code == "parse_error" else str(detail.code)
        _enveloped(response, str(detail), reason)
    return response


def _enveloped(response: Response, message: str, reason: str) -> Response:
    status = HTTPStatus(response.status_code)
    response.data = {"error": {"code": _NAMES.get(status, status.name), "message": message, "reason": reason}}
    if status == HTTPStatus.UNAUTHORIZED:
        # No token was presented, and none would help.
        response["WWW-Authenticate"] = 'Bearer realm="api"'
    return response

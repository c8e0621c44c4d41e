"""A personal token for a username and a password: the sign-in of apps on people's devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import connections, router, transaction
from django.http import Http404, HttpRequest
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.utils import html

from tokenauth.conf import conf
from tokenauth.core import lifecycle, password_check, scopes
from tokenauth.core.password_check import PASSWORD_LENGTH
from tokenauth.core.request_state import django_request
from tokenauth.models import AccessToken
from tokenauth.rest.api_view import BoundedJSONParser, TokenAPIView, by_field
from tokenauth.rest.serializers import CreatedTokenSerializer
from tokenauth.rest.throttling import (
    USERNAME_LENGTH,
    LoginAddressThrottle,
    LoginUsernameThrottle,
    LoginUserThrottle,
    normalized,
)

if TYPE_CHECKING:
    from rest_framework.request import Request

# The fields by which the request gives what a token is made of.
_FIELDS = {"name": "device_name", "scopes": "scopes"}


class _Scopes(serializers.ListField):
    """Of a form, which can name no empty list, one empty text is one."""

    child = serializers.CharField(max_length=255, trim_whitespace=False)

    def get_value(self, dictionary: Any) -> Any:
        value = super().get_value(dictionary)
        return [] if html.is_html_input(dictionary) and value == [""] else value


class LoginSerializer(serializers.Serializer[Any]):
    """What the sign-in is given."""

    username = serializers.CharField(max_length=USERNAME_LENGTH, trim_whitespace=False)
    password = serializers.CharField(
        max_length=PASSWORD_LENGTH, trim_whitespace=False, write_only=True, style={"input_type": "password"}
    )
    device_name = serializers.CharField(max_length=255)
    scopes = _Scopes(max_length=100)

    def validate_username(self, username: str) -> str:
        return normalized(username)

    def validate_scopes(self, asked: list[str]) -> list[str]:
        message = _("“%(scope)s” may not be asked for here.")
        refused = [message % {"scope": scope} for scope in asked if not _may_be_asked_for(scope)]
        if refused:
            raise serializers.ValidationError(refused)
        return asked


class LoginView(TokenAPIView):
    """Sign in with a password, and get a personal token for this device.

    404 where ``LOGIN_SCOPES`` is None. No session is made.
    """

    # Without any, an old token that a client still sends along is nothing to answer to.
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (LoginAddressThrottle, LoginUsernameThrottle, LoginUserThrottle)
    parser_classes = (BoundedJSONParser, FormParser, MultiPartParser)

    @method_decorator(sensitive_post_parameters("password"))
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if conf.LOGIN_SCOPES is None:
            raise Http404
        super().initial(request, *args, **kwargs)

    @sensitive_variables()
    def post(self, request: Request) -> Response:
        serializer = LoginSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        user = password_check.user_of(django_request(request), given["username"], given["password"])
        if user is None:
            raise _wrong_pair()
        try:
            token = _issue(user, given["device_name"], given["scopes"])
        except ValidationError as error:
            raise serializers.ValidationError(by_field(error, _FIELDS)) from error
        return Response(CreatedTokenSerializer(token).data, status=201)


def _may_be_asked_for(scope: str) -> bool:
    allowed = list(conf.LOGIN_SCOPES or ())
    # A scope that implies all others grants them one by one; it is not the wildcard.
    return scope in allowed if scope == scopes.ALL else scopes.grants(allowed, scope)


def _issue(user: Any, name: str, asked: list[str]) -> AccessToken:
    """A token for a user whose password is still the one that was checked, which takes its time.

    Whoever changes it ends the tokens that there are: none may come after by the old one.
    """
    using = router.db_for_write(AccessToken)
    locks_rows = connections[using].features.has_select_for_update
    with transaction.atomic(using=using):
        if locks_rows:
            # Before a token is made: who hears of it hears of no other. From here on, who changes it waits.
            _check_unchanged(user, using)
        token = lifecycle.issue(user, name, asked, created_by=user)
        if not locks_rows:
            # SQLite: now that this has written, nobody else does.
            _check_unchanged(user, using)
    return token


def _check_unchanged(user: Any, using: str) -> None:
    """Hold whoever writes the user up till the commit, where rows can be locked.

    :raises AuthenticationFailed: the user has another password than the one that was checked, or is gone.
    """
    if not password_check.is_unchanged(user, using):
        raise _wrong_pair()


def _wrong_pair() -> AuthenticationFailed:
    # One answer for all: it tells nobody whether there is such a user.
    return AuthenticationFailed(_("The username or the password is wrong."))

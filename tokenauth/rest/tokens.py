"""One's own tokens over HTTP: with a session, or with a token that holds ``tokens:manage``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from rest_framework import serializers
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response
from rest_framework.views import APIView

from tokenauth.authentication import AccessTokenAuthentication, APIKeyAuthentication
from tokenauth.core import delegation, lifecycle, reauthentication, rotation
from tokenauth.core.request_state import django_request
from tokenauth.core.scopes import TOKENS_MANAGE
from tokenauth.core.status import has_status
from tokenauth.models import AccessToken
from tokenauth.permissions import HasScopes
from tokenauth.rest.api_view import TokenAPIView, by_field
from tokenauth.rest.serializers import (
    CreatedTokenSerializer,
    NewTokenSerializer,
    RotationSerializer,
    TokenFilterSerializer,
    TokenSerializer,
)

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request


class TokenPagination(PageNumberPagination):
    """``?page=2&page_size=100``."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


class ManagementView(TokenAPIView):
    """Whoever has a token of some other scope learns nothing here of the others."""

    # Not the project's: a credential of another kind says nothing of what it may hand on.
    authentication_classes = (AccessTokenAuthentication, APIKeyAuthentication, SessionAuthentication)
    permission_classes = (HasScopes,)
    required_scopes: Any = (TOKENS_MANAGE,)

    def check_throttles(self, request: Request) -> None:
        # The project's own, whatever the method.
        APIView.check_throttles(self, request)

    def tokens(self, request: Request) -> QuerySet[AccessToken]:
        """Those of the caller; of a token that is narrowed to an organization, those of that one."""
        return delegation.reach(lifecycle.of_user(request.user), request.user, request.auth)

    def token(self, request: Request, token_id: str) -> AccessToken:
        try:
            key = AccessToken._meta.pk.to_python(token_id)
        except ValidationError as error:
            raise Http404 from error
        found = self.tokens(request).filter(pk=key).select_related("user").first()
        if found is None:
            raise Http404
        return found

    def check_recent(self, request: Request) -> None:
        """A session makes credentials only while its sign-in is young, as on the pages (RFC 9470)."""
        if request.auth is None and not reauthentication.is_recent(django_request(request)):
            raise PermissionDenied(
                _("You signed in a while ago: sign in again."), code="insufficient_user_authentication"
            )


class TokenListView(ManagementView):
    """The caller's tokens, and a new one."""

    def get(self, request: Request) -> Response:
        """The caller's tokens and keys, the newest first."""
        asked = TokenFilterSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        given = dict(asked.validated_data)
        tokens = self.tokens(request).order_by("-pk")
        if status := given.pop("status", None):
            tokens = tokens.filter(has_status(AccessToken.Status(status)))
        paginator = TokenPagination()
        page = paginator.paginate_queryset(tokens.filter(**given), request, view=self)
        return paginator.get_paginated_response(TokenSerializer(page, many=True).data)

    @sensitive_variables("token")
    def post(self, request: Request) -> Response:
        """Make a token: its text is in this answer, as `token`, and nowhere else.

        A token makes only what is no wider than itself, and gives its own limits where nothing is said.
        """
        self.check_recent(request)
        serializer = NewTokenSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = {**delegation.inherited(request.auth), **serializer.validated_data}
        try:
            token = lifecycle.issue(request.user, created_by=request.user, asking=request.auth, **given)
        except ValidationError as error:
            raise serializers.ValidationError(_by_field(error)) from error
        return Response(CreatedTokenSerializer(token).data, status=201)


class TokenView(ManagementView):
    """One of the caller's tokens."""

    def get(self, request: Request, token_id: str) -> Response:
        """One of the caller's tokens."""
        return Response(TokenSerializer(self.token(request, token_id)).data)

    def delete(self, request: Request, token_id: str) -> Response:
        """Revoke it. It stays to be seen."""
        self.token(request, token_id).revoke(by=request.user)
        return Response(status=204)


class TokenRotationView(ManagementView):
    """The successor of one of the caller's tokens, with its text."""

    @sensitive_variables("successor")
    def post(self, request: Request, token_id: str) -> Response:
        """Make the successor, whose text is in this answer alone; the old one works on for the overlap."""
        self.check_recent(request)
        token = self.token(request, token_id)
        serializer = RotationSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            successor = rotation.rotate(
                token, serializer.validated_data.get("overlap"), by=request.user, asking=request.auth
            )
        except ValidationError as error:
            raise serializers.ValidationError(_by_field(error)) from error
        return Response(CreatedTokenSerializer(successor).data, status=201)


class CurrentTokenView(ManagementView):
    """The token that asks: what it is, and its end."""

    required_scopes = ()
    # A person is none.
    session_allowed = False

    def get(self, request: Request) -> Response:
        """The token that asks, whatever its scopes."""
        return Response(TokenSerializer(_asking(request)).data)

    def delete(self, request: Request) -> Response:
        """Revoke the token that asks."""
        _asking(request).revoke(by=request.user)
        return Response(status=204)


def _asking(request: Request) -> AccessToken:
    token: Any = request.auth
    if not isinstance(token, AccessToken):
        # Of a class that a project has added.
        raise Http404
    return token


def _by_field(error: ValidationError) -> dict[str, list[str]]:
    # The fields are called as the arguments are.
    return by_field(
        error, {name: name for name in (*NewTokenSerializer().fields, *RotationSerializer().fields)}
    )

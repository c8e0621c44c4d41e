"""What the endpoints of this app take and answer, for drf-spectacular, which looks for generic views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.extensions import OpenApiViewExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
    inline_serializer,
)
from rest_framework import serializers as fields

from tokenauth.conf import conf

if TYPE_CHECKING:
    from collections.abc import Mapping

# What answers in the form of this app have in them.
REFUSAL = inline_serializer(
    "Refusal",
    {
        "error": inline_serializer(
            "RefusalError",
            {"code": fields.CharField(), "message": fields.CharField(), "reason": fields.CharField()},
        )
    },
)


def refused(description: str) -> OpenApiResponse:
    """An answer in the form of this app."""
    return OpenApiResponse(REFUSAL, description=description)


_REFUSED = {
    401: refused("No credential, or a refused one; `reason` says why."),
    403: refused("A scope is lacking, or what is asked for is wider than the token."),
}
_NOT_FOUND = {404: OpenApiResponse(description="The caller has no such token.")}
WRONG = {400: OpenApiResponse(description="What is wrong, by field.")}
THROTTLED = {429: refused("Too many attempts; `Retry-After` says when to come back.")}


class Described(OpenApiViewExtension):  # type: ignore[no-untyped-call]
    """Replaces a view by a subclass whose methods are described."""

    def view_replacement(self) -> type[Any]:
        # Imported by now.
        target: Any = self.target_class
        described = type(target.__name__, (target,), {})
        view: type[Any] = extend_schema_view(**self.methods())(described)
        return view

    def methods(self) -> Mapping[str, Any]:
        raise NotImplementedError


class LoginViewExtension(Described):  # type: ignore[no-untyped-call]
    """``tokens/login/``, where it is switched on."""

    target_class = "tokenauth.rest.login.LoginView"

    def methods(self) -> Mapping[str, Any]:
        from tokenauth.rest.login import LoginSerializer
        from tokenauth.rest.serializers import CreatedTokenSerializer

        wrong = refused("The username or the password is wrong.")
        return {
            "post": extend_schema(
                exclude=conf.LOGIN_SCOPES is None,
                request=LoginSerializer,
                responses={201: CreatedTokenSerializer, **WRONG, 401: wrong, **THROTTLED},
            )
        }


class TokenListViewExtension(Described):  # type: ignore[no-untyped-call]
    """``tokens/``."""

    target_class = "tokenauth.rest.tokens.TokenListView"

    def methods(self) -> Mapping[str, Any]:
        from tokenauth.rest import serializers

        no_page = OpenApiResponse(description="There is no such page.")
        return {
            "get": extend_schema(
                operation_id="tokens_list",
                parameters=[serializers.TokenFilterSerializer, *_paging()],
                responses={200: _page_of(serializers.TokenSerializer), **WRONG, **_REFUSED, 404: no_page},
            ),
            "post": extend_schema(
                operation_id="tokens_create",
                request=serializers.NewTokenSerializer,
                responses={201: serializers.CreatedTokenSerializer, **WRONG, **_REFUSED},
            ),
        }


class TokenViewExtension(Described):  # type: ignore[no-untyped-call]
    """``tokens/<id>/``."""

    target_class = "tokenauth.rest.tokens.TokenView"

    def methods(self) -> Mapping[str, Any]:
        from tokenauth.rest.serializers import TokenSerializer

        return {
            "get": extend_schema(
                operation_id="tokens_retrieve",
                parameters=[_key()],
                responses={200: TokenSerializer, **_REFUSED, **_NOT_FOUND},
            ),
            "delete": extend_schema(
                operation_id="tokens_revoke",
                parameters=[_key()],
                responses={204: None, **_REFUSED, **_NOT_FOUND},
            ),
        }


class TokenRotationViewExtension(Described):  # type: ignore[no-untyped-call]
    """``tokens/<id>/rotate/``."""

    target_class = "tokenauth.rest.tokens.TokenRotationView"

    def methods(self) -> Mapping[str, Any]:
        from tokenauth.rest.serializers import CreatedTokenSerializer, RotationSerializer

        conflict = refused("It has ended, or was rotated before.")
        return {
            "post": extend_schema(
                operation_id="tokens_rotate",
                parameters=[_key()],
                request=RotationSerializer,
                responses={201: CreatedTokenSerializer, **WRONG, **_REFUSED, **_NOT_FOUND, 409: conflict},
            )
        }


class CurrentTokenViewExtension(Described):  # type: ignore[no-untyped-call]
    """``tokens/current/``."""

    target_class = "tokenauth.rest.tokens.CurrentTokenView"

    def methods(self) -> Mapping[str, Any]:
        from tokenauth.rest.serializers import TokenSerializer

        return {
            "get": extend_schema(
                operation_id="tokens_current_retrieve", responses={200: TokenSerializer, **_REFUSED}
            ),
            "delete": extend_schema(operation_id="tokens_current_revoke", responses={204: None, **_REFUSED}),
        }


class LeakReportViewExtension(Described):  # type: ignore[no-untyped-call]
    """``leaks/``."""

    target_class = "tokenauth.rest.leaks.LeakReportView"

    def methods(self) -> Mapping[str, Any]:
        from tokenauth.rest.serializers import LeakReportSerializer

        taken = OpenApiResponse(description="Taken, whether there was such a token or not.")
        return {
            "post": extend_schema(
                operation_id="leaks_report",
                request=LeakReportSerializer,
                responses={202: taken, **WRONG, **THROTTLED},
            )
        }


def _key() -> OpenApiParameter:
    return OpenApiParameter(
        "token_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The token's `id`."
    )


def _paging() -> list[OpenApiParameter]:
    from tokenauth.rest.tokens import TokenPagination

    most = TokenPagination.max_page_size
    return [
        OpenApiParameter("page", OpenApiTypes.INT, description="From 1."),
        OpenApiParameter("page_size", OpenApiTypes.INT, description=f"{most} at most."),
    ]


def _page_of(serializer: type[Any]) -> Any:
    return inline_serializer(
        "TokenPage",
        {
            "count": fields.IntegerField(),
            "next": fields.URLField(allow_null=True),
            "previous": fields.URLField(allow_null=True),
            "results": serializer(many=True),
        },
    )

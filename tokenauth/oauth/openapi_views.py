"""What the endpoints of this app take and answer in JSON, for drf-spectacular."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers as fields

from tokenauth.rest.openapi_views import THROTTLED, Described, refused

if TYPE_CHECKING:
    from collections.abc import Mapping


# One for both methods, or there would be two of the same name.
_CLAIMS = inline_serializer(
    "UserInfo",
    {
        "sub": fields.CharField(),
        "preferred_username": fields.CharField(required=False),
        "name": fields.CharField(required=False),
    },
)


class TokenRequestViewExtension(Described):  # type: ignore[no-untyped-call]
    """``/auth/token``."""

    target_class = "tokenauth.oauth.views.token_request.TokenRequestView"

    def methods(self) -> Mapping[str, Any]:
        from tokenauth.oauth.views.token_request import GRANTS

        optional = ("client_secret", "username", "password", "refresh_token", "scope")
        asked = inline_serializer(
            "TokenRequest",
            {
                "grant_type": fields.ChoiceField(choices=[(grant, grant) for grant in GRANTS]),
                "client_id": fields.CharField(),
                **{name: fields.CharField(required=False) for name in optional},
            },
        )
        answered = inline_serializer(
            "TokenResponse",
            {
                "access_token": fields.CharField(),
                "token_type": fields.CharField(),
                "expires_in": fields.IntegerField(),
                "scope": fields.CharField(required=False),
                "refresh_token": fields.CharField(required=False),
            },
        )
        return {
            "post": extend_schema(
                operation_id="oauth_token",
                request=asked,
                responses={
                    200: answered,
                    400: refused("What the grant needs is missing, or it takes no such member."),
                    401: refused("The application, the password or the refresh token is wrong."),
                    403: refused("The application may not have what it asks for."),
                    413: refused("The body is too long."),
                    **THROTTLED,
                },
            )
        }


class UserInfoViewExtension(Described):  # type: ignore[no-untyped-call]
    """``/oauth2/userinfo``."""

    target_class = "tokenauth.oauth.views.userinfo.UserInfoView"

    def methods(self) -> Mapping[str, Any]:
        answers = {
            200: _CLAIMS,
            401: refused("No JWT, or a refused one; `reason` says why."),
            403: refused("The token is of an application, and of no user."),
        }
        return {
            method: extend_schema(operation_id=f"oauth_userinfo{suffix}", request=None, responses=answers)
            for method, suffix in (("get", ""), ("post", "_post"))
        }

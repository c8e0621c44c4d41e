"""``/oauth2/userinfo``: whose token it is."""

from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from tokenauth.oauth import issuing
from tokenauth.oauth.authentication import JWTAuthentication
from tokenauth.oauth.principals import ServicePrincipal
from tokenauth.permissions import HasScopes
from tokenauth.rest.api_view import TokenAPIView


class UserInfoView(TokenAPIView):
    """The user of a JWT, by the ``sub`` of the token; a 403 for an application that acts for itself."""

    authentication_classes = (JWTAuthentication,)
    permission_classes = (HasScopes,)
    # What it tells is what each token has in it.
    required_scopes: Any = []
    session_allowed = False

    def get(self, request: Request) -> Response:
        user: Any = request.user
        if isinstance(user, ServicePrincipal):
            raise PermissionDenied("This token is of an application, and of no user.", code="no_user")
        name = getattr(user, "get_full_name", str)()
        members = {
            "sub": issuing.subject(user, None),
            "preferred_username": user.get_username(),
            "name": name,
        }
        return Response({key: value for key, value in members.items() if value})

    def post(self, request: Request) -> Response:
        return self.get(request)

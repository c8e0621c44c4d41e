"""The sample project's URLs, and a view that tells who asks."""

from typing import Any

from django.urls import include, path
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tokenauth.oauth.authentication import JWTAuthentication


class WhoView(APIView):
    authentication_classes = [JWTAuthentication]
    parser_classes = [FormParser, MultiPartParser]
    required_scopes = ["read:sites"]

    def get(self, request: Request) -> Response:
        access: Any = request.auth
        user: Any = request.user
        return Response(
            {
                "user": user.get_username(),
                "pk": user.pk,
                "client_id": access.client_id,
                "can": user.token_can("read:sites"),
                "cannot": user.token_cant("read:assets"),
                "same": user.current_access_token is access,
                "family": access.family,
            }
        )

    def post(self, request: Request) -> Response:
        return self.get(request)


urlpatterns = [path("", include("testproject.urls")), path("who", WhoView.as_view())]

from django.contrib import admin
from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class WhoView(APIView):
    required_scopes = ["read:sites"]

    def get(self, request: Request) -> Response:
        return Response({"user": request.user.get_username(), "token": request.auth and request.auth.pk})


urlpatterns = [
    path("", include("tests.projects.plain_views")),
    path("rest", WhoView.as_view()),
    path("api/", include("tokenauth.rest.urls")),
    path("tokens/", include("tokenauth.pages.urls")),
    path("admin/", admin.site.urls),
]

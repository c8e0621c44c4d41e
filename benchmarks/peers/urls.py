import os
from typing import Any

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.peers.schemes import SCHEMES, Scheme


def view_of(scheme: Scheme) -> type[APIView]:
    """A view that does nothing but let in whom ``scheme`` lets in."""

    class View(APIView):
        authentication_classes = [scheme.authentication] if scheme.authentication else []
        permission_classes = [scheme.permission]

        def get(self, request: Request) -> Response:
            user: Any = request.user
            return Response({"user": user.pk})

    return View


urlpatterns = [path("", view_of(SCHEMES[os.environ.get("SCHEME", "nothing")]).as_view())]

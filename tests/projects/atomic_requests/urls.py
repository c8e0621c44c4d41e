"""Views that write, and then fail."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from testproject.inventory.models import Site
from tokenauth.decorators import scopes_required


def write() -> None:
    Site.objects.create(name="Harbour Street Depot", city="Hamburg", organization="northwind")


@scopes_required("read:sites")
def failing(request: HttpRequest) -> HttpResponse:
    write()
    raise RuntimeError("boom")


@scopes_required("read:sites")
def writing(request: HttpRequest) -> HttpResponse:
    write()
    return HttpResponse()


class FailingView(APIView):
    required_scopes = ["read:sites"]
    error: Exception = RuntimeError("boom")

    def get(self, request: Request) -> Response:
        write()
        raise self.error


urlpatterns = [
    path("", include("tests.projects.urls")),
    path("plain/failing", failing),
    path("plain/writing", writing),
    path("rest/failing", FailingView.as_view()),
    path("rest/denied", FailingView.as_view(error=PermissionDenied())),
]

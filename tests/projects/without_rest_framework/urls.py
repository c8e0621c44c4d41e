from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path

from tokenauth.decorators import scopes_required


@scopes_required("write:sites")
def write(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"written": request.method == "POST"})


@login_required(login_url="/login")
def account(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"user": request.user.get_username()})


urlpatterns = [
    path("", include("tests.projects.plain_views")),
    path("write", write),
    path("account", account),
    path("tokens/", include("tokenauth.pages.urls")),
]

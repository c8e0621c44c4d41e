"""Views of plain Django that scopes guard, beside those of REST framework and of people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View

from tests.oauth.urls import WhoView
from tokenauth.decorators import scopes_required

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase


def who(request: HttpRequest) -> JsonResponse:
    """Tells who asks, and for which application."""
    user, auth = request.user, getattr(request, "auth", None)
    return JsonResponse(
        {
            "user": user.get_username(),
            "application": getattr(auth, "client_id", None),
            "same": getattr(user, "current_access_token", None) is auth,
        }
    )


@scopes_required("read:sites")
async def who_asynchronously(request: HttpRequest) -> HttpResponse:
    user: Any = await request.auser()
    assert user == request.user
    return who(request)


@scopes_required("read:sites")
class Who(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return who(request)


@method_decorator(scopes_required("read:sites"), name="dispatch")
class WhoByDispatch(Who):
    pass


@scopes_required("read:sites")
@permission_required("inventory.view_site", raise_exception=True)
async def permitted_asynchronously(request: HttpRequest) -> HttpResponse:
    return who(request)


def through_rest_framework(request: HttpRequest) -> HttpResponseBase:
    return WhoView.as_view()(request)


guarded = scopes_required("read:sites")(who)
permitted = permission_required("inventory.view_site", raise_exception=True)(who)

MARKED = ["function", "async-function", "class", "dispatch", "login-required-and-marked"]

urlpatterns = [
    path("accounts/login/", who, name="login"),
    path("function", guarded),
    path("async-function", who_asynchronously),
    path("class", Who.as_view()),
    path("dispatch", WhoByDispatch.as_view()),
    path("login-required-and-marked", login_required(guarded)),
    path("permitted", scopes_required("read:sites")(permitted)),
    path("async-permitted", permitted_asynchronously),
    path("other-scope", scopes_required("read:assets")(who)),
    path("tokens-only", scopes_required("read:sites", session_allowed=False)(who)),
    path("both-doors", scopes_required("read:sites")(through_rest_framework)),
    path("plain", who),
    path("private", login_required(who)),
    path("", include("tests.oauth.urls")),
]

"""Views of plain Django: those that scopes guard, and those of people signed in by session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required, permission_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import cache_page
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from tokenauth.decorators import scopes_required

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase


def who(request: HttpRequest) -> JsonResponse:
    """Tells who asks, and by which token."""
    auth = getattr(request, "auth", None)
    return JsonResponse(
        {
            "user": request.user.get_username(),
            "token": auth and auth.pk,
            "same": getattr(request.user, "current_access_token", None) is auth,
        }
    )


async def awho(request: HttpRequest) -> JsonResponse:
    user = await request.auser()
    return JsonResponse({"user": user.get_username()})


@scopes_required("read:sites")
def sites(request: HttpRequest) -> HttpResponse:
    return who(request)


@scopes_required("read:sites")
async def sites_asynchronously(request: HttpRequest) -> HttpResponse:
    return who(request)


@scopes_required("read:sites")
class Sites(View):
    def get(self, request: HttpRequest, *args: object) -> HttpResponse:
        return who(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        return who(request)


class SitesBehind(Sites):
    """Does something of its own before it dispatches: not before the scopes are asked for."""

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        return who(request)


@scopes_required("write:sites")
class MoreSites(Sites):
    pass


@scopes_required("read:sites")
class SitesAsynchronously(View):
    async def get(self, request: HttpRequest) -> HttpResponse:
        return who(request)

    async def post(self, request: HttpRequest) -> HttpResponse:
        return who(request)


@method_decorator(scopes_required("read:sites"), name="dispatch")
class SitesByDispatch(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return who(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        return who(request)


class Private(LoginRequiredMixin, View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return who(request)


@scopes_required("read:assets")
class Assets(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return who(request)


class SitesAndAssets(Sites, Assets):
    pass


class OneMethod(View):
    @method_decorator(scopes_required("read:sites"))
    def get(self, request: HttpRequest) -> HttpResponse:
        return who(request)


def without_wraps(request: HttpRequest) -> HttpResponse:
    """As a decorator leaves a view that does not use functools.wraps()."""
    return sites(request)


tokens_only = scopes_required("read:sites", session_allowed=False)(who)

# What a credential may open.
MARKED = [
    "function",
    "async-function",
    "class",
    "subclass",
    "async-class",
    "dispatch",
    "login-required-and-marked",
    "marked-and-login-required",
]
# What it may not.
UNMARKED = ["plain", "private", "private-class", "permission"]

urlpatterns = [
    path("accounts/login/", lambda request: HttpResponse("the sign-in page"), name="login"),
    path("function", sites),
    path("async-function", sites_asynchronously),
    path("class", Sites.as_view()),
    path("subclass", SitesBehind.as_view()),
    path("both-classes", MoreSites.as_view()),
    path("sites-and-assets", SitesAndAssets.as_view()),
    path("one-method", OneMethod.as_view()),
    path("without-wraps", without_wraps),
    path("cached", cache_page(60)(sites)),
    path("cached-class", cache_page(60)(Sites.as_view())),
    path("async-class", SitesAsynchronously.as_view()),
    path("dispatch", SitesByDispatch.as_view()),
    path("login-required-and-marked", login_required(sites)),
    path("marked-and-login-required", scopes_required("read:sites")(login_required(who))),
    path("permission-and-marked", permission_required("inventory.view_site", raise_exception=True)(sites)),
    path("by-name/<str:name>", scopes_required("read:sites")(lambda request, name: who(request))),
    path("two", scopes_required("read:sites", "read:assets")(who)),
    path("twice", scopes_required("read:sites")(scopes_required("read:assets")(who))),
    path("tokens-only-plain", tokens_only),
    path("csrf-exempt", csrf_exempt(scopes_required("read:sites")(csrf_exempt(who)))),
    path("csrf-protected", scopes_required("read:sites")(csrf_protect(who))),
    path("plain", who),
    path("async-plain", awho),
    path("private", login_required(who)),
    path("private-class", Private.as_view()),
    path("permission", permission_required("inventory.view_site")(who)),
    path("unregistered", scopes_required("read:sides")(who)),
    path("", include("tests.urls")),
]

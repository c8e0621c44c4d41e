from __future__ import annotations

import functools
import json
from io import StringIO
from types import ModuleType
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required, login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.management import CommandError, call_command
from django.http import HttpRequest, HttpResponse
from django.urls import clear_url_caches, include, path, re_path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from rest_framework.authentication import BasicAuthentication, SessionAuthentication, TokenAuthentication
from rest_framework.decorators import action, api_view, permission_classes
from rest_framework.permissions import (
    AllowAny,
    BasePermission,
    IsAdminUser,
    IsAuthenticated,
    IsAuthenticatedOrReadOnly,
)
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from tokenauth.decorators import scopes_required
from tokenauth.permissions import HasAnyScope, HasScopes


class Reports(APIView):
    required_scopes: Any = {"GET": ["read:sites"], "POST": ["read:sites", "write:sites"]}

    def get(self, request: Any) -> Response:
        return Response()

    def post(self, request: Any) -> Response:
        return Response()


class Things(ViewSet):
    required_scopes = ["read:assets"]

    def get_permissions(self) -> Any:
        if self.action == "clear":
            return [HasScopes.of("write:assets")(), IsAdminUser()]
        return super().get_permissions()

    def list(self, request: Any) -> Response:
        return Response()

    @action(detail=True, methods=["post", "delete"])
    def clear(self, request: Any, pk: str) -> Response:
        return Response()

    @action(detail=False, permission_classes=[IsAuthenticated])
    def forgotten(self, request: Any) -> Response:
        return Response()


class Uninspectable(APIView):
    def get_permissions(self) -> Any:
        raise LookupError("no tenant")

    def get(self, request: Any) -> Response:
        return Response()


class ByUser(Reports):
    """Asks who is there, as views do: nobody is."""

    def get_permissions(self) -> Any:
        return [IsAdminUser()] if self.request.user.is_staff else [HasScopes.of("read:events")()]


class Private(LoginRequiredMixin, View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


class WrongOrder(View, LoginRequiredMixin):
    """The mixin is never asked."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


class Editable(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    post = get


class ByDispatch(View):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponse()


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


class Callable:
    def __call__(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


@api_view(["GET"])
@permission_classes([AllowAny])
def weather(request: Any) -> Response:
    return Response()


@api_view(["GET"])
def silent(request: Any) -> Response:
    return Response()


class CustomAdmin(admin.ModelAdmin):
    def get_urls(self) -> list[Any]:
        return [
            path("report/", self.admin_site.admin_view(self.report)),
            path("cached/", never_cache(self.admin_site.admin_view(self.report))),
            path("unguarded/", self.report),
            path("unguarded/cached/", never_cache(require_GET(self.open))),
            *super().get_urls(),
        ]

    def report(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    @staticmethod
    def open(request: HttpRequest) -> HttpResponse:
        return HttpResponse()


def site() -> admin.AdminSite:
    from testproject.inventory.models import Site

    custom = admin.AdminSite("custom")
    custom.register(Site, CustomAdmin)
    return custom


def listed(settings: Any, *patterns: Any, **options: Any) -> str:
    urlconf = ModuleType("urlconf")
    urlconf.urlpatterns = list(patterns)  # type: ignore[attr-defined]
    settings.ROOT_URLCONF = urlconf
    clear_url_caches()
    output = StringIO()
    call_command("listscopes", stdout=output, **options)
    return output.getvalue()


def entries(settings: Any, view: Any) -> list[tuple[str, str, str]]:
    """Method, access and requirement of each entry of ``view``."""
    found = json.loads(listed(settings, path("x", view), format="json"))
    assert {entry["url"] for entry in found} <= {"/x"}
    return [(entry["method"], entry["access"], entry["requires"]) for entry in found]


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (
            Reports.as_view(),
            [("GET", "scopes", "read:sites"), ("POST", "scopes", "read:sites write:sites")],
        ),
        (
            Reports.as_view(permission_classes=[HasAnyScope], required_scopes=["read:sites", "admin"]),
            [("GET", "scopes", "read:sites | admin"), ("POST", "scopes", "read:sites | admin")],
        ),
        (Reports.as_view(required_scopes=[]), [("GET", "signed in", ""), ("POST", "signed in", "")]),
        (
            Reports.as_view(permission_classes=[HasScopes.of("admin") | IsAdminUser, IsAuthenticated]),
            [("GET", "scopes", "(admin | IsAdminUser)"), ("POST", "scopes", "(admin | IsAdminUser)")],
        ),
        (
            Reports.as_view(permission_classes=[HasAnyScope & IsAdminUser], required_scopes=["a", "b"]),
            [("GET", "scopes", "((a | b) & IsAdminUser)"), ("POST", "scopes", "((a | b) & IsAdminUser)")],
        ),
        (
            Reports.as_view(permission_classes=[HasScopes.of("a"), HasScopes.of("b")]),
            [("GET", "scopes", "a b"), ("POST", "scopes", "a b")],
        ),
        (
            Reports.as_view(permission_classes=[IsAdminUser & ~HasScopes.of("admin")]),
            [("GET", "scopes", "(IsAdminUser & ~(admin))"), ("POST", "scopes", "(IsAdminUser & ~(admin))")],
        ),
        (Reports.as_view(http_method_names=["get"]), [("GET", "scopes", "read:sites")]),
        (ByUser.as_view(), [("GET", "scopes", "read:events"), ("POST", "scopes", "read:events")]),
        (weather, [("GET", "public", "")]),
        (Reports.as_view(permission_classes=[]), [("GET", "public", ""), ("POST", "public", "")]),
        (
            Reports.as_view(
                authentication_classes=[SessionAuthentication], permission_classes=[IsAuthenticated]
            ),
            [("GET", "session", ""), ("POST", "session", "")],
        ),
        (
            Reports.as_view(
                authentication_classes=[BasicAuthentication], permission_classes=[IsAuthenticated]
            ),
            [("GET", "session", ""), ("POST", "session", "")],
        ),
        (login_required(plain), [("ANY", "session", "")]),
        (Private.as_view(), [("ANY", "session", "")]),
        (never_cache(Private.as_view()), [("ANY", "session", "")]),
        (login_not_required(functools.partial(plain)), [("ANY", "public", "")]),
        (scopes_required("read:sites", "admin")(plain), [("ANY", "scopes", "read:sites admin")]),
        (scopes_required("read:sites")(Private).as_view(), [("GET", "scopes", "read:sites")]),
        (
            scopes_required("read:sites")(Editable).as_view(http_method_names=["post"]),
            [("POST", "scopes", "read:sites")],
        ),
        (scopes_required("read:sites")(ByDispatch).as_view(), [("ANY", "scopes", "read:sites")]),
        (
            method_decorator(scopes_required("admin"), name="dispatch")(Private).as_view(),
            [("GET", "scopes", "admin")],
        ),
    ],
)
def test_what_a_view_requires(settings: Any, view: Any, expected: list[tuple[str, str, str]]) -> None:
    assert entries(settings, view) == expected
    assert listed(settings, path("x", view), fail_undeclared=True)


UNDECLARED = [
    (silent, "declares no required_scopes"),
    (Reports.as_view(required_scopes={"GET": []}), "says nothing about POST"),
    (Reports.as_view(required_scopes=None), "declares no required_scopes"),
    (
        Reports.as_view(permission_classes=[IsAuthenticated]),
        "IsAuthenticated admits whatever Access",
    ),
    (Reports.as_view(permission_classes=[IsAdminUser]), "IsAdminUser admits whatever AccessTokenAuth"),
    (
        Reports.as_view(authentication_classes=[TokenAuthentication], permission_classes=[IsAuthenticated]),
        "IsAuthenticated admits whatever TokenAuthentication accepts",
    ),
    (Reports.as_view(permission_classes=[HasScopes.of("a") | AllowAny]), "anybody may ask: (a | AllowAny)"),
    (Reports.as_view(permission_classes=[HasScopes.of("a") | IsAuthenticatedOrReadOnly]), "anybody may ask"),
    (Reports.as_view(permission_classes=[HasScopes.of("a") | IsAuthenticated]), "a token that has no scope"),
    (Reports.as_view(permission_classes=[IsAuthenticated & ~HasScopes.of("a")]), "a token that has no scope"),
    (Reports.as_view(permission_classes=[~HasScopes.of("a")]), "anybody may ask: ~(a)"),
    (Reports.as_view(permission_classes=[~(HasScopes.of("a") & IsAdminUser)]), "anybody may ask"),
    (plain, "marked by none of scopes_required"),
    (View.as_view(), "marked by none of scopes_required"),
    (WrongOrder.as_view(), "marked by none of scopes_required"),
    (ByDispatch.as_view(), "marked by none of scopes_required"),
    (Callable(), "marked by none of scopes_required"),
    (functools.partial(functools.partial(plain)), "marked by none of scopes_required"),
    (Uninspectable.as_view(), "it cannot be inspected: LookupError: no tenant"),
]


@pytest.mark.parametrize(("view", "problem"), UNDECLARED)
def test_what_is_undeclared_is_found(settings: Any, view: Any, problem: str) -> None:
    assert "! UNDECLARED" in listed(settings, path("x", view))
    with pytest.raises(CommandError, match="/x") as raised:
        listed(settings, path("x", view), fail_undeclared=True)
    assert problem in str(raised.value)


def test_the_default_of_the_settings_says_nothing_for_a_view(settings: Any) -> None:
    class Inheriting(APIView):
        def get(self, request: Any) -> Response:
            return Response()

    view = Inheriting.as_view()
    original = APIView.permission_classes
    APIView.permission_classes = [AllowAny]
    try:
        assert entries(settings, view) == [("GET", "undeclared", "")]
        assert entries(settings, Inheriting.as_view(permission_classes=[AllowAny])) == [("GET", "public", "")]
        # Nobody is asked to sign in.
        by_session = Inheriting.as_view(authentication_classes=[SessionAuthentication])
        assert entries(settings, by_session) == [("GET", "undeclared", "")]
    finally:
        APIView.permission_classes = original


def test_the_actions_of_a_view_set(settings: Any) -> None:
    router = SimpleRouter()
    router.register("things", Things, basename="thing")
    found = json.loads(listed(settings, path("api/", include(router.urls)), format="json"))
    assert [
        (one["method"], one["url"], one["requires"], one["view"].removeprefix(f"{__name__}."))
        for one in found
    ] == [
        ("GET", "/api/things/", "read:assets", "Things.list"),
        ("GET", "/api/things/forgotten/", "", "Things.forgotten"),
        ("POST", "/api/things/<pk>/clear/", "write:assets", "Things.clear"),
        ("DELETE", "/api/things/<pk>/clear/", "write:assets", "Things.clear"),
    ]
    assert [one["access"] for one in found] == ["scopes", "undeclared", "scopes", "scopes"]


def test_the_views_of_an_admin_site(settings: Any) -> None:
    found = json.loads(listed(settings, path("desk/", site().urls), format="json"))
    access = {entry["url"]: entry["access"] for entry in found}
    assert access["/desk/"] == access["/desk/inventory/site/report/"] == "session"
    assert access["/desk/inventory/site/cached/"] == "session"
    assert access["/desk/login/"] == "public"
    assert [url for url, one in access.items() if one == "undeclared"] == [
        "/desk/inventory/site/unguarded/",
        "/desk/inventory/site/unguarded/cached/",
    ]


def test_where_every_view_asks_for_a_login(settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    assert entries(settings, plain) == [("ANY", "session", "")]
    assert entries(settings, login_not_required(functools.partial(plain))) == [("ANY", "public", "")]


def test_the_sample_project_is_listed_whole_and_declares_everything(settings: Any) -> None:
    output = StringIO()
    call_command("listscopes", "--fail-undeclared", stdout=output)
    lines = output.getvalue().splitlines()
    for method, url, requires in (
        ("GET", "/inventory-service/sites", "read:sites"),
        ("POST", "/inventory-service/sites", "write:sites"),
        ("DELETE", "/inventory-service/schedules/<pk>", "write:schedules"),
        ("GET", "/inventory-service/events/<pk>", "read:events"),
        ("ANY", "/inventory-service/sites.csv", "read:sites"),
        ("GET", "/schema", "(public)"),
        ("ANY", "/accounts/login/", "(public)"),
        ("ANY", "/tokens/", "(session:"),
        ("ANY", "/tokens/new/", "(session:"),
        ("ANY", "/tokens/<pk>/rotate/", "(session:"),
        ("ANY", "/tokens/<pk>/revoke/", "(session:"),
    ):
        (line,) = [line for line in lines if line.split()[:2] == [method, url]]
        assert line.split()[2] == requires
    inventory = [line.split() for line in lines if "/inventory-service/" in line]
    assert len([words for words in inventory if words[0] != "ANY"]) == 22
    assert "0 undeclared" in lines[-1]
    assert lines[-1].startswith(f"{len(lines) - 3} in all; ")


def test_a_view_that_is_added_to_it_undeclared_is_found(settings: Any) -> None:
    patterns = [path("", include("testproject.urls")), re_path(r"^added/(?P<pk>\d+)$", silent)]
    with pytest.raises(CommandError) as raised:
        listed(settings, *patterns, fail_undeclared=True)
    (line,) = str(raised.value).splitlines()[1:]
    assert line.startswith(f"  GET /added/<pk> ({__name__}.silent): silent is guarded by scopes")


def test_without_the_option_it_only_marks(settings: Any) -> None:
    lines = listed(settings, path("x", silent), path("y", weather)).splitlines()
    assert lines[1].split()[:4] == ["GET", "/x", "!", "UNDECLARED"]
    assert lines[-1] == "2 in all; 2 require no scope: 0 signed in, 0 session, 1 public, 1 undeclared."


class Broken(BasePermission):
    def __init__(self) -> None:
        raise RuntimeError("it needs a request")


def test_one_view_that_cannot_be_asked_hides_no_other(settings: Any) -> None:
    found = json.loads(
        listed(
            settings,
            path("a", Reports.as_view(permission_classes=[Broken])),
            path("b", Reports.as_view()),
            format="json",
        )
    )
    assert [(entry["url"], entry["method"]) for entry in found] == [
        ("/a", "ANY"),
        ("/b", "GET"),
        ("/b", "POST"),
    ]
    assert found[0]["problem"] == "it cannot be inspected: RuntimeError: it needs a request"


def test_reading_alone_may_be_open(settings: Any) -> None:
    view = Reports.as_view(
        authentication_classes=[SessionAuthentication], permission_classes=[IsAuthenticatedOrReadOnly]
    )
    assert entries(settings, view) == [("GET", "public", ""), ("POST", "session", "")]


def test_what_cannot_be_marked_is_excepted(settings: Any) -> None:
    patterns = [path("theirs/x", plain), path("ours/x", plain)]
    with pytest.raises(CommandError) as raised:
        listed(settings, *patterns, fail_undeclared=True, excepted=["/theirs/"])
    assert "/theirs/" not in str(raised.value)
    assert "/ours/x" in str(raised.value)
    assert listed(settings, *patterns, fail_undeclared=True, excepted=["/theirs/", "/ours/x"])

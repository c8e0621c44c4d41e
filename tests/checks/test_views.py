from __future__ import annotations

from types import ModuleType
from typing import Any, ClassVar

import pytest
from django.urls import clear_url_caches, path
from rest_framework.decorators import action, api_view, permission_classes
from rest_framework.permissions import AllowAny, IsAdminUser
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from tokenauth.checks import check_views
from tokenauth.decorators import scopes_required
from tokenauth.permissions import HasScopes


class Base(APIView):
    def get(self, request: Any) -> Response:
        return Response()

    def post(self, request: Any) -> Response:
        return Response()


class Declared(Base):
    required_scopes = {"GET": ["read:sites"], "POST": ["write:sites"]}


class Undeclared(Base):
    pass


class HalfDeclared(Base):
    required_scopes = {"GET": ["read:sites"]}


class Unregistered(Base):
    required_scopes = ["read:sides"]


class Open(Base):
    permission_classes = [AllowAny]


class Composed(Base):
    permission_classes = [IsAdminUser | ~HasScopes]


class Choosing(Undeclared):
    """Chooses its permissions by code of its own, which no check runs."""

    asked: ClassVar[list[Any]] = []

    def get_permissions(self) -> Any:
        self.asked.append(self)
        return []


class Things(ViewSet):
    required_scopes = {"GET": ["read:sites"]}

    def list(self, request: Any) -> Response:
        return Response()

    @action(detail=False, methods=["post"])
    def clear(self, request: Any) -> Response:
        return Response()

    @action(detail=False, methods=["put"], permission_classes=[AllowAny])
    def show(self, request: Any) -> Response:
        return Response()

    @action(detail=False, methods=["post"], permission_classes=[HasScopes.of("write:sites")])
    def fill(self, request: Any) -> Response:
        return Response()


@api_view(["GET"])
def undeclared_function(request: Any) -> Response:
    return Response()


@api_view(["GET"])
@permission_classes([HasScopes.of("read:sites")])
def declared_function(request: Any) -> Response:
    return Response()


@api_view(["GET"])
@permission_classes([HasScopes.of("read:sides")])
def unregistered_function(request: Any) -> Response:
    return Response()


def checked(settings: Any, *patterns: Any) -> list[tuple[str, str]]:
    urlconf = ModuleType("urlconf")
    urlconf.urlpatterns = list(patterns)  # type: ignore[attr-defined]
    settings.ROOT_URLCONF = urlconf
    clear_url_caches()
    return [(message.id or "", message.msg) for message in check_views(None)]


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (Declared.as_view(), []),
        (Open.as_view(), []),
        (Declared.as_view(permission_classes=[AllowAny]), ["tokenauth.W004"]),
        (declared_function, []),
        (Declared.as_view(required_scopes=[]), []),
        (Undeclared.as_view(), ["tokenauth.E011"]),
        (HalfDeclared.as_view(), ["tokenauth.E011"]),
        (Composed.as_view(), ["tokenauth.E011"]),
        (undeclared_function, ["tokenauth.E011"]),
        (Unregistered.as_view(), ["tokenauth.E012"]),
        (unregistered_function, ["tokenauth.E012"]),
        (Declared.as_view(required_scopes="read:sites"), ["tokenauth.E011"]),
        (lambda request: None, []),
        (Declared.as_view(http_method_names=["get"], required_scopes={"GET": ["read:sites"]}), []),
        (scopes_required("read:sites")(lambda request: None), []),
        (scopes_required("read:sides")(lambda request: None), ["tokenauth.E012"]),
    ],
)
def test_a_view(settings: Any, view: Any, expected: list[str]) -> None:
    assert [check for check, _ in checked(settings, path("x", view))] == expected


def test_a_view_set_is_told_of_once(settings: Any) -> None:
    class Several(ViewSet):
        required_scopes = ["read:sides"]

        def list(self, request: Any) -> Response:
            return Response()

        def retrieve(self, request: Any, pk: str) -> Response:
            return Response()

    router = SimpleRouter()
    router.register("several", Several, basename="several")
    ((check, message),) = checked(settings, *router.urls)
    assert check == "tokenauth.E012"
    assert message.endswith("Several requires 'read:sides', which is not registered.")


def test_no_check_runs_the_code_of_a_view(settings: Any) -> None:
    assert checked(settings, path("x", Choosing.as_view())) == []
    assert Choosing.asked == []


def test_what_is_said_names_the_view_and_the_method(settings: Any) -> None:
    ((_, message),) = checked(settings, path("x", HalfDeclared.as_view()))
    assert __name__ in message
    assert "HalfDeclared" in message
    assert "POST" in message


def test_the_actions_of_a_view_set(settings: Any) -> None:
    router = SimpleRouter()
    router.register("things", Things, basename="thing")
    ((check, message),) = checked(settings, *router.urls)
    assert check == "tokenauth.E011"
    assert "Things" in message
    assert "POST" in message


def test_what_only_looks_like_a_view_of_rest_framework_is_left_alone(settings: Any) -> None:
    def view(request: Any) -> None:
        raise AssertionError("it is not called")

    for cls in (object, object(), "text"):
        view.cls = cls  # type: ignore[attr-defined]
        assert checked(settings, path("x", view)) == []


def test_without_urls_there_is_nothing_to_check(settings: Any) -> None:
    del settings.ROOT_URLCONF
    assert check_views(None) == []

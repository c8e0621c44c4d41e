"""The schema: how a request authenticates, and what each operation requires."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

from django.urls import path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.validation import validate_schema
from rest_framework.permissions import AllowAny, IsAdminUser
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from tokenauth.authentication import AccessTokenAuthentication
from tokenauth.permissions import HasAnyScope, HasScopes
from tokenauth.rest.openapi import AutoSchema

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


class Asked(APIView):
    """Answers."""

    required_scopes: Any = {"GET": ["read:sites", "read:assets"], "POST": []}
    serializer_class = Serializer
    schema = AutoSchema()

    def get(self, request: Any) -> Response:
        return Response()

    def post(self, request: Any) -> Response:
        return Response()


class Subclass(AccessTokenAuthentication):
    """A project's own."""


def schema_of(**initkwargs: Any) -> dict[str, Any]:
    generator = SchemaGenerator(patterns=[path("asked", Asked.as_view(**initkwargs))])
    schema: dict[str, Any] = generator.get_schema(request=None, public=True)
    validate_schema(schema)
    return schema


def tokens(operation: dict[str, Any]) -> list[list[str]]:
    """What is required of a personal token: the alternatives."""
    return [one["accessToken"] for one in operation["security"] if "accessToken" in one]


def test_the_sample_project_tells_the_scopes_of_each_operation() -> None:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    validate_schema(schema)
    assert schema["openapi"] == "3.1.1"
    operations = [
        (method, url, operation)
        for url, methods in schema["paths"].items()
        for method, operation in methods.items()
        if url.startswith("/inventory-service/")
    ]
    assert len(operations) == 22
    for method, url, operation in operations:
        resource = url.split("/")[2]
        scope = f"{'read' if method == 'get' else 'write'}:{resource}"
        assert operation["security"] == [
            {"accessToken": [scope]},
            {"apiKey": [scope]},
            {"jwt": [scope]},
            {"cookieAuth": []},
        ]
        assert operation["x-required-scopes"] == [scope]
        assert operation["description"].endswith(f"Scopes: `{scope}`")


def test_the_schemes_are_the_headers_of_the_settings(tokenauth_settings: Callable[..., None]) -> None:
    schemes = schema_of()["components"]["securitySchemes"]
    assert (schemes["accessToken"]["type"], schemes["accessToken"]["scheme"]) == ("http", "bearer")
    assert (schemes["apiKey"]["in"], schemes["apiKey"]["name"]) == ("header", "X-API-Key")
    tokenauth_settings(AUTH_HEADER="X-Token", API_KEY_HEADER="X-Server-Key")
    schemes = schema_of()["components"]["securitySchemes"]
    assert (schemes["accessToken"]["in"], schemes["accessToken"]["name"]) == ("header", "X-Token")
    assert schemes["apiKey"]["name"] == "X-Server-Key"


def test_all_any_and_none() -> None:
    operations = schema_of()["paths"]["/asked"]
    assert tokens(operations["get"]) == [["read:sites", "read:assets"]]
    assert operations["get"]["description"] == "Answers.\n\nScopes: `read:sites read:assets`"
    assert tokens(operations["post"]) == [[]]
    assert operations["post"]["description"] == "Answers."
    assert "x-required-scopes" not in operations["post"]
    either = schema_of(permission_classes=[HasAnyScope])["paths"]["/asked"]["get"]
    assert tokens(either) == [["read:sites"], ["read:assets"]]
    assert either["description"].endswith("Scopes: `read:sites | read:assets`")
    # A list would say that both are required.
    assert "x-required-scopes" not in either
    both = schema_of(permission_classes=[HasScopes.of("a"), HasScopes.of("b")])["paths"]["/asked"]["get"]
    assert tokens(both) == [["a", "b"]]
    assert both["x-required-scopes"] == ["a", "b"]


def test_where_no_session_is_accepted_none_is_offered() -> None:
    tokens_only = type("TokensOnly", (Asked,), {"session_allowed": False})
    schema = SchemaGenerator(patterns=[path("asked", tokens_only.as_view())]).get_schema(public=True)
    security = schema["paths"]["/asked"]["get"]["security"]
    assert [list(one) for one in security] == [["accessToken"], ["apiKey"], ["jwt"]]
    assert [list(one) for one in schema_of()["paths"]["/asked"]["get"]["security"]][3:] == [["cookieAuth"]]


def test_what_is_composed_is_described() -> None:
    composed = schema_of(permission_classes=[HasScopes.of("admin") | IsAdminUser])["paths"]["/asked"]["get"]
    assert tokens(composed) == [[]]
    assert composed["description"].endswith("Scopes: `(admin | IsAdminUser)`")


def test_an_open_view_requires_nothing() -> None:
    operation = schema_of(permission_classes=[AllowAny])["paths"]["/asked"]["get"]
    assert {} in operation["security"]
    assert tokens(operation) == [[]]


def test_a_class_of_the_projects_own_is_known() -> None:
    schema = schema_of(authentication_classes=[Subclass])
    assert list(schema["components"]["securitySchemes"]) == ["accessToken"]


def test_by_openapi_3_0_the_requirement_of_a_bearer_token_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectacular_settings, "OAS_VERSION", "3.0.3")
    operation = schema_of()["paths"]["/asked"]["get"]
    assert tokens(operation) == [[]]
    assert operation["x-required-scopes"] == ["read:sites", "read:assets"]


def test_without_the_extra_it_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['drf_spectacular'] = None; "
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.rest.without_spectacular'; "
        "import django; django.setup(); import tokenauth.rest.openapi"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)  # noqa: S603
    assert "pip install 'drf-tokenauth[openapi]'" in run.stderr.splitlines()[-1]

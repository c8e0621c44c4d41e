"""The schema: how a request authenticates, and what each operation requires."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

from django.core.management import call_command
from django.urls import path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from drf_spectacular.validation import validate_schema
from rest_framework import views
from rest_framework.authentication import SessionAuthentication
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
            # A token of a device is for reading.
            *([{"deviceToken": [scope]}] if method == "get" else []),
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
    assert [list(one) for one in security] == [["accessToken"], ["apiKey"], ["jwt"], ["deviceToken"]]
    assert [list(one) for one in schema_of()["paths"]["/asked"]["get"]["security"]][4:] == [["cookieAuth"]]


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


def test_each_operation_tells_how_it_refuses() -> None:
    schema = schema_of()
    for operation in schema["paths"]["/asked"].values():
        for status in ("401", "403"):
            content = operation["responses"][status]["content"]["application/json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Refusal"}
    error = schema["components"]["schemas"]["RefusalError"]
    assert error["required"] == ["code", "message", "reason"]


def test_of_what_others_refuse_nothing_is_told() -> None:
    for others in ({"authentication_classes": [SessionAuthentication]}, {"authentication_classes": []}):
        assert "401" not in schema_of(**others)["paths"]["/asked"]["get"]["responses"]
    described = type("Described", (Asked,), {"get_exception_handler": lambda self: views.exception_handler})
    schema = SchemaGenerator(patterns=[path("asked", described.as_view())]).get_schema(public=True)
    assert "401" not in schema["paths"]["/asked"]["get"]["responses"]


def test_what_the_project_describes_itself_stays() -> None:
    described = extend_schema_view(
        get=extend_schema(
            responses={200: None, 401: OpenApiTypes.STR, 403: OpenApiResponse(description="No.")}
        )
    )(type("Described", (Asked,), {}))
    schema = SchemaGenerator(patterns=[path("asked", described.as_view())]).get_schema(public=True)
    responses = schema["paths"]["/asked"]["get"]["responses"]
    assert responses["401"]["content"]["application/json"]["schema"] == {"type": "string"}
    assert responses["403"]["description"] == "No."
    assert responses["403"]["content"]["application/json"]["schema"]["$ref"].endswith("/Refusal")


def test_a_client_is_told_that_a_personal_token_has_no_environment() -> None:
    schemas = SchemaGenerator().get_schema(request=None, public=True)["components"]["schemas"]
    for name in ("Token", "CreatedToken"):
        of = schemas[name]["properties"]["environment"]["oneOf"]
        values = [value for one in of for value in schemas[one["$ref"].rsplit("/", 1)[1]]["enum"]]
        assert values == ["live", "test", ""]


def test_the_sample_project_describes_every_answer_without_a_warning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("spectacular", fail_on_warn=True, file="/dev/null")
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    assert list(paths["/auth/token"]["post"]["responses"]) == ["200", "400", "401", "403", "413", "429"]
    assert list(paths["/oauth2/userinfo"]["get"]["responses"]) == ["200", "401", "403"]
    assert "404" in paths["/api/tokens/"]["get"]["responses"]
    assert "rror" not in capsys.readouterr().err

"""The schemes and scopes of this app in a schema of drf-spectacular, which the extra ``openapi`` installs.

The security schemes are there as soon as ``drf_spectacular`` is installed. For the scopes of each
operation, set ``REST_FRAMEWORK["DEFAULT_SCHEMA_CLASS"]`` to :class:`AutoSchema`, or inherit from it.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

from tokenauth.authentication import CredentialAuthentication
from tokenauth.conf import conf
from tokenauth.core import answers
from tokenauth.endpoints.rest_framework import rule_of_view
from tokenauth.exception_handler import exception_handler

try:
    from drf_spectacular import openapi
    from drf_spectacular.extensions import OpenApiAuthenticationExtension
    from drf_spectacular.settings import spectacular_settings

    from tokenauth.rest import openapi_views
except ImportError as error:
    raise ImproperlyConfigured(
        "tokenauth.rest.openapi needs drf-spectacular: pip install 'drf-tokenauth[openapi]'."
    ) from error

if TYPE_CHECKING:
    from tokenauth.endpoints import Rule

_SECURITY = dict[str, list[Any]]

_REFUSALS = {
    HTTPStatus.UNAUTHORIZED: "No credential, or a refused one; `reason` says why.",
    HTTPStatus.FORBIDDEN: "The credential may not do this; `reason` says why.",
}


class AutoSchema(openapi.AutoSchema):
    """Tells with each operation the scopes it requires, in its description and as ``x-required-scopes``; and
    how it refuses a credential, where ``tokenauth.exception_handler`` answers."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is not None and self._is_refused_by_ours():
            responses = operation["responses"]
            for status, description in _REFUSALS.items():
                responses.setdefault(str(status.value), {"description": description})
            for status in answers.CODES:
                # What is described in any other way is the project's own.
                if (response := responses.get(str(status.value))) and "content" not in response:
                    response["content"] = {"application/json": {"schema": self._refusal()}}
            operation["responses"] = dict(sorted(responses.items()))
        return operation

    def _is_refused_by_ours(self) -> bool:
        is_ours = any(isinstance(one, CredentialAuthentication) for one in self.view.get_authenticators())
        return is_ours and self.view.get_exception_handler() is exception_handler

    def _refusal(self) -> Any:
        return self.resolve_serializer(openapi_views.REFUSAL, "response").ref

    def get_description(self) -> str:  # type: ignore[override]
        description = super().get_description() or ""
        rule = _rule_of(self)
        return f"{description}\n\nScopes: `{rule.requires}`".strip() if rule.requires else description

    def get_auth(self) -> list[dict[str, Any]]:
        auths: list[dict[str, Any]] = super().get_auth()
        if getattr(self.view, "session_allowed", True):
            return auths
        return [auth for auth in auths if CREDENTIAL_SCHEMES & auth.keys()]

    def get_extensions(self) -> dict[str, Any]:
        rule = _rule_of(self)
        extensions: dict[str, Any] = super().get_extensions()
        # A list says that all of them are required: what is otherwise is told by the description.
        is_list = rule.match == "all" and rule.scopes
        return {**extensions, "x-required-scopes": list(rule.scopes)} if is_list else extensions


class AccessTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """``Authorization: Bearer``."""

    target_class = "tokenauth.authentication.AccessTokenAuthentication"
    match_subclasses = True
    name = "accessToken"

    def get_security_requirement(self, auto_schema: openapi.AutoSchema) -> _SECURITY | list[_SECURITY]:
        # Of a scheme that is not OAuth's, the list is empty by OpenAPI 3.0, and holds roles by 3.1.
        if not str(spectacular_settings.OAS_VERSION).startswith("3.1"):
            return {self.name: []}
        rule = _rule_of(auto_schema)
        if rule.match == "any":
            return [{self.name: [scope]} for scope in rule.scopes]
        # What is composed of other permissions cannot be said here; the description does.
        return {self.name: list(rule.scopes) if rule.match == "all" else []}

    def get_security_definition(self, auto_schema: openapi.AutoSchema) -> dict[str, str]:
        if conf.AUTH_HEADER.lower() == "authorization":
            return {"type": "http", "scheme": "bearer", "description": "A personal access token."}
        return {
            "type": "apiKey",
            "in": "header",
            "name": conf.AUTH_HEADER,
            "description": "A personal access token, as `Bearer <token>`.",
        }


class APIKeyScheme(AccessTokenScheme):  # type: ignore[no-untyped-call]
    """``X-API-Key``."""

    target_class = "tokenauth.authentication.APIKeyAuthentication"
    # Before that of the class from which its target inherits.
    priority = 1
    name = "apiKey"

    def get_security_definition(self, auto_schema: openapi.AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": conf.API_KEY_HEADER,
            "description": "A server's API key.",
        }


# What is left where a session is refused; another app adds its own.
CREDENTIAL_SCHEMES = {AccessTokenScheme.name, APIKeyScheme.name}


def _rule_of(schema: openapi.AutoSchema) -> Rule:
    return rule_of_view(schema.view, schema.method)

"""JWTs in a schema of drf-spectacular."""

from drf_spectacular.openapi import AutoSchema

from tokenauth.rest.openapi import CREDENTIAL_SCHEMES, AccessTokenScheme


class JWTScheme(AccessTokenScheme):  # type: ignore[no-untyped-call]
    """``Authorization: Bearer eyJ…``."""

    target_class = "tokenauth.oauth.authentication.JWTAuthentication"
    name = "jwt"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A token of OAuth 2.0.",
        }


CREDENTIAL_SCHEMES.add(JWTScheme.name)

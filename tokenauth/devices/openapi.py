"""What devices present in a schema of drf-spectacular: with each operation that takes it, and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokenauth.devices.protocol.headers import SIGNATURE_HEADER, TOKEN_HEADER
from tokenauth.devices.view_options import SAFE_METHODS
from tokenauth.rest.openapi import CREDENTIAL_SCHEMES, AccessTokenScheme

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema


class DeviceTokenScheme(AccessTokenScheme):  # type: ignore[no-untyped-call]
    """``X-PowerAuth-Token``."""

    target_class = "tokenauth.devices.authentication.DeviceTokenAuthentication"
    name = "deviceToken"

    def get_security_requirement(self, auto_schema: AutoSchema) -> Any:
        also = getattr(auto_schema.view, "device_token_methods", ())
        is_taken = auto_schema.method in SAFE_METHODS or auto_schema.method in also
        return super().get_security_requirement(auto_schema) if is_taken else []

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": TOKEN_HEADER,
            "description": "A token of a device, by a digest and a time: made anew for each request.",
        }


class SignatureScheme(AccessTokenScheme):  # type: ignore[no-untyped-call]
    """``X-PowerAuth-Authorization``."""

    target_class = "tokenauth.devices.authentication.SignatureAuthentication"
    name = "deviceSignature"

    def get_security_requirement(self, auto_schema: AutoSchema) -> Any:
        is_taken = getattr(auto_schema.view, "signature_uri_id", None) is not None
        return super().get_security_requirement(auto_schema) if is_taken else []

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": SIGNATURE_HEADER,
            "description": "A device's signature of the request.",
        }


CREDENTIAL_SCHEMES.update({DeviceTokenScheme.name, SignatureScheme.name})

"""``/pa/v3/signature/validate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokenauth.devices.protocol.signatures import SignatureType
from tokenauth.devices.views.endpoint import SignedEndpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, JsonResponse

    from tokenauth.devices.signed_requests import SignedRequest


class SignatureValidateView(SignedEndpoint):
    """Says whether a signature is right, of whatever was sent, by whichever method."""

    http_method_names = ["get", "post", "put", "delete", "options"]
    uri_id = "/pa/signature/validate"
    signature_types = tuple(SignatureType)

    def get(self, request: HttpRequest) -> JsonResponse:
        return self.post(request)

    put = delete = get

    def answer_signed(self, request: HttpRequest, signed: SignedRequest) -> Mapping[str, Any]:
        return {"status": "OK"}

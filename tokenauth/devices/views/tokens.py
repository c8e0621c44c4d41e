"""``/pa/v3/token/…``: a device makes tokens, and ends them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.views.decorators.debug import sensitive_variables

from tokenauth.devices import encrypted_requests, json_objects, tokens
from tokenauth.devices.protocol.octets import encoded
from tokenauth.devices.views.endpoint import SignedEndpoint, okay, request_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest

    from tokenauth.devices.signed_requests import SignedRequest


class TokenCreateView(SignedEndpoint):
    """A new token, with the factors of the signature. What was encrypted is what was signed."""

    uri_id = "/pa/token/create"

    @sensitive_variables()
    def answer_signed(self, request: HttpRequest, signed: SignedRequest) -> Mapping[str, Any]:
        opened = encrypted_requests.open_for_activation(
            json_objects.parse(request.body),
            self.uri_id,
            signed.header.version,
            signed.version,
            signed.activation,
        )
        token = tokens.issue(signed.activation, signed.signature_type)
        return opened.seal({"tokenId": str(token.pk), "tokenSecret": encoded(token.secret)})


class TokenRemoveView(SignedEndpoint):
    """Ends a token of the device that asks for it; of any other token, the answer is the same."""

    uri_id = "/pa/token/remove"

    def answer_signed(self, request: HttpRequest, signed: SignedRequest) -> Mapping[str, Any]:
        token_id = json_objects.text_member(request_object(request), "tokenId")
        tokens.remove(signed.activation, token_id)
        return okay({"tokenId": token_id})

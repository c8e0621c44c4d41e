"""``/pa/v3/activation/…``: a device is activated, asks how it stands, and ends itself."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.views.decorators.debug import sensitive_variables

from tokenauth.devices import activation_status, encrypted_requests, json_objects, key_exchange, lifecycle
from tokenauth.devices.applications import version_of
from tokenauth.devices.exceptions import ActivationConflict
from tokenauth.devices.protocol import elliptic_curve
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.headers import ENCRYPTION_HEADER, EncryptionHeader
from tokenauth.devices.protocol.octets import KEY_LENGTH, decoded, encoded, identifier
from tokenauth.devices.protocol.versions import Version
from tokenauth.devices.request_headers import check_version, parsed
from tokenauth.devices.view_options import TWO_FACTORS
from tokenauth.devices.views.endpoint import (
    DeviceEndpoint,
    Failure,
    SignedEndpoint,
    okay,
    request_object,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest

    from tokenauth.devices.models import Activation
    from tokenauth.devices.signed_requests import SignedRequest


class ActivationCreateView(DeviceEndpoint):
    """Lets a device take an activation by its code. What it sends is encrypted twice, as is the answer."""

    refused_as = malformed_as = Failure.ACTIVATION

    @sensitive_variables()
    def answer(self, request: HttpRequest) -> Mapping[str, Any]:
        header = parsed(request, ENCRYPTION_HEADER, EncryptionHeader.parse)
        check_version(header.version, "")
        version = version_of(header.application_key)
        outer = encrypted_requests.open_for_application(
            json_objects.parse(request.body), "/pa/generic/application", header.version, version
        )
        # What else the protocol knows (recovery, a project's own identities) is not done here.
        if json_objects.text_member(outer.members, "type") != "CODE":
            raise ProtocolError("type is another one")
        code = json_objects.text_member(
            json_objects.object_member(outer.members, "identityAttributes"), "code"
        )
        inner = encrypted_requests.open_for_application(
            json_objects.object_member(outer.members, "activationData"),
            "/pa/activation",
            header.version,
            version,
        )
        device = key_exchange.NewDevice.parse(inner.members)
        activation = key_exchange.take(key_exchange.find(code, version), device, version)
        return outer.seal({"activationData": inner.seal(_keys(activation)), "customAttributes": {}})


class ActivationStatusView(DeviceEndpoint):
    """Tells the holder of an activation's keys how it stands, and everybody else nothing."""

    refused_as = malformed_as = Failure.ACTIVATION

    def answer(self, request: HttpRequest) -> Mapping[str, Any]:
        asked = request_object(request)
        activation_id = identifier(json_objects.text_member(asked, "activationId"), "activationId")
        text = json_objects.text_member(asked, "challenge", required=False)
        if not text:
            check_version(Version.V3_0, activation_id)
        challenge = decoded(text, "challenge", KEY_LENGTH) if text else b""
        status = activation_status.of(activation_id, challenge)
        members = {"activationId": activation_id, "encryptedStatusBlob": encoded(status.blob)}
        if status.nonce:
            members["nonce"] = encoded(status.nonce)
        return okay(members)


class ActivationRemoveView(SignedEndpoint):
    """Ends the activation of the device that asks for it."""

    uri_id = "/pa/activation/remove"
    signature_types = TWO_FACTORS

    def answer_signed(self, request: HttpRequest, signed: SignedRequest) -> Mapping[str, Any]:
        # Somebody else was quicker: what the device asked for is done.
        with suppress(ActivationConflict):
            lifecycle.remove(signed.activation, by=signed.activation.user)
        return okay({"activationId": str(signed.activation.pk)})


def _keys(activation: Activation) -> dict[str, str]:
    point = decoded(activation.server_public_key, "the server's public key")
    return {
        "activationId": str(activation.pk),
        "serverPublicKey": encoded(elliptic_curve.public_octets(elliptic_curve.public_key(point))),
        "ctrData": encoded(bytes.fromhex(activation.counter_data)),
    }

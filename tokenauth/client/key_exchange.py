"""How a device gets its activation for a code."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tokenauth.client.activation import PendingActivation
from tokenauth.client.encrypted_requests import opened
from tokenauth.client.exceptions import PowerAuthError, PowerAuthErrorCode
from tokenauth.devices.protocol import activation_code, elliptic_curve, key_derivation
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.headers import ENCRYPTION_HEADER, EncryptionHeader
from tokenauth.devices.protocol.octets import KEY_LENGTH, decoded, encoded, identifier

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tokenauth.client.session import Session


@dataclass(frozen=True)
class PowerAuthActivation:
    """A code, and what the server is to know of the device. Make one by ``with_activation_code``."""

    activation_code: str = field(repr=False)
    signature: str = field(default="", repr=False)
    name: str = ""
    platform: str = ""
    device_info: str = ""

    @classmethod
    def with_activation_code(
        cls, code: str, name: str = "", *, platform: str = "", device_info: str = ""
    ) -> PowerAuthActivation:
        """``code`` as it was typed, or read from a picture, which has the server's signature after ``#``.

        :param name: what the server's lists call the device; the machine's own name, where there is none.
        :raises PowerAuthError: ``INVALID_ACTIVATION_CODE``: it is none; a letter was mistyped.
        """
        text, is_signed, signature = code.strip().partition("#")
        text = text.upper()
        if is_signed and not signature:
            raise _invalid_code("The signature of the activation code is missing.")
        try:
            activation_code.parse(text)
        except ProtocolError as error:
            raise _invalid_code(f"This is no code: {error}.") from None
        return cls(text, signature, name or _machine(), platform or _platform(), device_info)


@dataclass(frozen=True)
class PowerAuthCreateActivationResult:
    """What the person is to compare: the server shows the same eight digits."""

    activation_identifier: str
    activation_fingerprint: str


def exchange_keys(session: Session, activation: PowerAuthActivation) -> PendingActivation:
    """What the server gives for a code.

    :raises PowerAuthError: ``INVALID_ACTIVATION_CODE``: the code's signature is not of this server; or the
        server gives nothing.
    """
    configuration = session.configuration
    if activation.signature:
        try:
            signature = decoded(activation.signature, "the signature")
            activation_code.verify(signature, activation.activation_code, configuration.master_key)
        except ProtocolError:
            raise _invalid_code(
                "This code is of another application, or of another server, than the configuration."
            ) from None
    private = elliptic_curve.new_private_key()
    device = {
        "devicePublicKey": encoded(elliptic_curve.public_octets(private.public_key(), compressed=True)),
        "activationName": activation.name,
        "platform": activation.platform,
        "deviceInfo": activation.device_info,
    }
    encryption = session.encryption()
    inner, opens_inner = encryption.seal("/pa/activation", device)
    outer, opens_outer = encryption.seal(
        "/pa/generic/application",
        {
            "type": "CODE",
            "identityAttributes": {"code": activation.activation_code},
            "activationData": inner,
        },
    )
    header = EncryptionHeader(configuration.app_key, configuration.version).render()
    answer = session.transport.post(
        "/pa/v3/activation/create",
        json.dumps(outer).encode(),
        {ENCRYPTION_HEADER: header},
        is_encrypted=True,
    )
    told = opened(opens_inner, opened(opens_outer, answer).get("activationData"))
    return _pending(private, told)


def _pending(private: elliptic_curve.PrivateKey, told: Mapping[str, Any]) -> PendingActivation:
    try:
        server = elliptic_curve.public_key(decoded(told["serverPublicKey"], "serverPublicKey"))
        return PendingActivation(
            identifier(told["activationId"], "activationId"),
            server,
            private.public_key(),
            key_derivation.device_keys(key_derivation.master_secret(private, server)),
            decoded(told["ctrData"], "ctrData", KEY_LENGTH),
        )
    except (KeyError, TypeError, ProtocolError) as error:
        raise PowerAuthError(
            PowerAuthErrorCode.INVALID_ACTIVATION_DATA,
            "The server's activation cannot be read. Whoever made the code should remove it there.",
            is_outcome_unknown=True,
        ) from error


def _invalid_code(message: str) -> PowerAuthError:
    return PowerAuthError(PowerAuthErrorCode.INVALID_ACTIVATION_CODE, message)


def _machine() -> str:
    return platform.node() or "Python"


def _platform() -> str:
    return platform.system().lower() or "unknown"

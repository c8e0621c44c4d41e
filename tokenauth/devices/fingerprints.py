"""What an operator and the holder of a device compare before it is committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenauth.devices.protocol import elliptic_curve
from tokenauth.devices.protocol.fingerprint import fingerprint
from tokenauth.devices.protocol.octets import decoded

if TYPE_CHECKING:
    from tokenauth.devices.models import Activation


def fingerprint_of(activation: Activation) -> str:
    """The eight digits that the device shows as well; "" where no device has used the code yet."""
    if not activation.device_public_key:
        return ""
    device, server = (
        elliptic_curve.public_key(decoded(text, "a public key"))
        for text in (activation.device_public_key, activation.server_public_key)
    )
    return fingerprint(device, server, str(activation.pk))

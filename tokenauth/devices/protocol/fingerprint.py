"""Eight digits that a person compares on two screens, to see that no one stands between.

Source: "Activation", on the visual fingerprint.
"""

from __future__ import annotations

import hashlib

from tokenauth.devices.protocol.elliptic_curve import PublicKey, x_coordinate
from tokenauth.devices.protocol.octets import decimal


def fingerprint(device: PublicKey, server: PublicKey, activation_id: str) -> str:
    """The fingerprint of an activation's two public keys."""
    octets = x_coordinate(device) + activation_id.encode() + x_coordinate(server)
    return decimal(hashlib.sha256(octets).digest())

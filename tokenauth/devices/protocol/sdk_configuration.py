"""The one text with which an application is configured: its key, its secret and the server's public key.

Source: "SDK Configuration".
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tokenauth.devices.protocol import elliptic_curve
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.octets import KEY_LENGTH, decoded, encoded

_VERSION = 1
_P256 = 1
_POINT_LENGTH = 65


@dataclass(frozen=True, slots=True)
class SdkConfiguration:
    """What every installation of an application has."""

    application_key: str
    """As it is written, in Base64; so is the secret."""
    application_secret: str = field(repr=False)
    master_public_key: elliptic_curve.PublicKey

    @classmethod
    def parse(cls, text: str) -> SdkConfiguration:
        """The configuration that ``text`` is.

        :raises ProtocolError: it is none of this version, with one key of this curve.
        """
        octets = decoded(text, "the configuration", 4 + 2 * (1 + KEY_LENGTH) + _POINT_LENGTH)
        key, secret, point = octets[2:18], octets[19:35], octets[38:]
        configuration = cls(encoded(key), encoded(secret), elliptic_curve.public_key(point))
        if configuration.render() != text:
            raise ProtocolError("the configuration is malformed")
        return configuration

    def render(self) -> str:
        """The text, in Base64.

        :raises ProtocolError: key or secret are not 16 bytes in Base64.
        """
        parts = [
            decoded(self.application_key, "the application's key", KEY_LENGTH),
            decoded(self.application_secret, "the application's secret", KEY_LENGTH),
        ]
        keys = elliptic_curve.public_octets(self.master_public_key)
        head = b"".join(bytes([len(part)]) + part for part in parts)
        return encoded(bytes([_VERSION]) + head + bytes([1, _P256, len(keys)]) + keys)

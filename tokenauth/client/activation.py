"""An activation as a device keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tokenauth.client.exceptions import PowerAuthError, PowerAuthErrorCode
from tokenauth.client.factor_keys import FactorKeys
from tokenauth.devices.protocol import elliptic_curve, request_data, signatures, token_digest
from tokenauth.devices.protocol.counter import next_counter
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.fingerprint import fingerprint
from tokenauth.devices.protocol.headers import SignatureHeader
from tokenauth.devices.protocol.octets import KEY_LENGTH, decoded, encoded, identifier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tokenauth.client.authentication import PowerAuthAuthentication
    from tokenauth.client.configuration import PowerAuthConfiguration
    from tokenauth.devices.protocol.key_derivation import DeviceKeys


@dataclass(frozen=True)
class Activation:
    """What a device must keep to sign. Its private key is not among that: nothing needs it any more."""

    activation_id: str
    server_public_key: elliptic_curve.PublicKey
    device_public_key: elliptic_curve.PublicKey
    transport_key: bytes = field(repr=False)
    keys: FactorKeys
    counter: bytes = field(repr=False)
    """Of the next signature."""
    count: int
    """How many signatures there were."""

    @classmethod
    def parse(cls, members: Mapping[str, Any]) -> Activation:
        """What ``members`` have kept.

        :raises PowerAuthError: ``INVALID_ACTIVATION_DATA``.
        """
        try:
            biometry = members["biometry"]
            return cls(
                identifier(members["activationId"], "activationId"),
                _public_key(members["serverPublicKey"]),
                _public_key(members["devicePublicKey"]),
                decoded(members["transport"], "transport", KEY_LENGTH),
                FactorKeys(
                    decoded(members["possession"], "possession", KEY_LENGTH),
                    decoded(members["knowledge"], "knowledge", KEY_LENGTH),
                    decoded(members["salt"], "salt", KEY_LENGTH),
                    None if biometry is None else decoded(biometry, "biometry", KEY_LENGTH),
                ),
                decoded(members["counter"], "counter", KEY_LENGTH),
                _count(members["count"]),
            )
        except (KeyError, TypeError, ProtocolError, ValueError) as error:
            raise PowerAuthError(
                PowerAuthErrorCode.INVALID_ACTIVATION_DATA,
                "What is kept of the activation cannot be read. Remove it locally, and activate anew.",
            ) from error

    def members(self) -> dict[str, Any]:
        """What is to be kept. It is secret."""
        biometry = self.keys.biometry
        return {
            "activationId": self.activation_id,
            "serverPublicKey": _point(self.server_public_key),
            "devicePublicKey": _point(self.device_public_key),
            "transport": encoded(self.transport_key),
            "possession": encoded(self.keys.possession),
            "knowledge": encoded(self.keys.knowledge),
            "biometry": None if biometry is None else encoded(biometry),
            "salt": encoded(self.keys.salt),
            "counter": encoded(self.counter),
            "count": self.count,
        }

    @property
    def fingerprint(self) -> str:
        """Eight digits, the same as the server shows."""
        return fingerprint(self.device_public_key, self.server_public_key, self.activation_id)

    def sign(
        self,
        configuration: PowerAuthConfiguration,
        authentication: PowerAuthAuthentication,
        method: str,
        uri_id: str,
        body: bytes,
    ) -> str:
        """The value of ``X-PowerAuth-Authorization``. ``next()`` is to be kept before it is sent."""
        nonce = token_digest.new_nonce()
        octets = request_data.signed_octets(method, uri_id, nonce, body, configuration.app_secret)
        keys = self.keys.unlock(authentication)
        signature = signatures.sign(octets, keys, self.counter, configuration.version)
        header = SignatureHeader(
            self.activation_id,
            configuration.app_key,
            nonce,
            authentication.signature_type,
            signature,
            configuration.version,
        )
        return header.render()

    def with_password(self, old: str, new: str) -> Activation:
        """This one, under another password."""
        return replace(self, keys=self.keys.with_password(old, new))

    def next(self, steps: int = 1) -> Activation:
        """This one, after as many signatures."""
        counter = self.counter
        for _ in range(steps):
            counter = next_counter(counter)
        return replace(self, counter=counter, count=self.count + steps)


@dataclass(frozen=True)
class PendingActivation:
    """One that the server has given, and whose keys wait in memory for a password."""

    activation_id: str
    server_public_key: elliptic_curve.PublicKey
    device_public_key: elliptic_curve.PublicKey
    keys: DeviceKeys
    counter: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Eight digits, the same as the server shows."""
        return fingerprint(self.device_public_key, self.server_public_key, self.activation_id)

    def persisted(self, authentication: PowerAuthAuthentication) -> Activation:
        """What is to be kept.

        :raises PowerAuthError: ``PASSWORD_NOT_SET``.
        """
        return Activation(
            self.activation_id,
            self.server_public_key,
            self.device_public_key,
            self.keys.transport,
            FactorKeys.lock(self.keys, authentication),
            self.counter,
            0,
        )


def _public_key(text: str) -> elliptic_curve.PublicKey:
    return elliptic_curve.public_key(decoded(text, "the public key"))


def _count(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError("the count is none")
    return value


def _point(key: elliptic_curve.PublicKey) -> str:
    return encoded(elliptic_curve.public_octets(key, compressed=True))

"""What is encrypted for the server: in 3.3 for a key that it gives for the purpose, and that soon ends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tokenauth.client.exceptions import PowerAuthError, PowerAuthErrorCode
from tokenauth.devices.protocol import ecies, temporary_keys
from tokenauth.devices.protocol.encrypted_messages import EncryptedResponse
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.octets import encoded
from tokenauth.devices.protocol.token_digest import new_nonce

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tokenauth.client.activation import Activation
    from tokenauth.client.configuration import PowerAuthConfiguration
    from tokenauth.devices.protocol.elliptic_curve import PublicKey


@dataclass(frozen=True)
class Encryption:
    """Encrypts for one purpose after the other: for the application, or for ``activation``.

    :param current_time: the server's, in milliseconds since 1970.
    """

    configuration: PowerAuthConfiguration
    current_time: Callable[[], int]
    public_key: PublicKey
    temporary_key_id: str = ""
    activation: Activation | None = None

    @classmethod
    def begin(
        cls,
        ask: Callable[[str, Mapping[str, Any]], Mapping[str, Any]],
        configuration: PowerAuthConfiguration,
        current_time: Callable[[], int],
        activation: Activation | None = None,
    ) -> Encryption:
        """With what the server gives for it, in versions that have that.

        :param ask: the server, as ``Session.ask``.
        :raises PowerAuthError: it gives nothing, or ``ENCRYPTION_ERROR``: nothing of its own.
        """
        server = configuration.master_key if activation is None else activation.server_public_key
        if not configuration.version.has_temporary_keys:
            return cls(configuration, current_time, server, activation=activation)
        activation_id = "" if activation is None else activation.activation_id
        request = temporary_keys.TemporaryKeyRequest(
            configuration.app_key, encoded(new_nonce()), activation_id
        )
        transport_key = None if activation is None else activation.transport_key
        signing = temporary_keys.request_key(configuration.app_secret, transport_key)
        text = temporary_keys.sign_request(request, signing)
        answer = ask("/pa/v3/keystore/create", {"requestObject": {"jwt": text}})
        try:
            told = answer["responseObject"]["jwt"]
            key = temporary_keys.verify_response(told, request, server)
        except (KeyError, TypeError, AttributeError, ProtocolError) as error:
            raise PowerAuthError(
                PowerAuthErrorCode.ENCRYPTION_ERROR,
                "The key to encrypt for is not of the server that this application is configured for.",
            ) from error
        return cls(configuration, current_time, key.public_key, key.key_id, activation)

    def seal(self, purpose: str, members: Mapping[str, Any]) -> tuple[dict[str, Any], ecies.Exchange]:
        """A message for ``purpose``, and what opens the answer."""
        configuration = self.configuration
        version, of_application = (
            configuration.version,
            {
                "application_key": configuration.app_key,
                "application_secret": configuration.app_secret,
                "temporary_key_id": self.temporary_key_id,
            },
        )
        if self.activation is None:
            scope = ecies.application_scope(version, purpose, **of_application)
        else:
            scope = ecies.activation_scope(
                version,
                purpose,
                activation_id=self.activation.activation_id,
                transport_key=self.activation.transport_key,
                **of_application,
            )
        plaintext = json.dumps(members).encode()
        request, exchange = ecies.encrypt_request(plaintext, self.public_key, scope, self.current_time())
        return dict(request.render()), exchange


def opened(exchange: ecies.Exchange, answer: object) -> Mapping[str, Any]:
    """The JSON object that the server has encrypted.

    :raises PowerAuthError: ``ENCRYPTION_ERROR``. The server has done what it was asked for, or so it says.
    """
    try:
        text = exchange.decrypt_response(EncryptedResponse.parse(answer))
    except ProtocolError as error:
        raise _unopened() from error
    try:
        members = json.loads(text)
    except (ValueError, RecursionError):
        # The error holds what was decrypted.
        members = None
    if not isinstance(members, dict):
        raise _unopened()
    return members


def _unopened() -> PowerAuthError:
    return PowerAuthError(
        PowerAuthErrorCode.ENCRYPTION_ERROR,
        "The server's answer cannot be decrypted, or was not encrypted by it.",
        is_outcome_unknown=True,
    )

"""What everything that an instance does goes through: its configuration, its server, and what it keeps."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tokenauth.client.activation import Activation
from tokenauth.client.encrypted_requests import Encryption
from tokenauth.client.exceptions import KeychainError, PowerAuthError, PowerAuthErrorCode
from tokenauth.client.time_synchronization import TimeSynchronizationService
from tokenauth.client.transport import Transport
from tokenauth.devices.protocol.headers import SIGNATURE_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from tokenauth.client.activation import PendingActivation
    from tokenauth.client.authentication import PowerAuthAuthentication
    from tokenauth.client.configuration import PowerAuthConfiguration
    from tokenauth.client.instance_storage import InstanceStorage

ACTIVATION = "activation"
# Unless the outcome is unknown.
_UNSENT = (
    PowerAuthErrorCode.NETWORK_ERROR,
    PowerAuthErrorCode.INVALID_NATIVE_OBJECT,
    PowerAuthErrorCode.WRONG_PARAMETER,
)
# Of a server's time, in milliseconds since 1970: 9 to 15 digits. A header has room for no other.
_EARLIEST, _LATEST = 10**8, 10**15 - 1


class Session:
    """Of one ``PowerAuth``, and its token store.

    :param timeout: see ``Transport``.
    """

    def __init__(self, storage: InstanceStorage, http_client: httpx.Client | None, timeout: float) -> None:
        self.storage = storage
        self.time = TimeSynchronizationService(self.server_time)
        self.pending: PendingActivation | None = None
        self._http_client, self._timeout = http_client, timeout
        self._configuration: PowerAuthConfiguration | None = None
        self._transport: Transport | None = None

    @property
    def is_configured(self) -> bool:
        return self._configuration is not None

    @property
    def configuration(self) -> PowerAuthConfiguration:
        """:raises PowerAuthError: ``INSTANCE_NOT_CONFIGURED``."""
        if self._configuration is None:
            raise PowerAuthError(
                PowerAuthErrorCode.INSTANCE_NOT_CONFIGURED, "Call configure() before anything else."
            )
        return self._configuration

    def configure(self, configuration: PowerAuthConfiguration) -> None:
        self._transport = Transport(configuration, self._http_client, self._timeout)
        self._configuration = configuration

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def activation(self) -> Activation | None:
        """What is kept; None = nothing.

        :raises PowerAuthError: ``INVALID_ACTIVATION_DATA``: it cannot be read; or the keychain's own.
        """
        members = self.storage.read(ACTIVATION)
        return None if members is None else Activation.parse(members)

    def required_activation(self) -> Activation:
        """What is kept.

        :raises PowerAuthError: ``INSTANCE_NOT_CONFIGURED``, ``PENDING_ACTIVATION``, ``MISSING_ACTIVATION``.
        """
        _ = self.configuration
        activation = self.activation()
        if activation is not None:
            return activation
        if self.pending is not None:
            raise PowerAuthError(
                PowerAuthErrorCode.PENDING_ACTIVATION, "The activation waits for persist_activation()."
            )
        raise PowerAuthError(PowerAuthErrorCode.MISSING_ACTIVATION, "This device is not activated.")

    def keep(self, activation: Activation) -> None:
        self.storage.write(ACTIVATION, activation.members())

    def sign(self, authentication: PowerAuthAuthentication, method: str, uri_id: str, body: bytes) -> str:
        """The value of ``X-PowerAuth-Authorization``; its counter is spent, whatever becomes of it."""
        with self.storage.exclusive():
            activation = self.required_activation()
            value = activation.sign(self.configuration, authentication, method, uri_id, body)
            # Before anybody has seen it: after a crash, the next signature is another one.
            self.keep(activation.next())
            return value

    def ask(self, path: str, members: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the server answers: see ``Transport.post``. Nothing is done there that could be unknown."""
        try:
            return self.transport.post(path, json.dumps(members).encode())
        except PowerAuthError as error:
            error.is_outcome_unknown = False
            raise

    def post_signed(
        self,
        path: str,
        content: bytes,
        authentication: PowerAuthAuthentication,
        *,
        is_encrypted: bool = False,
    ) -> Mapping[str, Any]:
        """What the server answers to a request that is signed; nothing else is signed meanwhile.

        Signatures that arrived in another order than they were made in would be refused.
        """
        with self.storage.exclusive():
            before = self.required_activation()
            value = self.sign(authentication, "POST", path.replace("/v3/", "/"), content)
            try:
                return self.transport.post(
                    path, content, {SIGNATURE_HEADER: value}, is_encrypted=is_encrypted
                )
            except PowerAuthError as error:
                if error.code in _UNSENT and not error.is_outcome_unknown:
                    # Nobody has seen it. A server that is down for long would otherwise be left behind
                    # further than it looks ahead, and the device of no use any more. A single one does no
                    # harm, and is no reason to hide why this failed.
                    with suppress(KeychainError):
                        self.keep(before)
                raise

    def server_time(self) -> int:
        """Milliseconds since 1970, by the server.

        :raises PowerAuthError: it gives no answer, or no time.
        """
        answer = self.ask("/pa/v3/status", {})
        told = answer.get("responseObject")
        server_time = told.get("serverTime") if isinstance(told, dict) else None
        if not isinstance(server_time, int) or not _EARLIEST <= server_time <= _LATEST:
            raise PowerAuthError(
                PowerAuthErrorCode.TIME_SYNCHRONIZATION, "The server does not tell its time."
            )
        return server_time

    def encryption(self, activation: Activation | None = None) -> Encryption:
        """For the application; or for ``activation``.

        :raises PowerAuthError: the server does not give what is needed for it.
        """
        if self.configuration.version.has_timestamps:
            self.time.synchronize_time()
        return Encryption.begin(self.ask, self.configuration, self.time.current_time, activation)

    @property
    def transport(self) -> Transport:
        _ = self.configuration
        assert self._transport is not None  # noqa: S101 - made with the configuration
        return self._transport

"""A device: what the mobile SDKs call ``PowerAuth``, in Python."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Self

from tokenauth.client import activation_status, key_exchange
from tokenauth.client.asynchronous import async_twin
from tokenauth.client.authentication import PowerAuthAuthentication
from tokenauth.client.chosen_keychain import default_keychain
from tokenauth.client.exceptions import KeychainError, PowerAuthError, PowerAuthErrorCode
from tokenauth.client.instance_storage import InstanceStorage
from tokenauth.client.key_exchange import PowerAuthActivation, PowerAuthCreateActivationResult
from tokenauth.client.request_headers import PowerAuthHeader, normalized_parameters
from tokenauth.client.session import ACTIVATION, Session
from tokenauth.client.token_store import TokenStore
from tokenauth.client.unfinished_activation import UnfinishedActivation
from tokenauth.devices.protocol.headers import SIGNATURE_HEADER

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from types import TracebackType

    import httpx

    from tokenauth.client.activation import Activation, PendingActivation
    from tokenauth.client.activation_status import PowerAuthActivationStatus
    from tokenauth.client.configuration import PowerAuthConfiguration
    from tokenauth.client.keychain import Keychain
    from tokenauth.client.time_synchronization import TimeSynchronizationService


class PowerAuth:
    """One activation of this device; several are kept side by side, by their ids.

    Any number of threads and processes may use the same one. What asks the server or the keychain has a twin
    for asynchronous code, with ``a`` before its name. Each method raises ``PowerAuthError``; every one, until
    ``configure`` was called, ``INSTANCE_NOT_CONFIGURED``.

    :param instance_id: under which it is kept; an application's own name is a good one.
    :param configuration: as for ``configure``.
    :param keychain: where it is kept: the system's, unless it is given.
    :param directory: of the locks between processes, where it is not to be that of the user's state.
    :param http_client: of one's own: with a proxy, or with certificates.
    :param timeout: of each step of an exchange with the server, in seconds.
    """

    def __init__(
        self,
        instance_id: str,
        configuration: PowerAuthConfiguration | None = None,
        *,
        keychain: Keychain | None = None,
        directory: str | os.PathLike[str] | None = None,
        http_client: httpx.Client | None = None,
        timeout: float = 20.0,
    ) -> None:
        self.instance_id = instance_id
        if keychain is None:
            keychain = default_keychain()
        storage = InstanceStorage(keychain, instance_id, directory)
        self._session = Session(storage, http_client, timeout)
        self._unfinished = UnfinishedActivation(storage)
        self.token_store = TokenStore(self._session)
        if configuration is not None:
            self.configure(configuration)

    def __repr__(self) -> str:
        return f"PowerAuth({self.instance_id!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections to the server back."""
        self._session.close()

    def configure(self, configuration: PowerAuthConfiguration) -> None:
        """Say where the server is, once.

        :raises PowerAuthError: ``WRONG_PARAMETER``: it was said before.
        """
        if self._session.is_configured:
            raise PowerAuthError(PowerAuthErrorCode.WRONG_PARAMETER, "It is configured already.")
        self._session.configure(configuration)

    def is_configured(self) -> bool:
        return self._session.is_configured

    @property
    def time_synchronization_service(self) -> TimeSynchronizationService:
        """The server's time."""
        return self._session.time

    def has_valid_activation(self) -> bool:
        """Whether there is one on this device. How it stands, the server alone knows."""
        _ = self._session.configuration
        return self._session.activation() is not None

    ahas_valid_activation = async_twin(has_valid_activation)

    def has_pending_activation(self) -> bool:
        """Whether one was created, and waits for ``persist_activation``."""
        _ = self._session.configuration
        return self._session.pending is not None

    def can_start_activation(self) -> bool:
        """Whether there is neither."""
        return not self.has_pending_activation() and not self.has_valid_activation()

    acan_start_activation = async_twin(can_start_activation)

    def get_activation_identifier(self) -> str | None:
        """By which the server knows it; None = there is no activation."""
        activation = self._any_activation()
        return None if activation is None else activation.activation_id

    aget_activation_identifier = async_twin(get_activation_identifier)

    def get_activation_fingerprint(self) -> str | None:
        """Eight digits, which the server shows as well; None = there is no activation."""
        activation = self._any_activation()
        return None if activation is None else activation.fingerprint

    aget_activation_fingerprint = async_twin(get_activation_fingerprint)

    def create_activation(self, activation: PowerAuthActivation) -> PowerAuthCreateActivationResult:
        """Trade a code for an activation, which waits in memory for ``persist_activation``.

        :raises PowerAuthError: ``INVALID_ACTIVATION_STATE``: there is one; ``RESPONSE_ERROR``: the server
            does not take the code; ``OPERATION_CANCELED``, once: a process that has ended without persisting
            it has left one behind on the server.
        """
        session = self._session
        with session.storage.exclusive():
            if not self.can_start_activation():
                raise PowerAuthError(
                    PowerAuthErrorCode.INVALID_ACTIVATION_STATE, "This device is activated already."
                )
            self._unfinished.tell()
            self._unfinished.begin()
            try:
                pending = key_exchange.exchange_keys(session, activation)
            except PowerAuthError as error:
                # A note that stays tells it once more: that is no reason to hide why this failed.
                with suppress(KeychainError):
                    self._unfinished.forget_if_heard(error)
                raise
            session.pending = pending
            # Or the note goes without the id. What the server has given is here, and can be persisted.
            with suppress(KeychainError):
                self._unfinished.add_id(pending.activation_id)
        return PowerAuthCreateActivationResult(pending.activation_id, pending.fingerprint)

    acreate_activation = async_twin(create_activation)

    def persist_activation(self, authentication: PowerAuthAuthentication) -> None:
        """Keep the activation that was created, under a password.

        :raises PowerAuthError: ``PASSWORD_NOT_SET``; ``INVALID_ACTIVATION_STATE``: none was created, or
            another process has persisted one meanwhile, and the server holds this one as well.
        """
        session = self._session
        _ = session.configuration
        with session.storage.exclusive():
            pending = session.pending
            if pending is None:
                raise PowerAuthError(
                    PowerAuthErrorCode.INVALID_ACTIVATION_STATE, "There is no created activation to persist."
                )
            if session.activation() is not None:
                session.pending = None
                # One that stays goes with the activation: no reason to hide what the server holds.
                with suppress(KeychainError):
                    self._unfinished.forget_own(pending.activation_id)
                raise PowerAuthError(
                    PowerAuthErrorCode.INVALID_ACTIVATION_STATE,
                    "Another process has persisted an activation meanwhile. The server holds this one as "
                    f"well: remove {pending.activation_id} there.",
                    is_outcome_unknown=True,
                )
            activation = pending.persisted(authentication)
            # Those of an activation of before.
            self.token_store.remove_all_local_tokens()
            session.keep(activation)
            session.pending = None
            # One that stays goes with the activation: no reason to say that this was not kept.
            with suppress(KeychainError):
                self._unfinished.forget_own(pending.activation_id)

    apersist_activation = async_twin(persist_activation)

    def activate(
        self, code: str, password: str, name: str = "", *, platform: str = "", device_info: str = ""
    ) -> PowerAuthCreateActivationResult:
        """``create_activation`` and ``persist_activation``; where the latter fails, repeat that alone."""
        authentication = PowerAuthAuthentication.persist_with_password(password)
        result = self.create_activation(
            PowerAuthActivation.with_activation_code(code, name, platform=platform, device_info=device_info)
        )
        self.persist_activation(authentication)
        return result

    aactivate = async_twin(activate)

    def fetch_activation_status(self) -> PowerAuthActivationStatus:
        """Ask the server how it stands; counters that have come apart are brought together.

        :raises PowerAuthError: ``INVALID_ACTIVATION_DATA``: the server does not know it.
        """
        return activation_status.fetch(self._session)

    afetch_activation_status = async_twin(fetch_activation_status)

    def request_signature(
        self, authentication: PowerAuthAuthentication, method: str, uri_id: str, body: bytes | str = b""
    ) -> PowerAuthHeader:
        """The header for a request that is sent once, and before another is signed.

        :param uri_id: what the server's view is called between the two (``signature_uri_id``).
        :param body: as it is sent.
        """
        if not method or not uri_id:
            raise PowerAuthError(PowerAuthErrorCode.WRONG_PARAMETER, "A method and a uri_id are needed.")
        octets = body.encode() if isinstance(body, str) else body
        value = self._session.sign(authentication, method.upper(), uri_id, octets)
        return PowerAuthHeader(SIGNATURE_HEADER, value)

    arequest_signature = async_twin(request_signature)

    def request_get_signature(
        self,
        authentication: PowerAuthAuthentication,
        uri_id: str,
        parameters: Mapping[str, str] | None = None,
    ) -> PowerAuthHeader:
        """Likewise, for a GET: ``parameters`` are those of its query."""
        body = normalized_parameters(parameters or {})
        return self.request_signature(authentication, "GET", uri_id, body)

    arequest_get_signature = async_twin(request_get_signature)

    def validate_password(self, password: str) -> None:
        """Ask the server whether it is right. A wrong one is counted there.

        :raises PowerAuthError: ``AUTHENTICATION_ERROR``: it is not.
        """
        authentication = PowerAuthAuthentication.password(password)
        self._session.post_signed("/pa/v3/signature/validate", b"{}", authentication)

    avalidate_password = async_twin(validate_password)

    def change_password(self, old: str, new: str) -> None:
        """Ask the server whether the old one is right, and change it on this device.

        :raises PowerAuthError: ``AUTHENTICATION_ERROR``: it is not; nothing was changed.
        """
        with self._session.storage.exclusive():
            self.validate_password(old)
            self.unsafe_change_password(old, new)

    achange_password = async_twin(change_password)

    def unsafe_change_password(self, old: str, new: str) -> None:
        """Change it without asking. With a wrong ``old`` one, the activation has no right one any more."""
        for password in (old, new):
            PowerAuthAuthentication.password(password)
        with self._session.storage.exclusive():
            activation = self._session.required_activation()
            self._session.keep(activation.with_password(old, new))

    aunsafe_change_password = async_twin(unsafe_change_password)

    def remove_activation_with_authentication(self, authentication: PowerAuthAuthentication) -> None:
        """End it on the server, and then on this device.

        :raises PowerAuthError: the server refuses, or does not answer; nothing was removed here then.
        :raises KeychainError: it has ended there, where ``message`` says so: ``remove_activation_local``.
        """
        with self._session.storage.exclusive():
            self._session.post_signed("/pa/v3/activation/remove", b"{}", authentication)
            try:
                self.remove_activation_local()
            except KeychainError as error:
                raise KeychainError(
                    "The activation has ended on the server, and could not be removed here, which "
                    f"remove_activation_local() does: {error.message}",
                    error.code,
                ) from error

    aremove_activation_with_authentication = async_twin(remove_activation_with_authentication)

    def remove_activation_local(self) -> None:
        """Forget it on this device, with its tokens. On the server it goes on, until it is ended there."""
        session = self._session
        _ = session.configuration
        self.token_store.cancel_all_requests()
        with session.storage.exclusive():
            # First, so that none is left of what is not there any more.
            self.token_store.remove_all_local_tokens()
            session.storage.delete(ACTIVATION)
            self._unfinished.forget()
            session.pending = None
        session.time.reset_time_synchronization()

    aremove_activation_local = async_twin(remove_activation_local)

    def _any_activation(self) -> Activation | PendingActivation | None:
        _ = self._session.configuration
        return self._session.activation() or self._session.pending

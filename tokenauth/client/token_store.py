"""The tokens of one activation, by the names that a program gives them: the SDKs' token store.

A token is made by one request at a time for each name, whoever asks. Nothing that the server has made is
forgotten in silence: a name is noted before the request, and the note is taken away with what came of it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tokenauth.client.asynchronous import async_twin
from tokenauth.client.authentication import PowerAuthAuthentication, factor_mask
from tokenauth.client.encrypted_requests import opened
from tokenauth.client.exceptions import (
    KeychainError,
    PowerAuthError,
    PowerAuthErrorCode,
)
from tokenauth.client.shared_requests import SharedRequests
from tokenauth.client.token_entries import TokenEntries
from tokenauth.client.tokens import PowerAuthToken, StoredToken, other_factors

if TYPE_CHECKING:
    from tokenauth.client.request_headers import PowerAuthHeader
    from tokenauth.client.session import Session
    from tokenauth.client.shared_requests import SharedRequest

LONGEST_NAME = 255


class TokenStore:
    """``PowerAuth.token_store``. What asks the server or the keychain has a twin with ``a`` before its name.

    Names have 1 to 255 characters; another is ``WRONG_PARAMETER``. What is kept of a token and cannot be read
    is ``INVALID_TOKEN``, until it is removed locally.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._entries = TokenEntries(session.storage)
        self._requests = SharedRequests()

    def can_request_for_access_token(self) -> bool:
        """Whether there is an activation to request one by."""
        return self._session.is_configured and self._session.activation() is not None

    acan_request_for_access_token = async_twin(can_request_for_access_token)

    def request_access_token(self, name: str, authentication: PowerAuthAuthentication) -> PowerAuthToken:
        """The token of this name, and of these factors: a local one, or a new one of the server's.

        The password of a local one is not looked at.

        :raises PowerAuthError: ``MISSING_ACTIVATION``; ``WRONG_PARAMETER``: the name has a token of other
            factors, or one is being requested; ``OPERATION_CANCELED``, once: an earlier request of the name
            was interrupted, and the server may hold its token; ``KeychainError``: what was made cannot be
            kept; or the server made none.
        """
        _check(name)
        if not isinstance(authentication, PowerAuthAuthentication) or authentication.is_for_persisting:
            raise PowerAuthError(
                PowerAuthErrorCode.WRONG_PARAMETER,
                "A token is requested by possession, a password or biometry; what is for "
                "persist_activation() is for that alone.",
            )
        mask = factor_mask(authentication.signature_type.factors)
        self._session.required_activation()
        if local := self._local(name, mask):
            return self._token(local)
        create = partial(self._create, name, authentication)
        return self._token(self._requests.outcome(name, mask, create))

    arequest_access_token = async_twin(request_access_token)

    def has_local_token(self, name: str) -> bool:
        """Whether there is one on this device, of this activation."""
        _check(name)
        _ = self._session.configuration
        return self._own(name) is not None

    ahas_local_token = async_twin(has_local_token)

    def get_local_token(self, name: str) -> PowerAuthToken:
        """The one on this device.

        :raises PowerAuthError: ``LOCAL_TOKEN_NOT_AVAILABLE``.
        """
        _check(name)
        _ = self._session.configuration
        token = self._own(name)
        if token is None:
            raise _not_local(name)
        return self._token(token)

    aget_local_token = async_twin(get_local_token)

    def local_token_names(self) -> list[str]:
        """Of all that are on this device; of those as well that cannot be read."""
        _ = self._session.configuration
        return [name for name in self._entries.names() if self._is_there(name)]

    alocal_token_names = async_twin(local_token_names)

    def generate_header_for_token(self, name: str) -> PowerAuthHeader:
        """A header for one request; the server is asked for its time, where that is not known yet.

        :raises PowerAuthError: ``LOCAL_TOKEN_NOT_AVAILABLE``; ``CANNOT_GENERATE_TOKEN``: it is of another
            activation, or the server's time is not to be had.
        """
        _check(name)
        _ = self._session.configuration
        token = self._entries.read(name)
        if token is None:
            raise _not_local(name)
        if not self.is_of_this_activation(token):
            self._own(name)
            raise PowerAuthError(
                PowerAuthErrorCode.CANNOT_GENERATE_TOKEN,
                f"The token {name!r} was of an activation that is not there any more.",
            )
        return self.header_of(token)

    agenerate_header_for_token = async_twin(generate_header_for_token)

    def remove_access_token(self, name: str) -> None:
        """End it on the server, and then on this device.

        :raises PowerAuthError: ``INVALID_TOKEN``: there is none, and nothing was asked; or the server refuses
            or does not answer, and it is kept.
        :raises KeychainError: it is kept, and has ended there, where ``message`` says so.
        """
        _check(name)
        with self._session.storage.exclusive():
            self._session.required_activation()
            token = self._own(name)
            if token is None:
                raise PowerAuthError(
                    PowerAuthErrorCode.INVALID_TOKEN, f"There is no token {name!r} on this device."
                )
            self._remove_from_server(token)
            try:
                self._entries.delete(name)
            except KeychainError as error:
                raise KeychainError(
                    f"The token {name!r} has ended on the server, and could not be removed here: "
                    f"{error.message}",
                    error.code,
                ) from error

    aremove_access_token = async_twin(remove_access_token)

    def remove_local_token(self, name: str) -> None:
        """Forget it on this device, if it is there. The server goes on taking it."""
        _check(name)
        _ = self._session.configuration
        with self._session.storage.exclusive():
            self._entries.delete(name)

    aremove_local_token = async_twin(remove_local_token)

    def remove_all_local_tokens(self) -> None:
        """Forget all of them on this device. The server goes on taking them."""
        _ = self._session.configuration
        with self._session.storage.exclusive():
            self._entries.delete_all()

    aremove_all_local_tokens = async_twin(remove_all_local_tokens)

    def cancel_all_requests(self) -> None:
        """Let whoever waits for a token have ``OPERATION_CANCELED``.

        What was not sent yet is not sent. What the server makes of the rest is kept; where its answer is
        lost, the next request of the name is told.
        """
        self._requests.cancel_all()

    def is_of_this_activation(self, token: StoredToken) -> bool:
        """Whether the activation is there that ``token`` was requested by."""
        activation = self._session.activation()
        return activation is not None and activation.activation_id == token.activation_id

    def header_of(self, token: StoredToken) -> PowerAuthHeader:
        """For one request: see ``PowerAuthToken.generate_header``."""
        if not self.is_of_this_activation(token):
            raise PowerAuthError(
                PowerAuthErrorCode.MISSING_ACTIVATION,
                f"The activation of the token {token.name!r} is not there any more.",
            )
        try:
            self._session.time.synchronize_time()
        except PowerAuthError as error:
            raise PowerAuthError(
                PowerAuthErrorCode.CANNOT_GENERATE_TOKEN,
                f"A header needs the server's time, which is not to be had: {error.message}",
            ) from error
        return token.header(self._session.time.current_time(), self._session.configuration.version)

    def _token(self, stored: StoredToken) -> PowerAuthToken:
        return PowerAuthToken(stored.name, stored.identifier, stored, self)

    def _own(self, name: str) -> StoredToken | None:
        """What is kept, where it is of this activation; of another, it is forgotten."""
        token = self._entries.read(name)
        if token is None or self.is_of_this_activation(token):
            return token
        with self._session.storage.exclusive():
            # It may have been written anew meanwhile.
            token = self._entries.read(name)
            if token is not None and not self.is_of_this_activation(token):
                self._entries.delete(name)
                return None
            return token

    def _is_there(self, name: str) -> bool:
        try:
            return self._own(name) is not None
        except PowerAuthError as error:
            if error.code is not PowerAuthErrorCode.INVALID_TOKEN:
                raise
            return True

    def _local(self, name: str, mask: int) -> StoredToken | None:
        """What there is to be had without a request.

        :raises PowerAuthError: ``WRONG_PARAMETER``.
        """
        token = self._own(name)
        if token is None or token.factor_mask == mask:
            return token
        if token.factor_mask:
            raise other_factors(name)
        with self._session.storage.exclusive():
            if self._own(name) == token:
                token = replace(token, factor_mask=mask)
                self._entries.write(token)
                return token
        # Another was quicker.
        return self._local(name, mask)

    def _create(
        self, name: str, authentication: PowerAuthAuthentication, request: SharedRequest
    ) -> StoredToken:
        session, entries, mask = self._session, self._entries, request.mask
        with session.storage.exclusive():
            request.refuse_if_canceled()
            # Another process, or another thread, was quicker.
            if local := self._local(name, mask):
                return local
            activation = session.required_activation()
            if entries.is_unfinished(name):
                self._finish_if_heard(name, request)
                raise PowerAuthError(
                    PowerAuthErrorCode.OPERATION_CANCELED,
                    f"An earlier request of the token {name!r} was interrupted. The server may hold a token "
                    "that is not on this device, until the activation ends. Request it again for another.",
                    is_outcome_unknown=True,
                )
            sealed, exchange = session.encryption(activation).seal("/pa/token/create", {})
            request.refuse_if_canceled()
            entries.begin(name)
            try:
                answer = session.post_signed(
                    "/pa/v3/token/create", json.dumps(sealed).encode(), authentication, is_encrypted=True
                )
                told = opened(exchange, answer)
                token = StoredToken.given(told, name, activation.activation_id, mask)
            except PowerAuthError as error:
                # A note that stays tells the caller once more: that is no reason to hide why this failed.
                with suppress(KeychainError):
                    if error.is_outcome_unknown:
                        self._finish_if_heard(name, request)
                    else:
                        entries.finish(name)
                raise
            try:
                entries.write(token)
            except KeychainError as error:
                raise self._given_back(token, error) from error
            # A note that stays is not looked at while the token is there, and goes with it.
            with suppress(KeychainError):
                entries.finish(name)
            return token

    def _finish_if_heard(self, name: str, request: SharedRequest) -> None:
        """What the server may hold, and nobody hears of, is told to the next who asks, by the note."""
        if request.is_awaited:
            self._entries.finish(name)
            if not request.is_awaited:
                # Who waited has left while a slow keychain wrote.
                self._entries.begin(name)

    def _given_back(self, token: StoredToken, error: KeychainError) -> KeychainError:
        """What the caller is told of a token that cannot be kept: first of all, it is ended on the server."""
        message = f"The token {token.name!r} cannot be kept: {error.message}"
        try:
            self._remove_from_server(token)
        except PowerAuthError:
            return KeychainError(
                f"{message} The server holds it, as {token.identifier}: it could not be ended there.",
                error.code,
                is_outcome_unknown=True,
            )
        # A note that stays tells the caller once more, of a token that is not there: no harm is done.
        with suppress(KeychainError):
            self._entries.delete(token.name)
        return KeychainError(f"{message} It was ended on the server again.", error.code)

    def _remove_from_server(self, token: StoredToken) -> None:
        content = json.dumps({"requestObject": {"tokenId": token.identifier}}).encode()
        self._session.post_signed("/pa/v3/token/remove", content, PowerAuthAuthentication.possession())


def _check(name: str) -> None:
    if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise PowerAuthError(
            PowerAuthErrorCode.WRONG_PARAMETER,
            f"A token's name has 1 to {LONGEST_NAME} characters that can be shown.",
        )


def _not_local(name: str) -> PowerAuthError:
    return PowerAuthError(
        PowerAuthErrorCode.LOCAL_TOKEN_NOT_AVAILABLE, f"There is no token {name!r} on this device."
    )

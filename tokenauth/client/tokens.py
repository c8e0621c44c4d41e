"""A token as a device keeps it, and as a program has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tokenauth.client.asynchronous import async_twin
from tokenauth.client.exceptions import PowerAuthError, PowerAuthErrorCode
from tokenauth.client.request_headers import PowerAuthHeader
from tokenauth.devices.protocol import token_digest
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.headers import TOKEN_HEADER, TokenHeader
from tokenauth.devices.protocol.octets import KEY_LENGTH, decoded, encoded, identifier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tokenauth.client.token_store import TokenStore
    from tokenauth.devices.protocol.versions import Version

_ALL_FACTORS = 7


@dataclass(frozen=True)
class StoredToken:
    """Its members are named as iOS names them."""

    name: str
    identifier: str
    secret: bytes = field(repr=False)
    activation_id: str
    factor_mask: int
    """See ``authentication.factor_mask``; 0, where whoever kept it did not know."""

    @classmethod
    def parse(cls, members: Mapping[str, Any], name: str) -> StoredToken:
        """What ``members`` have kept.

        :raises PowerAuthError: ``INVALID_TOKEN``.
        """
        try:
            token = cls(
                members["name"],
                identifier(members["id"], "id"),
                decoded(members["sec"], "sec", KEY_LENGTH),
                identifier(members["aid"], "aid"),
                members["af"],
            )
            if token.name != name or token.factor_mask not in range(_ALL_FACTORS + 1):
                raise ProtocolError("the token is another one")
        except (KeyError, TypeError, ProtocolError) as error:
            raise corrupted(name) from error
        return token

    @classmethod
    def given(cls, told: Mapping[str, Any], name: str, activation_id: str, mask: int) -> StoredToken:
        """What a server has made.

        :raises PowerAuthError: ``ENCRYPTION_ERROR``: it is no token.
        """
        try:
            secret = decoded(told["tokenSecret"], "tokenSecret", KEY_LENGTH)
            return cls(name, identifier(told["tokenId"], "tokenId"), secret, activation_id, mask)
        except (KeyError, TypeError, ProtocolError) as error:
            raise PowerAuthError(
                PowerAuthErrorCode.ENCRYPTION_ERROR,
                "The server's token cannot be read. It may hold one all the same.",
                is_outcome_unknown=True,
            ) from error

    def members(self) -> dict[str, Any]:
        """What is to be kept. It is secret."""
        return {
            "name": self.name,
            "id": self.identifier,
            "sec": encoded(self.secret),
            "aid": self.activation_id,
            "af": self.factor_mask,
        }

    def header(self, timestamp_ms: int, version: Version) -> PowerAuthHeader:
        """For one request.

        :param timestamp_ms: milliseconds since 1970, by the server.
        """
        nonce = token_digest.new_nonce()
        digest = token_digest.token_digest(self.secret, nonce, timestamp_ms, version)
        value = TokenHeader(self.identifier, digest, nonce, timestamp_ms, version).render()
        return PowerAuthHeader(TOKEN_HEADER, value)


@dataclass(frozen=True)
class PowerAuthToken:
    """A token that was requested. Two are equal that are the same one on the server."""

    token_name: str
    token_identifier: str
    _stored: StoredToken = field(repr=False, compare=False)
    _store: TokenStore = field(repr=False, compare=False)

    def is_valid(self) -> bool:
        """Whether it is whole. Whether the server takes it, the server alone knows."""
        return bool(self.token_name and self.token_identifier and self._stored.secret)

    def can_generate_header(self) -> bool:
        """Whether the activation is there that it was requested by."""
        return self._store.is_of_this_activation(self._stored)

    acan_generate_header = async_twin(can_generate_header)

    def generate_header(self) -> PowerAuthHeader:
        """A header for one request.

        :raises PowerAuthError: ``MISSING_ACTIVATION``; ``CANNOT_GENERATE_TOKEN``: the server's time is not to
            be had.
        """
        return self._store.header_of(self._stored)

    agenerate_header = async_twin(generate_header)


def corrupted(name: str) -> PowerAuthError:
    """Of a token that cannot be read."""
    return PowerAuthError(
        PowerAuthErrorCode.INVALID_TOKEN,
        f"What is kept of the token {name!r} cannot be read. The server may hold it: remove it locally, and "
        "request another.",
    )


def other_factors(name: str) -> PowerAuthError:
    """Of a token that was requested with others, or is being."""
    return PowerAuthError(
        PowerAuthErrorCode.WRONG_PARAMETER,
        f"The token {name!r} was requested with other factors. Remove it first, or give it another name.",
    )

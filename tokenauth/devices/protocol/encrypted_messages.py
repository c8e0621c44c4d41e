"""Encrypted requests and answers as they are sent: JSON objects.

Source: "End-to-End Encryption", on the structure of ``EciesPayload``, and "Standard RESTful API".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.octets import DIGEST_LENGTH, KEY_LENGTH, decoded, encoded, identifier


@dataclass(frozen=True, slots=True)
class EncryptedResponse:
    """What a server answers. Nonce and time are there from 3.2 on."""

    encrypted_data: bytes
    mac: bytes
    nonce: bytes = b""
    timestamp_ms: int | None = None

    @classmethod
    def parse(cls, message: object) -> EncryptedResponse:
        """The answer that a decoded JSON object is. Members that are not known are ignored.

        :raises ProtocolError: it is no object, or a member is missing or malformed.
        """
        members = _members(message)
        return cls(*_sealed(members))

    def render(self) -> dict[str, str | int]:
        """What is to be sent, as JSON."""
        members: dict[str, str | int] = {
            "encryptedData": encoded(self.encrypted_data),
            "mac": encoded(self.mac),
        }
        if self.nonce:
            members["nonce"] = encoded(self.nonce)
        if self.timestamp_ms is not None:
            members["timestamp"] = self.timestamp_ms
        return members


@dataclass(frozen=True, slots=True)
class EncryptedRequest(EncryptedResponse):
    """What a device sends. The nonce is there from 3.1 on, the time from 3.2, the temporary key from 3.3."""

    ephemeral_key: bytes = b""
    """The point as it was sent: how it is written is authenticated."""
    temporary_key_id: str = ""

    @classmethod
    def parse(cls, message: object) -> EncryptedRequest:
        """The request that a decoded JSON object is. Members that are not known are ignored.

        :raises ProtocolError: it is no object, or a member is missing or malformed.
        """
        members = _members(message)
        key_id = _text(members, "temporaryKeyId")
        return cls(
            *_sealed(members),
            ephemeral_key=decoded(_required(members, "ephemeralPublicKey"), "ephemeralPublicKey", 33, 65),
            temporary_key_id=identifier(key_id, "temporaryKeyId") if key_id else "",
        )

    def render(self) -> dict[str, str | int]:
        """What is to be sent, as JSON."""
        members = super(EncryptedRequest, self).render()
        members["ephemeralPublicKey"] = encoded(self.ephemeral_key)
        if self.temporary_key_id:
            members["temporaryKeyId"] = self.temporary_key_id
        return members


def _members(message: object) -> Mapping[str, object]:
    if not isinstance(message, Mapping):
        raise ProtocolError("the encrypted message is not an object")
    return message


def _sealed(members: Mapping[str, object]) -> tuple[bytes, bytes, bytes, int | None]:
    nonce = _text(members, "nonce")
    return (
        decoded(_required(members, "encryptedData"), "encryptedData"),
        decoded(_required(members, "mac"), "mac", DIGEST_LENGTH),
        decoded(nonce, "nonce", KEY_LENGTH) if nonce else b"",
        _timestamp(members),
    )


def _required(members: Mapping[str, object], name: str) -> str:
    text = _text(members, name)
    if not text:
        raise ProtocolError(f"{name} is missing")
    return text


def _text(members: Mapping[str, object], name: str) -> str:
    # Java writes what it has not as null.
    value = members.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ProtocolError(f"{name} is not a text")
    return value


def _timestamp(members: Mapping[str, object]) -> int | None:
    value = members.get("timestamp")
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise ProtocolError("timestamp is not a number")
    return value

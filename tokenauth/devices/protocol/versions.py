"""The versions of the protocol, and what sets them apart.

A device says in each header which one it speaks; only the major version stays with its activation.
"""

from __future__ import annotations

from enum import StrEnum

from tokenauth.devices.protocol.exceptions import UnknownVersionError


class Version(StrEnum):
    """A version of the protocol that is known here. Which are accepted is for the caller to say."""

    V3_0 = "3.0"
    V3_1 = "3.1"
    V3_2 = "3.2"
    V3_3 = "3.3"

    @classmethod
    def of(cls, text: str) -> Version:
        """The version that ``text`` names.

        :raises UnknownVersionError: it names none that is known. It is a ``ProtocolError``.
        """
        try:
            return cls(text)
        except ValueError:
            raise UnknownVersionError("the version of the protocol is not supported") from None

    @property
    def has_nonces(self) -> bool:
        """Whether an encrypted request has a nonce, and a signature is written in Base64: from 3.1."""
        return self is not Version.V3_0

    @property
    def has_timestamps(self) -> bool:
        """Whether the version and the time are authenticated, here and in the other direction: from 3.2."""
        return self in {Version.V3_2, Version.V3_3}

    @property
    def has_temporary_keys(self) -> bool:
        """Whether what is encrypted is for a key that soon ends: from 3.3."""
        return self is Version.V3_3

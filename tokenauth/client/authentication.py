"""By which factors something is signed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tokenauth.client.exceptions import PowerAuthError, PowerAuthErrorCode
from tokenauth.devices.protocol.signatures import Factor, SignatureType

if TYPE_CHECKING:
    from collections.abc import Iterable

# As the SDKs keep them beside a token.
_MASK = {Factor.POSSESSION: 1, Factor.KNOWLEDGE: 2, Factor.BIOMETRY: 4}

# Below that, a key could as well be guessed as the password.
SHORTEST_BIOMETRY_KEY = 16


@dataclass(frozen=True)
class PowerAuthAuthentication:
    """The factors of a signature, with what unlocks their keys. Make one by its class methods.

    There is no finger and no face here: ``biometry_key`` is a secret of 16 bytes or more, which the program
    keeps wherever the platform gives it out for the person alone.
    """

    user_password: str | None = field(default=None, repr=False)
    biometry_key: bytes | None = field(default=None, repr=False)
    is_for_persisting: bool = False

    def __post_init__(self) -> None:
        if self.user_password is not None:
            _check_password(self.user_password)
        if self.biometry_key is not None:
            _check_biometry_key(self.biometry_key)

    @classmethod
    def possession(cls) -> PowerAuthAuthentication:
        """That of the device alone."""
        return cls()

    @classmethod
    def password(cls, password: str) -> PowerAuthAuthentication:
        """The device, and what the person knows. Whether it is right, the server alone can tell.

        :raises PowerAuthError: ``WRONG_PARAMETER``: it is empty.
        """
        # Of None, as of a variable that is not set, would come less than was asked for.
        _check_password(password)
        return cls(user_password=password)

    @classmethod
    def biometry(cls, biometry_key: bytes) -> PowerAuthAuthentication:
        """The device, and the person's finger or face.

        :raises PowerAuthError: ``WRONG_PARAMETER``: the key is shorter than 16 bytes.
        """
        _check_biometry_key(biometry_key)
        return cls(biometry_key=biometry_key)

    @classmethod
    def persist_with_password(cls, password: str) -> PowerAuthAuthentication:
        """For ``persist_activation``: the password that is asked for from then on."""
        _check_password(password)
        return cls(user_password=password, is_for_persisting=True)

    @classmethod
    def persist_with_password_and_biometry(
        cls, password: str, biometry_key: bytes
    ) -> PowerAuthAuthentication:
        """Likewise, with what unlocks the key of biometry."""
        _check_password(password)
        _check_biometry_key(biometry_key)
        return cls(user_password=password, biometry_key=biometry_key, is_for_persisting=True)

    @property
    def signature_type(self) -> SignatureType:
        """As a header names it."""
        if self.user_password is not None and self.biometry_key is not None:
            return SignatureType.POSSESSION_KNOWLEDGE_BIOMETRY
        if self.user_password is not None:
            return SignatureType.POSSESSION_KNOWLEDGE
        return SignatureType.POSSESSION if self.biometry_key is None else SignatureType.POSSESSION_BIOMETRY


def factor_mask(factors: Iterable[Factor]) -> int:
    """The factors as the SDKs keep them: 1 possession, 2 knowledge, 4 biometry."""
    return sum(_MASK[factor] for factor in factors)


def _check_password(password: str) -> None:
    # Half a character is what a terminal gives for what it cannot read. Its error would hold the password.
    if not isinstance(password, str) or not password or re.search("[\ud800-\udfff]", password):
        raise _wrong("The password is empty, or no text that UTF-8 has.")


def _check_biometry_key(key: bytes) -> None:
    if not isinstance(key, bytes) or len(key) < SHORTEST_BIOMETRY_KEY:
        raise _wrong(f"biometry_key has at least {SHORTEST_BIOMETRY_KEY} bytes.")


def _wrong(message: str) -> PowerAuthError:
    return PowerAuthError(PowerAuthErrorCode.WRONG_PARAMETER, message)

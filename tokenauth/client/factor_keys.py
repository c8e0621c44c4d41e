"""The keys of a device's factors, as they are kept: two of them under what the person alone has.

Nothing here tells whether a password is right. A wrong one opens another key, the signature by it is wrong,
and the server counts it: whoever has the keychain can guess no PIN without being blocked.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tokenauth.client.exceptions import PowerAuthError, PowerAuthErrorCode
from tokenauth.devices.protocol.octets import KEY_LENGTH
from tokenauth.devices.protocol.signatures import Factor

if TYPE_CHECKING:
    from tokenauth.client.authentication import PowerAuthAuthentication
    from tokenauth.devices.protocol.key_derivation import DeviceKeys

# About 50 ms and 16 MiB a try, for whoever has recorded a signature beside what is kept here.
_SCRYPT_COST, _SCRYPT_BLOCK_SIZE, _SCRYPT_PARALLELISM = 2**14, 8, 1


@dataclass(frozen=True)
class FactorKeys:
    """What is kept. ``knowledge`` and ``biometry`` are locked; there need be none of the latter."""

    possession: bytes = field(repr=False)
    knowledge: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    biometry: bytes | None = field(default=None, repr=False)

    @classmethod
    def lock(cls, keys: DeviceKeys, authentication: PowerAuthAuthentication) -> FactorKeys:
        """What is kept of a new activation's keys.

        :raises PowerAuthError: ``PASSWORD_NOT_SET``.
        """
        if authentication.user_password is None:
            raise PowerAuthError(PowerAuthErrorCode.PASSWORD_NOT_SET, "An activation needs a password.")
        salt = secrets.token_bytes(KEY_LENGTH)
        biometry = None
        if authentication.biometry_key is not None:
            biometry = _locked(keys.biometry, _of_biometry(authentication.biometry_key, salt))
        knowledge = _locked(keys.knowledge, _of_password(authentication.user_password, salt))
        return cls(keys.possession, knowledge, salt, biometry)

    def unlock(self, authentication: PowerAuthAuthentication) -> tuple[bytes, ...]:
        """The keys of the factors that ``authentication`` names, right ones or not, in the order of its type.

        :raises PowerAuthError: ``BIOMETRY_NOT_CONFIGURED``.
        """
        keys = {Factor.POSSESSION: self.possession}
        if authentication.user_password is not None:
            keys[Factor.KNOWLEDGE] = self.knowledge_key(authentication.user_password)
        if authentication.biometry_key is not None:
            if self.biometry is None:
                raise PowerAuthError(
                    PowerAuthErrorCode.BIOMETRY_NOT_CONFIGURED,
                    "This activation was persisted without a key of biometry.",
                )
            keys[Factor.BIOMETRY] = _unlocked(
                self.biometry, _of_biometry(authentication.biometry_key, self.salt)
            )
        return tuple(keys[factor] for factor in authentication.signature_type.factors)

    def knowledge_key(self, password: str) -> bytes:
        """The key of knowledge, where ``password`` is right; else another."""
        return _unlocked(self.knowledge, _of_password(password, self.salt))

    def with_password(self, old: str, new: str) -> FactorKeys:
        """The same keys under another password. With a wrong ``old`` one, none is right from then on."""
        locked = _locked(self.knowledge_key(old), _of_password(new, self.salt))
        return FactorKeys(self.possession, locked, self.salt, self.biometry)


def _of_password(password: str, salt: bytes) -> bytes:
    kdf = Scrypt(salt, KEY_LENGTH, _SCRYPT_COST, _SCRYPT_BLOCK_SIZE, _SCRYPT_PARALLELISM)
    return kdf.derive(password.encode())


def _of_biometry(key: bytes, salt: bytes) -> bytes:
    return HKDF(SHA256(), KEY_LENGTH, salt, b"biometry").derive(key)


# One block, of random bytes, under a key of its own: in this mode nothing is repeated, and nothing is added
# by which a right password could be told from a wrong one.


def _locked(key: bytes, by: bytes) -> bytes:
    encryptor = Cipher(AES(by), ECB()).encryptor()  # noqa: S305 - see above
    return encryptor.update(key) + encryptor.finalize()


def _unlocked(key: bytes, by: bytes) -> bytes:
    decryptor = Cipher(AES(by), ECB()).decryptor()  # noqa: S305 - see above
    return decryptor.update(key) + decryptor.finalize()

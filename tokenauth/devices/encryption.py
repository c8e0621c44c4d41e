"""Secrets that must be read again, encrypted at rest: AES-256-GCM, bound to the row and the column.

A device's counterpart of each key is needed to verify it, so no digest would do. What is stored says by
which key of ``DEVICE_ENCRYPTION_KEYS`` it was encrypted; without that setting, it is ``SECRET_KEY`` (id 0,
read under ``SECRET_KEY_FALLBACKS`` as well).
"""

from __future__ import annotations

import base64
import secrets
from functools import lru_cache
from typing import TYPE_CHECKING, Any, overload

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.views.decorators.debug import sensitive_variables

from tokenauth.conf import conf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import Model

# That of SECRET_KEY.
OF_SECRET_KEY = 0

_NONCE_LENGTH = 12


class EncryptedColumn(property):
    """The bytes of a text column that has them encrypted: ``secret = EncryptedColumn("encrypted_secret")``.

    The row has its key before it is saved (a UUID): what is encrypted for one row and column is no use in
    another. To read it raises what :func:`decrypt` does.
    """

    def __init__(self, column: str) -> None:
        super().__init__()
        self.column = column

    @overload
    def __get__(self, row: None, owner: type[Model] | None = None) -> EncryptedColumn: ...
    @overload
    def __get__(self, row: Model, owner: type[Model] | None = None) -> bytes: ...
    def __get__(self, row: Model | None, owner: type[Model] | None = None) -> EncryptedColumn | bytes:
        return self if row is None else decrypt(getattr(row, self.column), self._place(row))

    @sensitive_variables("octets")
    def __set__(self, row: Model, octets: bytes) -> None:
        setattr(row, self.column, encrypt(octets, self._place(row)))

    def _place(self, row: Model) -> str:
        if row.pk is None:
            # What is encrypted for a key to come could not be read again.
            raise ValueError(f"A secret is given to a {row._meta.label} that has no key yet.")
        return f"{row._meta.label_lower}.{self.column} {row.pk}"


@sensitive_variables("octets")
def encrypt(octets: bytes, place: str) -> str:
    """``octets`` as they are stored at ``place``: ``"<key id>$<Base64>"``."""
    key_id, nonce = current_key_id(), secrets.token_bytes(_NONCE_LENGTH)
    sealed = AESGCM(_keys(key_id)[0]).encrypt(nonce, octets, place.encode())
    return f"{key_id}${base64.b64encode(nonce + sealed).decode('ascii')}"


@sensitive_variables("sealed", "key")
def decrypt(stored: str, place: str) -> bytes:
    """What :func:`encrypt` made into ``stored`` for ``place``.

    :raises ImproperlyConfigured: the key is not there any more, or it is for another place.
    """
    key_id = _key_id(stored)
    sealed = base64.b64decode(stored.partition("$")[2])
    for key in _keys(key_id):
        try:
            return AESGCM(key).decrypt(sealed[:_NONCE_LENGTH], sealed[_NONCE_LENGTH:], place.encode())
        except InvalidTag:
            continue
    setting = "SECRET_KEY_FALLBACKS" if key_id == OF_SECRET_KEY else "TOKENAUTH['DEVICE_ENCRYPTION_KEYS']"
    raise ImproperlyConfigured(
        f"What is encrypted in {place} under key {key_id} cannot be read: put the key that it was encrypted "
        f"with into {setting}."
    )


def _key_id(stored: str) -> int:
    return int(stored.partition("$")[0])


def current_key_id() -> int:
    """By which key what is new is encrypted."""
    return max(conf.DEVICE_ENCRYPTION_KEYS, default=OF_SECRET_KEY)


def _keys(key_id: int) -> Sequence[bytes]:
    configured: Mapping[int, Any] = conf.DEVICE_ENCRYPTION_KEYS
    if key_id in configured:
        return [_derived(configured[key_id])]
    if key_id == OF_SECRET_KEY:
        return [_derived(str(secret)) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    return ()


@lru_cache(maxsize=16)
@sensitive_variables()
def _derived(secret: str) -> bytes:
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"tokenauth.devices.encryption")
    return kdf.derive(secret.encode())

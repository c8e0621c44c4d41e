"""The keychain of who names none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenauth.client.encrypted_file_keychain import EncryptedFileKeychain
from tokenauth.client.extra import of_the_extra
from tokenauth.client.system_keychain import SystemKeychain, find_keyring

with of_the_extra():
    import platformdirs
    from keyring.backends.chainer import ChainerBackend

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

    from tokenauth.client.keychain import Keychain

# keyring recommends those from 1 on. Below are files in clear, and what asks on a terminal.
RECOMMENDED_PRIORITY = 1


def default_keychain() -> Keychain:
    """The system's, where it has one; else an encrypted file in the user's data directory.

    A program that runs in a person's session at one time and without one (SSH, cron) at another finds
    another keychain each time: name one, then.

    :raises KeychainError: a keyring is configured that cannot be loaded.
    """
    found = find_keyring()
    if found is not None and _is_recommended(found):
        # Though it may be locked: that is an error when it is used, and no reason to look elsewhere.
        return SystemKeychain()
    return EncryptedFileKeychain(platformdirs.user_data_path("tokenauth", appauthor=False) / "keychain")


def _is_recommended(found: KeyringBackend) -> bool:
    if isinstance(found, ChainerBackend):
        # It writes to the one that has the highest.
        return any(map(_is_recommended, found.backends))
    try:
        return bool(found.priority >= RECOMMENDED_PRIORITY)
    except (RuntimeError, NotImplementedError):
        # As a keyring says that it is not for this system, or says nothing.
        return False

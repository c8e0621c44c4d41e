"""Secrets in an encrypted file, where the system has no keychain."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken

from tokenauth.client.exceptions import KeychainError, PowerAuthError, PowerAuthErrorCode
from tokenauth.client.private_file import make_private_directory, read_private_file, replace_private_file
from tokenauth.client.process_lock import ProcessLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

# In seconds. What another does meanwhile takes it milliseconds.
TIMEOUT = 30.0


class EncryptedFileKeychain:
    """A ``Keychain`` in one file, encrypted and authenticated, for any number of threads and processes.

    ``key`` is what ``Fernet.generate_key()`` makes, and comes from wherever the machine keeps such things: a
    TPM, a secret of systemd's, a smart card. Without it, a key is made once and put beside the file, as
    ``<path>.key``. That keeps out other users and whoever gets hold of the one file alone; whoever reads both
    has it all.

    Both files are for their owner alone (0600). Where others may read them, nothing is done with them.

    :raises PowerAuthError: ``WRONG_PARAMETER``: ``key`` is not such a key.
    """

    def __init__(self, path: str | os.PathLike[str], key: bytes | None = None) -> None:
        # What a link leads to is replaced, and not the link.
        self.path = Path(path).resolve()
        self._key_path = self.path.with_name(f"{self.path.name}.key")
        self._lock = ProcessLock(self.path.with_name(f"{self.path.name}.lock"))
        self._fernet: Fernet | None = None
        if key is not None:
            try:
                self._fernet = Fernet(key)
            except ValueError:
                raise PowerAuthError(
                    PowerAuthErrorCode.WRONG_PARAMETER,
                    "key is 32 bytes in URL-safe Base64, as Fernet.generate_key() makes them.",
                ) from None

    def __repr__(self) -> str:
        return f"EncryptedFileKeychain({str(self.path)!r})"

    def read(self, name: str) -> str | None:
        """What is there under ``name``; None = nothing.

        :raises KeychainError: the file cannot be read. ``INVALID_ACTIVATION_DATA``: it does not open with
            this key, or is damaged. ``INSUFFICIENT_KEYCHAIN_PROTECTION``: others may read it, or its key.
        """
        with self._reading():
            return self._entries().get(name)

    def write(self, name: str, text: str) -> None:
        """Put ``text`` there, in place of what was.

        :raises KeychainError: as for ``read``, or the file cannot be written. It is as it was, then.
        """
        with self._writing():
            self._save({**self._entries(), name: text})

    def delete(self, name: str) -> None:
        """Take away what is there, if there is anything.

        :raises KeychainError: as for ``write``.
        """
        with self._writing():
            entries = self._entries()
            if name in entries:
                del entries[name]
                self._save(entries)

    def _reading(self) -> AbstractContextManager[None]:
        # A file that is open cannot be replaced there. Elsewhere, what is read is whole without the lock, and
        # a disk that cannot be written can be read.
        return self._writing() if os.name == "nt" else nullcontext()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                make_private_directory(self.path.parent)
                stack.enter_context(self._lock.held(TIMEOUT))
            except TimeoutError as error:
                raise KeychainError(
                    f"Another process has held {self.path} for {TIMEOUT:.0f} seconds.",
                    PowerAuthErrorCode.EXTERNAL_PENDING_OPERATION,
                ) from error
            except OSError as error:
                raise KeychainError(f"{self.path} cannot be locked: {error.strerror}.") from error
            yield

    def _entries(self) -> dict[str, str]:
        sealed = read_private_file(self.path)
        if sealed is None:
            return {}
        fernet = self._opener()
        if fernet is None:
            raise self._unreadable(f"no key was given, and {self._key_path} is missing")
        try:
            entries = json.loads(fernet.decrypt(sealed))
        except InvalidToken:
            raise self._unreadable("it is damaged, or was written with another key") from None
        except ValueError:
            # Not of this program, though of this key. The error holds what is in it.
            entries = None
        if not isinstance(entries, dict):
            raise self._unreadable("it is not a keychain")
        return entries

    def _save(self, entries: dict[str, str]) -> None:
        fernet = self._opener()
        if fernet is None:
            key = Fernet.generate_key()
            replace_private_file(self._key_path, key)
            fernet = Fernet(key)
        replace_private_file(self.path, fernet.encrypt(json.dumps(entries).encode()))

    def _opener(self) -> Fernet | None:
        """By the key that was given, or the one beside the file; None = there is none yet."""
        if self._fernet is not None:
            return self._fernet
        key = read_private_file(self._key_path)
        if key is None:
            return None
        try:
            return Fernet(key.strip())
        except ValueError:
            raise self._unreadable(f"its key, {self._key_path}, is damaged") from None

    def _unreadable(self, reason: str) -> KeychainError:
        return KeychainError(
            f"{self.path} cannot be opened: {reason}. It was left as it is.",
            PowerAuthErrorCode.INVALID_ACTIVATION_DATA,
        )

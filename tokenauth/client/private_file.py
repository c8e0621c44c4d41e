"""Files that their owner alone may read, whole or not there."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from tokenauth.client.exceptions import KeychainError, PowerAuthErrorCode

if TYPE_CHECKING:
    from pathlib import Path


def make_private_directory(directory: Path) -> None:
    """:raises OSError: it cannot be made."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def read_private_file(path: Path) -> bytes | None:
    """What is in it; None = it is not there.

    :raises KeychainError: it cannot be read, or others may read it (``INSUFFICIENT_KEYCHAIN_PROTECTION``).
    """
    try:
        with path.open("rb") as file:
            if os.name == "posix":
                _refuse_what_others_read(path, os.fstat(file.fileno()))
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeychainError(f"{path} cannot be read: {error.strerror}.") from error


def replace_private_file(path: Path, content: bytes) -> None:
    """Put ``content`` there at once: who reads, or comes after a power cut, finds the old or the new.

    One caller at a time, for one path.

    :raises KeychainError: it cannot be written. The old one is as it was.
    """
    # Of one name, so that what a crash left is not left for ever.
    new = path.with_name(f"{path.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        new.unlink(missing_ok=True)
        with open(os.open(new, flags, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        # Where even that fails, the first error is the one to tell.
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise KeychainError(f"{path} cannot be written: {error.strerror}. It is as it was.") from error
    if os.name == "posix":
        # Some file systems cannot do that. What is there is whole all the same.
        with suppress(OSError):
            _keep_names(path.parent)


def _refuse_what_others_read(path: Path, status: os.stat_result) -> None:
    if status.st_mode & 0o077:
        raise KeychainError(
            f"Others may read {path}. If none did, take their rights: chmod 600 {path}",
            PowerAuthErrorCode.INSUFFICIENT_KEYCHAIN_PROTECTION,
        )
    if status.st_uid not in (0, os.geteuid()):
        raise KeychainError(
            f"{path} is another user's. Run this as the user whose it is.",
            PowerAuthErrorCode.INSUFFICIENT_KEYCHAIN_PROTECTION,
        )


def _keep_names(directory: Path) -> None:
    """The name of a new file outlives a power cut when its directory is written, too."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

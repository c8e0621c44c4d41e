"""Where a device keeps its secrets."""

from __future__ import annotations

from typing import Protocol


class Keychain(Protocol):
    """Texts by their names. One of a project's own needs these three methods, and no more.

    What is written is whole when ``write`` returns, and in no other program's reach. Each method raises
    ``KeychainError`` where the keychain is locked, missing, or refuses.
    """

    def read(self, name: str) -> str | None:
        """What is there under ``name``; None = nothing."""

    def write(self, name: str, text: str) -> None:
        """Put ``text`` there, in place of what was."""

    def delete(self, name: str) -> None:
        """Take away what is there, if there is anything."""

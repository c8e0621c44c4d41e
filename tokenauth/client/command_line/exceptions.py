"""What fails that is not of PowerAuth."""

from __future__ import annotations


class CommandError(Exception):
    """The command cannot be done. Its text is printed, and says what to do."""


class OutputError(Exception):
    """Standard output takes nothing more. Its text says why; it is empty where nobody reads any more."""

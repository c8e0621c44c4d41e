"""What fails before anything of PowerAuth is asked."""

from __future__ import annotations


class CommandError(Exception):
    """The command cannot be done. Its text is printed, and says what to do."""

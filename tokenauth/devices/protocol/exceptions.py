"""What is wrong with what came from the other side."""

from __future__ import annotations


class ProtocolError(ValueError):
    """Something is malformed, not authentic or of no known version.

    Its text is for a log: it says what is wrong, in English, and holds nothing of what was sent.
    """


class UnknownVersionError(ProtocolError):
    """What was sent is of a version of the protocol that is not known here."""

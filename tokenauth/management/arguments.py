"""What the commands share: durations as they are typed, numbers and errors as they are printed."""

import re
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from tokenauth.conf import LONGEST_DURATION

_UNITS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
_DURATION = re.compile(r"([1-9][0-9]{0,8})([wdhms])")


def duration(text: str) -> timedelta:
    """``90d``, ``12h``: a whole number and a unit (w, d, h, m or s) as a timedelta.

    :raises CommandError: it is none.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise CommandError(f"{text!r} is not a duration such as 90d, 12h or 30m.")
    length = int(match[1]) * _UNITS[match[2]]
    if length > LONGEST_DURATION:
        raise CommandError(f"{text!r} is longer than a hundred years.")
    return length


def counted(count: int, noun: str) -> str:
    """``1 token``, ``2 tokens``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def spelled_out(error: ValidationError, names: Mapping[str, str] = MappingProxyType({})) -> str:
    """A ``ValidationError`` as one text, each argument by what ``names`` calls it on the command line."""
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return "\n".join(
        f"{names.get(name, name)}: {' '.join(texts)}" for name, texts in error.message_dict.items()
    )

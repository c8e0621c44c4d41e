"""Durations as people type and read them: ``90d``, ``12h``."""

import re
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from tokenauth.conf import LONGEST_DURATION

# The longest first.
_UNITS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
_DURATION = re.compile(r"([1-9][0-9]{0,8})([wdhms])")


def parse(text: str) -> timedelta:
    """``90d``, ``12h``: a whole number and a unit (w, d, h, m or s) as a timedelta.

    :raises ValidationError: it is none, or longer than a hundred years.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValidationError(_("“%(text)s” is not a duration such as 90d, 12h or 30m.") % {"text": text})
    count, unit = int(match[1]), _UNITS[match[2]]
    # Divided: some of the products are more than a timedelta holds.
    if count > LONGEST_DURATION // unit:
        raise ValidationError(_("“%(text)s” is longer than a hundred years.") % {"text": text})
    return count * unit


def parse_overlap(text: str) -> timedelta:
    """``12h`` as :func:`parse` reads it, or ``0`` for no overlap at all.

    :raises ValidationError: it is neither.
    """
    return timedelta(0) if text in ("0", *(f"0{unit}" for unit in _UNITS)) else parse(text)


def spelled(length: timedelta) -> str:
    """``length`` as it would be typed, in whole seconds: ``1d``, ``36h``, ``0``."""
    length -= timedelta(microseconds=length.microseconds)
    # A week is more often thought of as so many days.
    units = ((name, unit) for name, unit in _UNITS.items() if name != "w")
    return next((f"{length // unit}{name}" for name, unit in units if length and not length % unit), "0")

"""What was made of the columns of a row, for as often as the same row is read.

To make texts, times and keys of what a database says takes the ORM a quarter as long as the database takes to
say it; and the tokens in use are read again and again, and hardly ever differ from how they were.
"""

from __future__ import annotations

import copy
import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    # Of the token and of its user, by attribute.
    Values = tuple[dict[str, Any], dict[str, Any]]

# Rows to remember, some 2 MB with a user model as Django's; beyond it, remembering starts anew.
MOST = 500
# In characters or bytes, of a column: who keeps pictures in the row of a user has them in no memory of ours.
LONGEST = 4096

_IMMUTABLE = frozenset(
    (
        *(bool, int, float, str, bytes, type(None), Decimal, UUID),
        *(datetime.datetime, datetime.date, datetime.time, datetime.timedelta),
    )
)


class Template:
    """Values for any number of instances, which share nothing.

    :raises TypeError: there is one that cannot be copied; or ``copy.Error``.
    """

    __slots__ = ("_mutable", "_values")

    def __init__(self, values: Values) -> None:
        # Where they are, and how each is copied: a list of texts has nothing in it that could be changed.
        self._mutable = [
            (part, name, list if _is_list_of_texts(value) else copy.deepcopy)
            for part, of_one in enumerate(values)
            for name, value in of_one.items()
            if type(value) not in _IMMUTABLE
        ]
        self._values = values
        # Whoever made them has those themselves.
        self._values = self.fresh()

    def fresh(self) -> Values:
        """The values, for instances that keep them."""
        of_token, of_user = self._values
        values = of_token.copy(), of_user.copy()
        for part, name, copied in self._mutable:
            of_one = values[part]
            of_one[name] = copied(of_one[name])
        return values


class Conversions:
    """The rows of one statement, by digest, and what ``convert`` makes of them."""

    def __init__(self, convert: Callable[[Sequence[Any]], Values]) -> None:
        self._convert = convert
        # Nothing was made yet of what was seen once: where each row is another, that would be in vain.
        self._seen: dict[str, tuple[Sequence[Any], Template | None]] = {}

    def values(self, digest: str, row: Sequence[Any]) -> Values:
        """What ``row`` is to the models; never what another was given."""
        seen, template = self._seen.get(digest, (None, None))
        if seen != row:
            self._see(digest, row)
            return self._convert(row)
        if template is not None:
            return template.fresh()
        values = self._convert(row)
        self._seen[digest] = row, _template(row, values)
        return values

    def _see(self, digest: str, row: Sequence[Any]) -> None:
        if not _is_short(row):
            self._seen.pop(digest, None)
            return
        if digest not in self._seen and len(self._seen) >= MOST:
            self._seen.clear()
        self._seen[digest] = row, None


def _is_short(row: Sequence[Any]) -> bool:
    return all(len(column) <= LONGEST for column in row if isinstance(column, str | bytes))


def _template(row: Sequence[Any], values: Values) -> Template | None:
    # What can be changed is changed by whoever has it, and the row is not the same any more, or seems so.
    if not all(type(column) in _IMMUTABLE for column in row):
        return None
    try:
        return Template(values)
    except (TypeError, copy.Error):
        # A value of the project's that cannot be copied: it is made each time.
        return None


def _is_list_of_texts(value: object) -> bool:
    return type(value) is list and all(type(one) is str for one in value)

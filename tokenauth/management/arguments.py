"""What the commands share: arguments as they are typed, numbers and errors as they are printed."""

import argparse
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db.models import QuerySet
from django.utils import timezone

from tokenauth.core import credential, durations
from tokenauth.exceptions import CredentialError
from tokenauth.models import AccessToken

# The keys of a batch are parameters of one statement, of which SQLite takes 32,766.
LARGEST_BATCH = 30_000


def batch(text: str) -> int:
    """How many rows a transaction is to write or delete at most.

    :raises argparse.ArgumentTypeError: it is no number, or none of those.
    """
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_BATCH:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {LARGEST_BATCH}.")
    return int(text)


def duration(text: str) -> timedelta:
    """``90d``, ``12h``: a whole number and a unit (w, d, h, m or s) as a timedelta.

    :raises CommandError: it is none.
    """
    try:
        return durations.parse(text)
    except ValidationError as error:
        raise CommandError(spelled_out(error)) from error


def key_of(text: str) -> Any:
    """The primary key of a token that ``text`` is. What is none is not repeated: it may be a token.

    :raises CommandError: it is none.
    """
    try:
        return AccessToken._meta.pk.to_python(text)
    except ValidationError:
        pass
    try:
        hint = credential.parse(text).hint
    except CredentialError:
        raise CommandError("An id is a number, as the admin shows it.") from None
    raise CommandError(
        f"Give the token's id, not its text: in the admin, it is the one with the hint {hint}."
    )


def family_of(text: str) -> QuerySet[AccessToken]:
    """The tokens of the family whose id ``text`` is, or one of whose tokens has it for an id.

    :raises CommandError: it is neither.
    """
    try:
        family = UUID(text)
    except ValueError:
        member = AccessToken.objects.filter(pk=key_of(text)).first()
        if member is None:
            raise CommandError(f"There is no token with the id {text}.") from None
        family = member.family
    tokens = AccessToken.objects.filter(family=family)
    if not tokens.exists():
        raise CommandError(f"There is no token of the family {text}.")
    return tokens


def minute(moment: datetime | None) -> str:
    """``2026-06-01 12:00 UTC``, in the project's time zone; ``never`` for None."""
    if moment is None:
        return "never"
    # Without USE_TZ they have none.
    local = timezone.localtime(moment) if timezone.is_aware(moment) else moment
    return f"{local:%Y-%m-%d %H:%M %Z}".rstrip()


def counted(count: int, noun: str, plural: str = "") -> str:
    """``1 token``, ``2 tokens``; ``1 person``, ``2 people``."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


def described(scopes: Iterable[tuple[str, str]]) -> str:
    """Scopes with their descriptions, one a line."""
    pairs = list(scopes)
    width = max((len(name) for name, _ in pairs), default=0)
    return "\n".join(f"  {name:{width}}  {description}" for name, description in pairs)


def spelled_out(error: ValidationError, names: Mapping[str, str] = MappingProxyType({})) -> str:
    """A ``ValidationError`` as one text, each argument by what ``names`` calls it on the command line."""
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return "\n".join(
        f"{names.get(name, name)}: {' '.join(texts)}" for name, texts in error.message_dict.items()
    )

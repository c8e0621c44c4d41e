"""The rows of every scheme, and the texts of those that are presented."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.management.color import no_style
from django.db import connection
from django.utils import timezone
from oauth2_provider.models import Application
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from benchmarks.peers import schemes
from benchmarks.peers.loading import bare, insert
from benchmarks.peers.schemes import CACHED, SCHEMES

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from benchmarks.peers.schemes import Row

# How many of a scheme's tokens are in use, as those of a service's clients are, again and again.
IN_USE = 200
# What has expired, more than is presented in all rounds.
EXPIRED = 6_000

# In one order each time.
TABLES = list(dict.fromkeys([get_user_model(), *(one.model for one in SCHEMES.values() if one.model)]))


def fill(count: int, *, expired: int = EXPIRED) -> dict[str, Any]:
    """Make ``count`` users, each with a token of every scheme; by the scheme's name, what to present."""
    in_use = set(range(1, count + 1, max(1, count // IN_USE)))
    yesterday = timezone.now() - timedelta(days=1)
    schemes.application()
    tokens: dict[str, Any] = {}
    with bare(TABLES):
        insert(get_user_model(), schemes.users(max(count, expired)), max(count, expired), "users")
        for name, scheme in SCHEMES.items():
            if scheme.make is None:
                tokens[name] = {"valid": [("", None)] * 5, "expired": []}
                continue
            if name == CACHED:
                # The same rows, seen through its memory.
                tokens[name] = tokens[schemes.OURS]
                continue
            valid: list[tuple[str, int]] = []
            if scheme.model is None:
                valid = [(scheme.make(user, None)[0], user) for user in sorted(in_use)]
            else:
                insert(scheme.model, _noted(schemes.rows(scheme, count), in_use, valid), count, name)
            texts: list[str] = []
            if scheme.expires:
                pairs = list(schemes.rows(scheme, expired, yesterday))
                texts = [text for text, _ in pairs]
                if scheme.model is not None:
                    insert(scheme.model, (row for _, row in pairs), expired, f"{name}, expired")
            # Of no known user where there is none to know.
            known = [(text, user if name != "drf-api-key" else None) for text, user in valid]
            tokens[name] = {"valid": known, "expired": texts}
    _count_on()
    analyze()
    return tokens


def _noted(
    pairs: Iterable[tuple[str, Row]], in_use: Container[int], valid: list[tuple[str, int]]
) -> Iterator[Row]:
    """The rows; of the users who are ``in_use``, the texts go to ``valid``."""
    for user, (text, row) in enumerate(pairs, start=1):
        if user in in_use:
            valid.append((text, user))
        yield row


def fill_expired(name: str, expired: int, living: int) -> None:
    """Tokens of one scheme to prune, and some that live."""
    now = timezone.now()
    long_ago, soon = now - timedelta(days=400), now + timedelta(days=1)
    schemes.application()
    scheme = SCHEMES[name]
    model: Any = scheme.model or OutstandingToken
    with bare([get_user_model(), model]):
        insert(get_user_model(), schemes.users(max(expired, living)), max(expired, living), "users")
        if scheme.model is None:
            insert(model, _outstanding(expired, long_ago), expired, "expired")
            insert(model, _outstanding(living, soon), living, "living")
        else:
            insert(model, (row for _, row in schemes.rows(scheme, expired, long_ago)), expired, "expired")
            insert(model, (row for _, row in schemes.rows(scheme, living)), living, "living")
    _count_on()
    analyze()


def _outstanding(count: int, expires: datetime) -> Iterator[Row]:
    for user in range(1, count + 1):
        yield {"user_id": user, "jti": f"{expires}{user}", "token": "x" * 500, "expires_at": expires}


def _count_on() -> None:
    """Let the keys of what is made next come after those that were given."""
    for statement in connection.ops.sequence_reset_sql(no_style(), [get_user_model(), Application]):
        with connection.cursor() as cursor:
            cursor.execute(statement)


def analyze() -> None:
    """Let the database know what it has, as it does by itself in time."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")

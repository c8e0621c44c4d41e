"""The rows of every scheme, and the texts of those that are presented."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.management.color import no_style
from django.db import connection
from django.utils import timezone
from oauth2_provider.models import Application
from tqdm import tqdm

from benchmarks.peers import schemes
from benchmarks.peers.schemes import CACHED, KEPT, SCHEMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BATCH = 5_000
# How many of a scheme's tokens are in use, as those of a service's clients are, again and again.
IN_USE = 200
# What has expired, more than is presented in all rounds.
EXPIRED = 6_000


def fill(count: int, *, expired: int = EXPIRED) -> dict[str, Any]:
    """Make ``count`` users, each with a token of every scheme; by the scheme's name, what to present."""
    in_use = set(range(1, count + 1, max(1, count // IN_USE)))
    yesterday = timezone.now() - timedelta(days=1)
    _save(get_user_model(), schemes.users(max(count, expired)), max(count, expired), "users")
    schemes.application()
    tokens: dict[str, Any] = {}
    for name, scheme in SCHEMES.items():
        if scheme.make is None:
            tokens[name] = {"valid": [("", None)] * 5, "expired": []}
            continue
        if name == CACHED:
            # The same rows, seen through its memory.
            tokens[name] = tokens[schemes.OURS]
            continue
        kept = name in KEPT
        valid: list[tuple[str, int]] = []
        users = range(1, count + 1) if kept else sorted(in_use)

        def made(scheme: schemes.Scheme = scheme, users: Iterable[int] = users) -> Iterator[Any]:
            for user in users:
                text, row = scheme.make(user, None)  # type: ignore[misc]
                if user in in_use:
                    valid.append((text, user))  # noqa: B023
                yield row

        if kept:
            _save(None, made(), count, name)
        else:
            list(made())
        texts = []
        if scheme.expires:
            pairs = list(schemes.rows(scheme, expired, yesterday))
            texts = [text for text, _ in pairs]
            if kept:
                _save(None, (row for _, row in pairs), expired, f"{name}, expired")
        # Of no known user where there is none to know.
        known = [(text, user if name != "drf-api-key" else None) for text, user in valid]
        tokens[name] = {"valid": known, "expired": texts}
    _count_on()
    analyze()
    return tokens


def fill_expired(name: str, expired: int, living: int) -> None:
    """Tokens of one scheme to prune, and some that live."""
    long_ago = timezone.now() - timedelta(days=400)
    _save(get_user_model(), schemes.users(max(expired, living)), max(expired, living), "users")
    schemes.application()
    scheme = SCHEMES[name]
    if name == "simplejwt":
        from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

        soon = timezone.now() + timedelta(days=1)

        def outstanding(count: int, expires: Any) -> Iterator[Any]:
            for user in range(1, count + 1):
                text = "x" * 500
                yield OutstandingToken(user_id=user, jti=f"{expires}{user}", token=text, expires_at=expires)

        _save(None, outstanding(expired, long_ago), expired, "expired")
        _save(None, outstanding(living, soon), living, "living")
    else:
        _save(None, (row for _, row in schemes.rows(scheme, expired, long_ago)), expired, "expired")
        _save(None, (row for _, row in schemes.rows(scheme, living)), living, "living")
    _count_on()
    analyze()


def _count_on() -> None:
    """Let the keys of what is made next come after those that were given."""
    for statement in connection.ops.sequence_reset_sql(no_style(), [get_user_model(), Application]):
        with connection.cursor() as cursor:
            cursor.execute(statement)


def analyze() -> None:
    """Let the database know what it has, as it does by itself in time."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _save(model: Any, rows: Iterable[Any], count: int, what: str) -> None:
    with tqdm(total=count, desc=what, unit="row", leave=False, disable=None) as progress:
        iterator = iter(rows)
        while batch := list(islice(iterator, BATCH)):
            # Its own manager's, where a package's says more about how a token is made.
            (model or type(batch[0]))._base_manager.bulk_create(batch)
            progress.update(len(batch))

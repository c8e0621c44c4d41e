from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from django.db import Error
from django.utils import timezone
from tqdm import tqdm

from tokenauth.core import attempts, lifecycle
from tokenauth.management.arguments import batch, counted, duration
from tokenauth.management.database_command import DatabaseCommand, what_is_missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.core.management.base import CommandParser


class Command(DatabaseCommand):
    help = (
        "Deletes tokens that were revoked, expired or lapsed unused long ago, and old rows of the login log; "
        "a few at a time, so that requests are answered meanwhile."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than",
            default="30d",
            metavar="30d",
            help="tokens that ended longer ago than this (default: 30d)",
        )
        parser.add_argument(
            "--logins-older-than",
            default="90d",
            metavar="90d",
            help="rows of the login log that are older than this (default: 90d)",
        )
        parser.add_argument(
            "--batch",
            type=batch,
            default=5000,
            metavar="5000",
            help="at most how many rows a transaction deletes (default: 5000)",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say how many there are")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        tokens_before = now - duration(options["older_than"])
        logins_before = now - duration(options["logins_older_than"])
        deleted = {"tokens": 0, "logins": 0}
        try:
            if options["dry_run"]:
                tokens, logins = _count(tokens_before, logins_before)
                self.stdout.write(f"Would delete {_spelled(tokens, logins)}.")
                return
            for kind, count in _prune(tokens_before, logins_before, options["batch"]):
                deleted[kind] += count
        except Error as error:
            said = what_is_missing(error) or f"The database failed: {str(error).strip()}"
            raise CommandError(f"{said}{_so_far(**deleted)}") from error
        except KeyboardInterrupt as interrupt:
            raise CommandError(f"Interrupted.{_so_far(**deleted)}", returncode=130) from interrupt
        self.stdout.write(self.style.SUCCESS(f"Deleted {_spelled(**deleted)}."))


def _prune(tokens_before: datetime, logins_before: datetime, batch: int) -> Iterator[tuple[str, int]]:
    # Counting them all is for whoever watches.
    is_watched = sys.stderr.isatty()
    total = sum(_count(tokens_before, logins_before)) if is_watched else None
    with tqdm(total=total, unit=" rows", disable=not is_watched, leave=False) as progress:
        # The log first: its rows need not be parted from tokens, then.
        for kind, counts in (
            ("logins", attempts.prune(logins_before, batch)),
            ("tokens", lifecycle.prune(tokens_before, batch)),
        ):
            for count in counts:
                progress.update(count)
                yield kind, count


def _count(tokens_before: datetime, logins_before: datetime) -> tuple[int, int]:
    tokens = sum(tokens.count() for tokens, _ in lifecycle.prunable(tokens_before))
    return tokens, attempts.prunable(logins_before).count()


def _so_far(tokens: int, logins: int) -> str:
    if not tokens + logins:
        return "\nNothing was deleted."
    return (
        f"\n{_spelled(tokens, logins)} were deleted before, and stay deleted. "
        "Run the command again for the rest."
    )


def _spelled(tokens: int, logins: int) -> str:
    return f"{counted(tokens, 'token')} and {counted(logins, 'row')} of the login log"

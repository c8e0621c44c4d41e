from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from tokenauth.devices.pruning import prunable
from tokenauth.management.arguments import batch, counted, duration
from tokenauth.management.database_command import DatabaseCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(DatabaseCommand):
    help = (
        "Deletes activations that were removed, or not finished in time, long ago; and the nonces and "
        "temporary keys whose time is over. A few at a time, so that requests are answered meanwhile."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than",
            default="30d",
            metavar="30d",
            help="activations that ended longer ago than this (default: 30d)",
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
        rows = prunable(timezone.now(), duration(options["older_than"]))
        if options["dry_run"]:
            counts = ((each.name, each.rows.count()) for each in rows)
            self.stdout.write(f"Would delete {_spelled(dict(counts))}.")
            return
        deleted = {each.name: sum(each.delete(options["batch"])) for each in rows}
        self.stdout.write(self.style.SUCCESS(f"Deleted {_spelled(deleted)}."))


def _spelled(counts: dict[str, int]) -> str:
    *others, last = (counted(count, name) for name, count in counts.items())
    return f"{', '.join(others)} and {last}"

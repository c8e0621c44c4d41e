from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from tokenauth.management.arguments import duration
from tokenauth.management.database_command import DatabaseCommand
from tokenauth.oauth import authorizations

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

BATCH = 5000


class Command(DatabaseCommand):
    help = "Deletes what users let applications do, where that ended, or lapsed unused, long ago."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than", default="30d", metavar="30d", help="ended longer ago than this (default: 30d)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        before = timezone.now() - duration(options["older_than"])
        count = sum(authorizations.prune(before, BATCH))
        self.stdout.write(self.style.SUCCESS(f"Deleted {count} authorizations."))

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from tokenauth.devices import encryption, reencryption
from tokenauth.management.arguments import batch, counted
from tokenauth.management.database_command import DatabaseCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

# How many of those that cannot be read are named.
NAMED = 5


class Command(DatabaseCommand):
    help = (
        "Encrypts the secrets of devices by the newest key of DEVICE_ENCRYPTION_KEYS, so that an older one "
        "can be taken away. What was interrupted goes on where it stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--batch",
            type=batch,
            default=500,
            metavar="500",
            help="at most how many rows a transaction writes (default: 500)",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say how many there are")

    def handle(self, *args: Any, **options: Any) -> None:
        key = encryption.current_key_id()
        name = "SECRET_KEY" if key == encryption.OF_SECRET_KEY else f"key {key}"
        if options["dry_run"]:
            self.stdout.write(f"Would encrypt {counted(reencryption.outdated(), 'secret')} by {name}.")
            return
        moved, unreadable, named = 0, 0, list[str]()
        for outcome in reencryption.reencrypt(options["batch"]):
            moved += outcome.moved
            unreadable += len(outcome.unreadable)
            named = [*named, *outcome.unreadable][:NAMED]
        self.stdout.write(self.style.SUCCESS(f"Encrypted {counted(moved, 'secret')} by {name}."))
        if unreadable:
            shown = "\n".join(f"  {text}" for text in named)
            raise CommandError(f"{counted(unreadable, 'secret')} cannot be read:\n{shown}")

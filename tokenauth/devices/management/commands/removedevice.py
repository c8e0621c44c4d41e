from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from tokenauth.devices import lifecycle
from tokenauth.devices.management.activations import activation_of, change, described
from tokenauth.management.arguments import counted, minute
from tokenauth.management.database_command import DatabaseCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(DatabaseCommand):
    help = "Ends the activation of a device for good, with its tokens."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", metavar="ID", help="as listdevices shows it")
        parser.add_argument("--yes", action="store_true", help="do not ask before")

    def handle(self, *args: Any, **options: Any) -> None:
        activation = activation_of(options["id"])
        tokens = counted(activation.tokens.count(), "token")
        if not options["yes"]:
            used = f"last used {minute(activation.last_used_at)}"
            question = f"This would end {described(activation)} for good, with {tokens}; {used}"
            if not sys.stdin.isatty():
                raise CommandError(f"{question}. Add --yes to do it.")
            if input(f"{question}. Remove it? [y/N] ").strip().lower() not in ("y", "yes"):
                raise CommandError("Nothing was removed.")
        activation = change(activation, lifecycle.remove)
        self.stdout.write(self.style.SUCCESS(f"Removed {described(activation)}, and {tokens} of it."))

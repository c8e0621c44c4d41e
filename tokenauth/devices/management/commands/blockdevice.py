from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tokenauth.devices import lifecycle
from tokenauth.devices.management.activations import activation_of, change, described
from tokenauth.management.arguments import counted
from tokenauth.management.database_command import DatabaseCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(DatabaseCommand):
    help = "Refuses a device and its tokens, until it is unblocked."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", metavar="ID", help="as listdevices shows it")
        parser.add_argument("--reason", default="", metavar="T", help="kept with the activation")

    def handle(self, *args: Any, **options: Any) -> None:
        block = partial(lifecycle.block, reason=options["reason"])
        activation = change(activation_of(options["id"]), block)
        tokens = counted(activation.tokens.count(), "token")
        self.stdout.write(self.style.SUCCESS(f"Blocked {described(activation)}, and {tokens} of it."))

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokenauth.devices import lifecycle
from tokenauth.devices.management.activations import activation_of, change, described
from tokenauth.management.database_command import DatabaseCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(DatabaseCommand):
    help = "Accepts a blocked device and its tokens again; its failed attempts are forgotten."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", metavar="ID", help="as listdevices shows it")

    def handle(self, *args: Any, **options: Any) -> None:
        activation = change(activation_of(options["id"]), lifecycle.unblock)
        self.stdout.write(self.style.SUCCESS(f"Unblocked {described(activation)}."))

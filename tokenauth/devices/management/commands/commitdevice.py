from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from tokenauth.devices import lifecycle
from tokenauth.devices.management.activations import activation_of, change, described

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Commits an activation whose code was used: from now on the device is accepted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", metavar="ID", help="as listdevices shows it")

    def handle(self, *args: Any, **options: Any) -> None:
        activation = change(activation_of(options["id"]), lifecycle.commit)
        self.stdout.write(self.style.SUCCESS(f"Committed {described(activation)}."))

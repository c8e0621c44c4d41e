from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from tokenauth.devices import lifecycle, statuses
from tokenauth.devices.fingerprints import fingerprint_of
from tokenauth.devices.management.activations import activation_of, change, described
from tokenauth.devices.models import Activation
from tokenauth.management.database_command import DatabaseCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(DatabaseCommand):
    help = (
        "Commits an activation whose code was used: from now on the device is accepted. At a terminal, it "
        "asks first whether the device shows the same fingerprint."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", metavar="ID", help="as listdevices shows it")
        parser.add_argument("--yes", action="store_true", help="do not ask before")

    def handle(self, *args: Any, **options: Any) -> None:
        activation = activation_of(options["id"])
        # A program has no device before it to compare with.
        if not options["yes"] and sys.stdin.isatty() and _waits(activation):
            shown = fingerprint_of(activation)
            question = f"Does {described(activation)} show the fingerprint {shown}? Commit it? [y/N] "
            if input(question).strip().lower() not in ("y", "yes"):
                raise CommandError("Nothing was committed.")
        activation = change(activation, lifecycle.commit)
        text = f"Committed {described(activation)}, with the fingerprint {fingerprint_of(activation)}."
        self.stdout.write(self.style.SUCCESS(text))


def _waits(activation: Activation) -> bool:
    return statuses.status_of(activation) == Activation.Status.PENDING_COMMIT.name.lower()

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.views.decorators.debug import sensitive_variables

from tokenauth.core.owners import user_named
from tokenauth.devices import lifecycle, pictures
from tokenauth.devices.applications import application_with
from tokenauth.management.arguments import minute, spelled_out
from tokenauth.management.database_command import DatabaseCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(DatabaseCommand):
    help = (
        "Makes an activation for a device of a user, and prints its id, its code, and what a picture of the "
        "code says on standard output: the code is not shown again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", metavar="USERNAME", help="whose device it is")
        parser.add_argument("--application", required=True, metavar="A", help="its name, or its id")
        parser.add_argument(
            "--commit-at-once",
            action="store_true",
            help="whoever has the code has the device: nobody commits it afterwards",
        )
        parser.add_argument("--qr", action="store_true", help="draw the picture as well; needs segno")

    @sensitive_variables("made")
    def handle(self, *args: Any, **options: Any) -> None:
        if options["qr"] and not pictures.can_draw():
            raise CommandError("--qr needs segno: pip install 'drf-tokenauth[devices]'")
        try:
            made = lifecycle.create(
                user_named(options["username"]),
                application_with(options["application"]),
                commit_at_once=options["commit_at_once"],
            )
        except ValidationError as error:
            names = {"user": "USERNAME", "application": "--application"}
            raise CommandError(spelled_out(error, names)) from error
        owner = made.activation.user
        if not owner.is_active:
            self.stderr.write(
                f"{owner.get_username()} is inactive: the device will be refused.", self.style.WARNING
            )
        and_then = "" if options["commit_at_once"] else " Commit it then with commitdevice."
        self.stderr.write(
            f"A device of {owner.get_username()} may be activated until "
            f"{minute(made.activation.expires_at)}.{and_then} The code is shown this once:",
            self.style.SUCCESS,
        )
        self.stdout.write(f"ACTIVATION_ID={made.activation.pk}")
        self.stdout.write(f"ACTIVATION_CODE={made.code}")
        self.stdout.write(f"QR_TEXT={made.qr_text}")
        if options["qr"]:
            self.stderr.write(pictures.for_terminal(made.qr_text))

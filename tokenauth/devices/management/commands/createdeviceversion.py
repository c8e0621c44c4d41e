from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from tokenauth.devices.applications import application_with, create_version
from tokenauth.devices.management import versions
from tokenauth.management.arguments import spelled_out
from tokenauth.management.database_command import DatabaseCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(DatabaseCommand):
    help = (
        "Makes a version of an application, with a key and a secret of its own, and prints what an SDK is "
        "configured with on standard output."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("application", metavar="APPLICATION", help="its name, or its id")
        parser.add_argument("release", metavar="RELEASE", help="the name of the version, as 1.1")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            version = create_version(application_with(options["application"]), options["release"])
        except ValidationError as error:
            names = {"application": "APPLICATION", "version": "RELEASE"}
            raise CommandError(spelled_out(error, names)) from error
        self.stderr.write(f"Made “{version}”:", self.style.SUCCESS)
        versions.show(self, version)

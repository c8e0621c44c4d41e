from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import router, transaction

from tokenauth.devices.applications import (
    NAMED,
    create_application,
    create_version,
    identified,
    namesakes_of,
)
from tokenauth.devices.management import versions
from tokenauth.devices.models import DeviceApplication
from tokenauth.management.arguments import spelled_out
from tokenauth.management.database_command import DatabaseCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(DatabaseCommand):
    help = (
        "Makes an application that is installed on devices, with its first version, and prints what an SDK "
        "is configured with on standard output."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="what it is called in the admin")
        # --version is Django's.
        parser.add_argument(
            "--release", default="1.0", metavar="1.0", help="the name of its first version (default: 1.0)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with transaction.atomic(using=router.db_for_write(DeviceApplication)):
                application = create_application(options["name"])
                version = create_version(application, options["release"])
        except ValidationError as error:
            raise CommandError(spelled_out(error, {"name": "NAME", "version": "--release"})) from error
        if namesakes := namesakes_of(application).order_by("created_at")[:NAMED]:
            self.stderr.write(
                f"There is another application “{application}”: {'; '.join(map(identified, namesakes))}. "
                "Another release of it is made by createdeviceversion; this is one of its own.",
                self.style.WARNING,
            )
        self.stderr.write(
            f"Made “{version}”. Build this into it, and let nobody read it who does not install it:",
            self.style.SUCCESS,
        )
        versions.show(self, version)

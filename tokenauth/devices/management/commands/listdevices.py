from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db.models import Count

from tokenauth.core.owners import user_named
from tokenauth.devices import statuses
from tokenauth.devices.applications import application_with
from tokenauth.devices.fingerprints import fingerprint_of
from tokenauth.devices.models import Activation
from tokenauth.management.arguments import counted, minute, spelled_out
from tokenauth.management.database_command import DatabaseCommand
from tokenauth.management.tables import table

if TYPE_CHECKING:
    from datetime import datetime

    from django.core.management.base import CommandParser
    from django.db.models import QuerySet

_HEADER = ("ID", "STATUS", "USER", "NAME", "PLATFORM", "TOKENS", "LAST USED", "CREATED", "APPLICATION")


class Command(DatabaseCommand):
    help = "Lists the activations of devices, and whether they are accepted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", metavar="U", help="those of this user")
        parser.add_argument("--application", metavar="A", help="those of the application of this name, or id")
        parser.add_argument("--status", choices=statuses.NAMES, help="those of this status")
        parser.add_argument("--format", choices=["table", "json"], default="table")

    def handle(self, *args: Any, **options: Any) -> None:
        activations = self._selected(options)
        if options["format"] == "json":
            self.stdout.write(json.dumps([_as_json(each) for each in activations], indent=1))
            return
        rows = [_as_row(activation) for activation in activations]
        if rows:
            self.stdout.write(table(_HEADER, rows, longest=40))
        # Not for the program that reads the table.
        self.stderr.write(counted(len(rows), "device"))

    def _selected(self, options: dict[str, Any]) -> QuerySet[Activation]:
        activations = Activation.objects.select_related("user", "application", "version", "created_by")
        try:
            if options["user"] is not None:
                activations = activations.filter(user=user_named(options["user"]))
            if options["application"] is not None:
                activations = activations.filter(application=application_with(options["application"]))
        except ValidationError as error:
            names = {"user": "--user", "application": "--application"}
            raise CommandError(spelled_out(error, names)) from error
        if options["status"]:
            activations = activations.filter(statuses.has_status(options["status"]))
        return activations.annotate(token_count=Count("tokens"))


def _as_row(activation: Any) -> tuple[str, ...]:
    return (
        str(activation.pk),
        statuses.status_of(activation),
        activation.user.get_username(),
        activation.name or "-",
        activation.platform or "-",
        str(activation.token_count),
        minute(activation.last_used_at),
        minute(activation.created_at),
        activation.application.name,
    )


def _as_json(activation: Any) -> dict[str, Any]:
    return {
        "id": str(activation.pk),
        "status": statuses.status_of(activation),
        "user": activation.user.get_username(),
        "application": activation.application.name,
        "version": activation.version and activation.version.name,
        "name": activation.name,
        "platform": activation.platform,
        "device_info": activation.device_info,
        "fingerprint": fingerprint_of(activation),
        "tokens": activation.token_count,
        "failed_attempts": activation.failed_attempts,
        "max_failed_attempts": activation.max_failed_attempts,
        "created_at": _timestamp(activation.created_at),
        "created_by": activation.created_by and activation.created_by.get_username(),
        "expires_at": _timestamp(activation.expires_at),
        "committed_at": _timestamp(activation.committed_at),
        "blocked_at": _timestamp(activation.blocked_at),
        "blocked_reason": activation.blocked_reason,
        "removed_at": _timestamp(activation.removed_at),
        "last_used_at": _timestamp(activation.last_used_at),
    }


def _timestamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()

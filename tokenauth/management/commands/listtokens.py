from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from tokenauth.core import status
from tokenauth.core.owners import user_named
from tokenauth.management.arguments import counted, family_of, minute, spelled_out
from tokenauth.management.database_command import DatabaseCommand
from tokenauth.management.tables import table
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from datetime import datetime

    from django.core.management.base import CommandParser
    from django.db.models import QuerySet

_HEADER = (
    "ID",
    "NAME",
    "HINT",
    "USER",
    "KIND",
    "ORGANIZATION",
    "STATUS",
    "ROTATED FROM",
    "LAST USED",
    "EXPIRES",
    "SCOPES",
)


class Command(DatabaseCommand):
    help = "Lists tokens: what they may do, and whether they still work. Neither text nor digest is shown."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", metavar="U", help="those of this user")
        parser.add_argument(
            "--family",
            metavar="ID",
            help="those of this family, or of this token's: what it was rotated from, and into",
        )
        parser.add_argument("--status", choices=AccessToken.Status.values, help="those of this status")
        parser.add_argument("--format", choices=["table", "json"], default="table")

    def handle(self, *args: Any, **options: Any) -> None:
        tokens = self._selected(options)
        if options["format"] == "json":
            self._write_json(tokens)
            return
        rows = [_as_row(token) for token in tokens.iterator()]
        if rows:
            self.stdout.write(table(_HEADER, rows, longest=40))
        # Not for the program that reads the table.
        self.stderr.write(counted(len(rows), "token"))

    def _selected(self, options: dict[str, Any]) -> QuerySet[AccessToken]:
        tokens = AccessToken.objects.select_related("user", "created_by", "revoked_by")
        try:
            if options["user"] is not None:
                tokens = tokens.filter(user=user_named(options["user"]))
        except ValidationError as error:
            raise CommandError(spelled_out(error, {"user": "--user"})) from error
        if options["family"] is not None:
            tokens = tokens.filter(pk__in=family_of(options["family"]).values("pk"))
        if options["status"]:
            tokens = tokens.filter(status.has_status(AccessToken.Status(options["status"])))
        return tokens

    def _write_json(self, tokens: QuerySet[AccessToken]) -> None:
        # One by one: a table of millions does not fit into memory as a text.
        separator = "["
        for token in tokens.iterator():
            self.stdout.write(separator + json.dumps(_as_json(token)), ending="")
            separator = ",\n "
        self.stdout.write("[]" if separator == "[" else "]")


def _as_row(token: AccessToken) -> tuple[str, ...]:
    return (
        str(token.pk),
        token.name,
        token.hint,
        token.user.get_username(),
        f"{token.kind} {token.environment}".strip(),
        token.organization or "-",
        token.status,
        str(token.rotated_from_id or "-"),
        minute(token.last_used_at),
        minute(token.expires_at),
        " ".join(map(str, token.scopes or ())) or "-",
    )


def _as_json(token: AccessToken) -> dict[str, Any]:
    return {
        "id": token.pk,
        "name": token.name,
        "hint": token.hint,
        "user": token.user.get_username(),
        "kind": token.kind,
        "environment": token.environment,
        "status": token.status,
        "scopes": token.scopes,
        "organization": token.organization,
        "allowed_networks": token.allowed_networks,
        "family": str(token.family),
        "rotated_from": token.rotated_from_id,
        "rotated_at": _timestamp(token.rotated_at),
        "created_at": _timestamp(token.created_at),
        "created_by": token.created_by and token.created_by.get_username(),
        "expires_at": _timestamp(token.expires_at),
        "last_used_at": _timestamp(token.last_used_at),
        "last_used_ip": token.last_used_ip,
        "revoked_at": _timestamp(token.revoked_at),
        "revoked_by": token.revoked_by and token.revoked_by.get_username(),
        "revoked_reason": token.revoked_reason,
    }


def _timestamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()

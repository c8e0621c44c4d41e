from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.utils import timezone

from tokenauth.core import lifecycle, status
from tokenauth.core.owners import user_named
from tokenauth.management.arguments import counted, duration, family_of, key_of, spelled_out
from tokenauth.management.database_command import DatabaseCommand
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from django.core.management.base import CommandParser
    from django.db.models import QuerySet


# How many tokens are named before it asks.
LISTED = 10


class Command(DatabaseCommand):
    help = "Revokes tokens: those of the ids given, or all that one of the options selects."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", nargs="*", metavar="ID")
        parser.add_argument("--user", metavar="U", help="all tokens of this user")
        parser.add_argument(
            "--family",
            metavar="ID",
            help="all of this family, or of this token's: what it was rotated from, and into",
        )
        parser.add_argument("--all-expired", action="store_true", help="all that have expired")
        parser.add_argument("--unused", metavar="90d", help="all that were not used for this time")
        parser.add_argument("--reason", default="", metavar="T", help="kept with the token")
        parser.add_argument(
            "--yes", action="store_true", help="do not ask before revoking what an option selects"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            selected = self._selected(options)
            tokens = selected.filter(revoked_at__isnull=True)
            revoked = selected.count() - tokens.count() if options["ids"] else 0
            if not options["ids"] and not options["yes"]:
                self._confirm(tokens)
            count = lifecycle.revoke(tokens, reason=options["reason"])
        except ValidationError as error:
            raise CommandError(spelled_out(error)) from error
        before = f"; {counted(revoked, 'token')} had been revoked before" if revoked else ""
        self.stdout.write(self.style.SUCCESS(f"Revoked {counted(count, 'token')}{before}."))

    def _selected(self, options: dict[str, Any]) -> QuerySet[AccessToken]:
        selectors = [name for name in ("ids", "user", "family", "all_expired", "unused") if options[name]]
        if len(selectors) != 1:
            raise CommandError("Say which: either ids, or one of --user, --family, --all-expired, --unused.")
        now = timezone.now()
        match selectors[0]:
            case "ids":
                return self._of_ids(options["ids"])
            case "user":
                return AccessToken.objects.filter(user=user_named(options["user"]))
            case "family":
                return family_of(options["family"])
            case "all_expired":
                return AccessToken.objects.filter(expires_at__lte=now)
            case _:
                return AccessToken.objects.filter(status.is_unused(now, duration(options["unused"])))

    def _of_ids(self, ids: list[str]) -> QuerySet[AccessToken]:
        keys = [key_of(text) for text in ids]
        # One by one: a number that the column cannot hold is then simply not there, on every database.
        missing = [str(key) for key in keys if not AccessToken.objects.filter(pk=key).exists()]
        if missing:
            raise CommandError(f"There is no token with the id {', '.join(missing)}. Nothing was revoked.")
        return AccessToken.objects.filter(pk__in=keys)

    def _confirm(self, tokens: QuerySet[AccessToken]) -> None:
        count = tokens.count()
        if not sys.stdin.isatty():
            raise CommandError(f"This would revoke {counted(count, 'token')}; add --yes to do it.")
        for token in tokens[:LISTED]:
            self.stdout.write(f"  {token.pk}  {token}")
        if count > LISTED:
            self.stdout.write(f"  and {count - LISTED} more")
        if input(f"Revoke {counted(count, 'token')}? [y/N] ").strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was revoked.")

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tokenauth.core import lifecycle, status
from tokenauth.core.owners import user_named
from tokenauth.management.arguments import duration, spelled_out
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from django.core.management.base import CommandParser
    from django.db.models import QuerySet


class Command(BaseCommand):
    help = "Revokes tokens: those of the ids given, or all that one of the options selects."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", nargs="*", metavar="ID")
        parser.add_argument("--user", metavar="U", help="all tokens of this user")
        parser.add_argument("--family", type=UUID, metavar="ID", help="a token and all it was rotated into")
        parser.add_argument("--all-expired", action="store_true", help="all that have expired")
        parser.add_argument(
            "--unused", type=duration, metavar="90d", help="all that were not used for this time"
        )
        parser.add_argument("--reason", default="", metavar="T", help="kept with the token")
        parser.add_argument(
            "--yes", action="store_true", help="do not ask before revoking what an option selects"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tokens = self._selected(options).filter(revoked_at__isnull=True)
            if not options["ids"] and not options["yes"]:
                self._confirm(tokens.count())
            count = lifecycle.revoke(tokens, reason=options["reason"])
        except ValidationError as error:
            raise CommandError(spelled_out(error)) from error
        self.stdout.write(self.style.SUCCESS(f"Revoked {count} token{'' if count == 1 else 's'}."))

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
                tokens = AccessToken.objects.filter(family=options["family"])
                if not tokens.exists():
                    raise CommandError(f"There is no token of the family {options['family']}.")
                return tokens
            case "all_expired":
                return AccessToken.objects.filter(expires_at__lte=now)
            case _:
                return AccessToken.objects.filter(status.is_unused(now, options["unused"]))

    def _of_ids(self, ids: list[str]) -> QuerySet[AccessToken]:
        key = AccessToken._meta.pk
        try:
            wanted = {key.to_python(text) for text in ids}
        except ValidationError as error:
            raise CommandError(spelled_out(error)) from error
        tokens = AccessToken.objects.filter(pk__in=wanted)
        missing = wanted - set(tokens.values_list("pk", flat=True))
        if missing:
            listed = ", ".join(str(one) for one in sorted(missing))
            raise CommandError(f"There is no token with the id {listed}. Nothing was revoked.")
        return tokens

    def _confirm(self, count: int) -> None:
        if not sys.stdin.isatty():
            raise CommandError(f"This would revoke {count} tokens; add --yes to do it.")
        if input(f"Revoke {count} tokens? [y/N] ").strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was revoked.")

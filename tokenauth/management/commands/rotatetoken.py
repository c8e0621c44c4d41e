from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import router, transaction

from tokenauth.core import durations
from tokenauth.core.owners import service_user, user_named
from tokenauth.core.token_arguments import Arguments
from tokenauth.exceptions import RotationConflict
from tokenauth.management.arguments import key_of, minute, spelled_out
from tokenauth.management.database_command import DatabaseCommand
from tokenauth.management.new_token import show
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from datetime import timedelta

    from django.core.management.base import CommandParser

# What an argument of the core is called here.
_ARGUMENTS = {"overlap": "--overlap", "owner": "--user", "user": "--user", "service": "--service"}


class Command(DatabaseCommand):
    help = (
        "Makes a token's successor, with the same rights, and prints its text, alone, on standard output: it "
        "is not shown again. The old one lives on for the overlap."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", metavar="ID", help="of the token, as listtokens shows it")
        parser.add_argument(
            "--overlap",
            metavar="1d",
            help="how long the old one lives on, 0 or up to 30d (default: ROTATION_OVERLAP)",
        )
        owner = parser.add_mutually_exclusive_group()
        owner.add_argument("--user", metavar="U", help="of an API key: the user who owns the new one")
        owner.add_argument(
            "--service", metavar="SERVICE", help="likewise: a user without password, made where there is none"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        token = AccessToken.objects.select_related("user").filter(pk=key_of(options["id"])).first()
        if token is None:
            raise CommandError(f"There is no token with the id {options['id']}.")
        try:
            overlap = _overlap(options["overlap"])
            # With its transaction: a service's user is not left behind without the key.
            with transaction.atomic(using=router.db_for_write(AccessToken)):
                owner, is_new = self._owner(options)
                successor = token.rotate(overlap, owner=owner)
        except RotationConflict as conflict:
            raise CommandError(str(conflict)) from conflict
        except ValidationError as error:
            raise CommandError(spelled_out(error, _ARGUMENTS)) from error
        show(
            self,
            successor,
            is_new_user=is_new,
            and_then=f"Token {token.pk} works until {minute(token.expires_at)}. ",
        )

    def _owner(self, options: dict[str, Any]) -> tuple[Any, bool]:
        if options["service"] is not None:
            return service_user(options["service"])
        return (None if options["user"] is None else user_named(options["user"])), False


def _overlap(text: str | None) -> timedelta | None:
    if text is None:
        return None
    arguments = Arguments()
    overlap: timedelta = arguments.take("overlap", durations.parse_overlap, text)
    arguments.raise_errors()
    return overlap

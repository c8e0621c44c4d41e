from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from tokenauth.management.database_command import DatabaseCommand
from tokenauth.oauth import signing_keys

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(DatabaseCommand):
    help = (
        "Makes a new key that JWTs are signed by. Tokens live on: the old key stays in the JWKS until the "
        "last of them has expired."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--at-once",
            action="store_true",
            help="the old key has leaked: publish it no more, and end every JWT; applications refresh theirs",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            key = signing_keys.rotate(at_once=options["at_once"])
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        signing_keys.prune()
        self.stdout.write(key.kid)

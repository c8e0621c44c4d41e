from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import router, transaction
from django.utils import timezone

from tokenauth.core import lifecycle
from tokenauth.core.credential import Environment, Kind
from tokenauth.core.owners import service_user, user_named
from tokenauth.core.scopes import ALL, registry
from tokenauth.management.arguments import described, duration, spelled_out
from tokenauth.management.database_command import DatabaseCommand
from tokenauth.management.new_token import show
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


# What an argument of the core is called here.
_ARGUMENTS = {
    "user": "USERNAME",
    "service": "--service",
    "name": "NAME",
    "kind": "--kind",
    "scopes": "--scope",
    "expires_at": "--expires",
    "environment": "--environment",
    "allowed_networks": "--network",
    "organization": "--organization",
}


class Command(DatabaseCommand):
    help = "Makes a token and prints its text, alone, on standard output: it is not shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.usage = "%(prog)s (USERNAME | --service SERVICE) NAME --scope S [S ...] [options]"
        parser.add_argument("username", nargs="?", metavar="USERNAME", help="the user who owns the token")
        parser.add_argument("name", metavar="NAME", help="what the token is for")
        parser.add_argument(
            "--service",
            metavar="SERVICE",
            help="instead of USERNAME: a user without password, made where there is none, so that a "
            "server's key does not end with an employee",
        )
        parser.add_argument(
            "--scope",
            action="extend",
            nargs="+",
            metavar="S",
            dest="scopes",
            help="what the token may do; at least one",
        )
        parser.add_argument("--kind", default=Kind.PERSONAL.value, help=f"one of: {', '.join(Kind.values)}")
        parser.add_argument(
            "--environment", default="", help=f"of an API key: {' or '.join(Environment.values)}"
        )
        parser.add_argument("--expires", metavar="90d", help="how long it lives")
        parser.add_argument(
            "--network",
            action="append",
            default=[],
            metavar="CIDR",
            dest="networks",
            help="a network from which alone it may be used; may be repeated",
        )
        parser.add_argument("--organization", default="", metavar="O", help="narrows it to one organization")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["scopes"]:
            raise CommandError(f"Say with --scope what the token may do:\n{_known_scopes()}")
        if (options["username"] is None) == (options["service"] is None):
            raise CommandError("Say who owns the token: USERNAME NAME, or --service SERVICE NAME.")
        expires_at = timezone.now() + duration(options["expires"]) if options["expires"] else None
        try:
            # With its transaction: a service's user is not left behind without the token.
            with transaction.atomic(using=router.db_for_write(AccessToken)):
                user, is_new = self._owner(options)
                token = lifecycle.issue(
                    user,
                    options["name"],
                    options["scopes"],
                    expires_at=expires_at,
                    kind=options["kind"],
                    environment=options["environment"],
                    organization=options["organization"],
                    allowed_networks=options["networks"],
                )
        except ValidationError as error:
            raise CommandError(spelled_out(error, _ARGUMENTS)) from error
        show(self, token, is_new_user=is_new)

    def _owner(self, options: dict[str, Any]) -> tuple[Any, bool]:
        if options["service"] is not None:
            return service_user(options["service"])
        return user_named(options["username"]), False


def _known_scopes() -> str:
    scopes = [(name, scope.description) for name, scope in registry().items()]
    return described([*scopes, (ALL, "Everything but tokens:manage")])

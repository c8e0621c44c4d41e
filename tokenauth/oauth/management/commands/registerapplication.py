from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.management.base import CommandError
from django.views.decorators.debug import sensitive_variables
from oauth2_provider.models import get_application_model

from tokenauth.conf import conf
from tokenauth.management.arguments import described, spelled_out
from tokenauth.management.database_command import DatabaseCommand
from tokenauth.oauth import registration
from tokenauth.oauth.models import Grant
from tokenauth.oauth.scopes import Scopes

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

# What a field of the forms is called here.
_ARGUMENTS = {
    "name": "NAME",
    "redirect_uris": "--redirect-uri",
    "grants": "--grant",
    "scopes": "--scope",
    "organization": "--organization",
    "allowed_networks": "--network",
    NON_FIELD_ERRORS: "the application",
}


class Command(DatabaseCommand):
    help = (
        "Registers an application with its policy, and prints CLIENT_ID=… and, of a confidential one, "
        "CLIENT_SECRET=… on standard output: the secret is not shown again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.usage = "%(prog)s NAME --grant G [G ...] --scope S [S ...] [options]"
        parser.add_argument("name", metavar="NAME", help="what people are shown when it asks to be let in")
        parser.add_argument(
            "--grant",
            action="extend",
            nargs="+",
            metavar="G",
            dest="grants",
            help=f"how it comes by tokens; out of: {', '.join(Grant.values)}",
        )
        parser.add_argument(
            "--scope",
            action="extend",
            nargs="+",
            metavar="S",
            dest="scopes",
            help="all that it may ever have; at least one",
        )
        parser.add_argument(
            "--redirect-uri",
            action="append",
            default=[],
            metavar="URI",
            dest="redirect_uris",
            help="where people are sent back to with a code; may be repeated",
        )
        parser.add_argument(
            "--public",
            action="store_true",
            help="it runs on people's devices or in their browsers, and has no secret",
        )
        parser.add_argument(
            "--first-party", action="store_true", help="it is ours: it may ask people for their password"
        )
        parser.add_argument(
            "--organization",
            default="",
            metavar="O",
            help="its tokens reach this one alone, and only its members can let it in",
        )
        parser.add_argument(
            "--network",
            action="append",
            default=[],
            metavar="CIDR",
            dest="networks",
            help="a network from which alone it and its tokens may come; may be repeated",
        )
        parser.add_argument(
            "--may-introspect", action="store_true", help="it may ask about the tokens of other applications"
        )

    @sensitive_variables("secret")
    def handle(self, *args: Any, **options: Any) -> None:
        if not options["grants"]:
            raise CommandError(f"Say with --grant how it comes by tokens; out of: {', '.join(Grant.values)}.")
        if not options["scopes"]:
            raise CommandError(f"Say with --scope all that it may ever have:\n{_known_scopes()}")
        application = get_application_model()
        client_type = application.CLIENT_PUBLIC if options["public"] else application.CLIENT_CONFIDENTIAL
        try:
            registered, secret = registration.register(
                {
                    "name": options["name"],
                    "client_type": client_type,
                    "redirect_uris": " ".join(options["redirect_uris"]),
                },
                {
                    "grants": options["grants"],
                    "scopes": options["scopes"],
                    "first_party": options["first_party"],
                    "organization": options["organization"],
                    "allowed_networks": options["networks"],
                    "may_introspect": options["may_introspect"],
                },
            )
        except ValidationError as error:
            raise CommandError(spelled_out(error, _ARGUMENTS)) from error
        self._show(registered, secret)

    @sensitive_variables("secret")
    def _show(self, application: Any, secret: str) -> None:
        policy = application.tokenauth_policy
        if Grant.PASSWORD in policy.grants and not conf.OAUTH_PASSWORD_GRANT:
            self.stderr.write(
                "OAUTH_PASSWORD_GRANT is False: it will get no token for a password.", self.style.WARNING
            )
        what_next = "Its secret is shown this once:" if secret else "It is public, and has no secret:"
        self.stderr.write(
            f"Registered “{application.name}”: {' '.join(policy.scopes)}, by {' or '.join(policy.grants)}. "
            f"{what_next}",
            self.style.SUCCESS,
        )
        self.stdout.write(f"CLIENT_ID={application.client_id}")
        if secret:
            self.stdout.write(f"CLIENT_SECRET={secret}")


def _known_scopes() -> str:
    known = Scopes().get_all_scopes()
    return described(known.items()) if known else "  any: SCOPES is empty"

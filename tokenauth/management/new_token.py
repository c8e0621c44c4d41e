"""How the commands show a token that they have made: its text alone on standard output, once."""

from django.core.management.base import BaseCommand

from tokenauth.conf import conf
from tokenauth.management.arguments import minute
from tokenauth.models import AccessToken


def show(command: BaseCommand, token: AccessToken, *, is_new_user: bool, and_then: str = "") -> None:
    """Write the text of ``token`` to standard output, and what there is to know of it to standard error."""
    owner = token.user.get_username()
    if is_new_user:
        command.stderr.write(f"Made the user {owner}, without password.")
    if not token.user.is_active:
        command.stderr.write(f"{owner} is inactive: the token will be refused.", command.style.WARNING)
    if token.environment and token.environment not in conf.ENVIRONMENTS:
        command.stderr.write(
            f"This deployment refuses {token.environment} keys: ENVIRONMENTS is {conf.ENVIRONMENTS}.",
            command.style.WARNING,
        )
    expiry = f"expires {minute(token.expires_at)}" if token.expires_at else "does not expire"
    command.stderr.write(
        f"Made token {token.pk}, “{token.name}”, for {owner}: {' '.join(token.scopes) or 'no scopes'}; "
        f"{expiry}. {and_then}Its text is shown this once:",
        command.style.SUCCESS,
    )
    command.stdout.write(token.raw_token or "")

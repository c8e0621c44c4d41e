from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from django.utils import timezone

from tokenauth.core import expiry_notices, mail
from tokenauth.management.arguments import counted, minute
from tokenauth.management.database_command import DatabaseCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from tokenauth.models import AccessToken


class Command(DatabaseCommand):
    help = (
        "Mails each owner, once, about all tokens that expire within 30, 7 and 1 days; "
        "of a token, each of these is told once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say who would be told of what")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        people = told = failed = 0
        for owner, tokens in expiry_notices.due(now):
            name = owner.get_username()
            if not mail.address_of(owner):
                self.stderr.write(f"{name} has no mail address: {_listed(tokens)}.", self.style.WARNING)
                continue
            if options["dry_run"]:
                self.stdout.write(f"{name} <{mail.address_of(owner)}>: {_listed(tokens)}")
                count = len(tokens)
            else:
                try:
                    count = expiry_notices.tell(owner, tokens, now)
                except mail.MailError as error:
                    self.stderr.write(f"{name} could not be told: {error}", self.style.ERROR)
                    failed += 1
                    continue
            told += count
            people += count > 0
        word = "Would tell" if options["dry_run"] else "Told"
        spelled = f"{word} {counted(people, 'person', 'people')} of {counted(told, 'token')}."
        self.stdout.write(self.style.SUCCESS(spelled))
        if failed:
            raise CommandError(
                f"{counted(failed, 'person', 'people')} could not be told. "
                "Nothing of theirs is marked as told: run the command again."
            )


def _listed(tokens: list[AccessToken]) -> str:
    return ", ".join(f"{token}, expires {minute(token.expires_at)}" for token in tokens)

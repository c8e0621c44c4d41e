from __future__ import annotations

import logging
import secrets
import threading
from argparse import ArgumentTypeError
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from testproject.accounts.models import User
from testproject.demo.devices import devices_may_read_sites, steps_of_ones_own, walk_through_a_device
from testproject.demo.oauth import walk_through_oauth
from testproject.demo.rotation import rotate_under_load
from testproject.demo.server import HOST, serving
from testproject.demo.walk import Step, walk
from testproject.inventory.seed import ORGANIZATIONS, seed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.management.base import CommandParser

SITES = "/inventory-service/sites"


class Command(BaseCommand):
    help = "Sets the sample project up, starts its server, and walks through it with real requests."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="end after that; exit status 0 if it went well"
        )
        parser.add_argument(
            "--port", type=_port, default=8000, help="another is taken where it is not free (default: 8000)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._say(f"Preparing the database ({connection.vendor}) …")
        call_command("migrate", verbosity=0, interactive=False)
        seed()
        alice, of_alice = _person("alice", organization=ORGANIZATIONS[0])
        admin, of_admin = _person("admin", is_staff=True, is_superuser=True)
        with serving(options["port"]) as port, devices_may_read_sites():
            base_url = f"http://{HOST}:{port}"
            self._say(f"Serving at {base_url}\n")
            with _quiet_log():
                unexpected = walk(base_url, self._steps(alice), self._say)
                unexpected += walk_through_oauth(base_url, alice, of_alice, self._say)
                unexpected += rotate_under_load(base_url + SITES, ORGANIZATIONS[0], self._say)
                unexpected += walk_through_a_device(base_url, alice, admin, self._say)
            if unexpected:
                raise CommandError("What is marked above was not as expected.")
            self._say(self.style.SUCCESS("All of it was as expected."))
            if not options["once"]:
                self._say(
                    "\nBe a device yourself, at another terminal. The second line asks for the code. Type\n"
                    "the last one, which takes the device away, before Ctrl-C here: it asks this server.\n\n"
                    f"{steps_of_ones_own(base_url)}\n"
                    f"\nThe token page is at {base_url}/tokens/ : sign in as alice, password {of_alice}\n"
                    f"The admin is at {base_url}/admin/ : sign in as admin, password {of_admin}\n"
                    "See there the tokens, and the attempts that were refused. Stop with Ctrl-C."
                )
                self._wait()

    def _say(self, text: str) -> None:
        self.stdout.write(f"{text}\n", ending="")
        # Whoever reads along through a pipe sees each answer as it comes.
        self.stdout.flush()

    def _steps(self, alice: User) -> list[Step]:
        tomorrow = timezone.now() + timedelta(days=1)
        reader = alice.generate_access_token("Demo: reads sites", ["read:sites"], expires_at=tomorrow)
        revoked = alice.generate_access_token("Demo: revoked", ["read:sites"], expires_at=tomorrow)
        revoked.revoke(reason="for the demo")
        text = reader.raw_token or ""
        mistyped = text[:-1] + ("0" if text[-1] != "0" else "1")
        return [
            Step("alice's token may read sites, and alice belongs to one organization.", SITES, text, 200),
            Step(
                "The same token has no scope for assets.",
                "/inventory-service/assets",
                text,
                403,
                "insufficient_scope",
            ),
            Step(
                "One character mistyped: its checksum tells, without a query.",
                SITES,
                mistyped,
                401,
                "malformed",
            ),
            Step("A token that was revoked.", SITES, revoked.raw_token, 401, "revoked"),
            Step("No token at all.", SITES, None, 401, "missing"),
        ]

    def _wait(self) -> None:
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            self._say("\nStopped.")


def _person(username: str, **fields: Any) -> tuple[User, str]:
    """A user, and the password: a new one each time, which is on this screen alone."""
    user, _ = User.objects.get_or_create(username=username, defaults=fields)
    password = secrets.token_urlsafe(9)
    user.set_password(password)
    user.save()
    return user, password


@contextmanager
def _quiet_log() -> Iterator[None]:
    """Without Django's warnings of the refusals that the walk is about."""
    logger = logging.getLogger("django.request")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _port(text: str) -> int:
    if text.isascii() and text.isdecimal() and int(text) < 2**16:
        return int(text)
    raise ArgumentTypeError(f"{text!r} is not a port: 0 to 65535.")

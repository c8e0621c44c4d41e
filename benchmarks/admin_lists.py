"""Opens the admin's lists of a million tokens and a million logins, with each of their filters.

``[DATABASE_URL=…] python -m benchmarks.admin_lists``: see the README.md beside.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import django
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from benchmarks.scratch import scratch_database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.long_lists import Filled

TOKENS = "/admin/tokenauth/accesstoken/"
LOGINS = "/admin/tokenauth/tokenlogin/"
ROWS_A_PAGE = 100
VERSION = {
    "sqlite": "SELECT sqlite_version()",
    "postgresql": "SHOW server_version",
    "mysql": "SELECT version()",
}
# In seconds.
LONGEST = 1.0


@dataclass(frozen=True)
class Page:
    """A page, and whether it must open within :data:`LONGEST`; what is searched for in part need not."""

    name: str
    path: str
    is_limited: bool = True


@dataclass(frozen=True)
class Opened:
    """How long the page took each time, in seconds."""

    page: Page
    seconds: Sequence[float]
    queries: int

    @property
    def is_late(self) -> bool:
        return self.page.is_limited and median(self.seconds) > LONGEST

    def line(self) -> str:
        late = "  late" if self.is_late else ""
        return (
            f"{self.page.name:<40}{self.queries:>9}"
            f"{median(self.seconds):>9.3f}{max(self.seconds):>9.3f}{late}"
        )


HEADING = f"{'':<40}{'queries':>9}{'median':>9}{'max, s':>9}"


def main() -> int:
    options = _options()
    # Whoever ends it leaves no database behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    django.setup()
    # They import models, for which Django must be set up.
    from benchmarks.long_lists import fill

    with scratch_database(f"tokenauth_lists_{os.getpid()}"):
        call_command("migrate", verbosity=0, interactive=False)
        print(
            f"Filling {options.tokens:,} tokens and {options.logins:,} logins.", file=sys.stderr, flush=True
        )
        filled = fill(options.tokens, options.logins)
        print(_machine())
        print(HEADING)
        late = [opened for opened in _open_all(filled, options.times) if opened.is_late]
    for opened in late if options.limits else ():
        print(f"Wrong: {opened.page.name} took longer than {LONGEST:.0f} s.")
    return 1 if late and options.limits else 0


def pages(filled: Filled) -> list[Page]:
    """Each list, each of its filters by what is frequent and by what is rare, and what a search can be."""
    from benchmarks.long_lists import GUESSING, SMALL_ORGANIZATION
    from tokenauth.models import AccessToken, TokenLogin

    token, forgotten = filled.token, filled.forgotten

    def tokens(name: str, *, is_limited: bool = True, **query: Any) -> Page:
        return Page(f"tokens {name}".rstrip(), f"{TOKENS}?{urlencode(query)}", is_limited)

    def logins(name: str, **query: Any) -> Page:
        return Page(f"logins {name}".rstrip(), f"{LOGINS}?{urlencode(query)}")

    return [
        tokens(""),
        tokens("last page", p=_last_page(AccessToken)),
        *(
            tokens(f"status: {status}", status=status)
            for status in ("active", "expired", "unused", "revoked")
        ),
        *(
            tokens(f"attention: {attention}", attention=attention)
            for attention in ("unused", "expiring", "replaced")
        ),
        tokens("kind: personal", kind__exact="personal"),
        tokens("kind: API key", kind__exact="api_key"),
        tokens("environment: test", environment__exact="test"),
        tokens("organization", organization="organization7"),
        tokens("organization of few", organization=SMALL_ORGANIZATION),
        tokens("organization of none", organization="nowhere"),
        tokens("of an owner", user__id__exact=token.user_id),
        tokens("of a family", family=token.family),
        tokens("search: a hint", q=token.hint),
        tokens("search: a digest", q=token.secret),
        tokens("search in part: an owner", q=token.user.get_username(), is_limited=False),
        tokens("search in part: a frequent name", q="laptop", is_limited=False),
        tokens("search in part: a rare name", q="looked for", is_limited=False),
        tokens("search in part: nothing", q="nothing at all", is_limited=False),
        Page("token", f"{TOKENS}{token.pk}/change/"),
        Page("token with very many logins", f"{TOKENS}{forgotten.pk}/change/"),
        logins(""),
        logins("last page", p=_last_page(TokenLogin)),
        logins("result: accepted", result="accepted"),
        logins("result: refused", result="refused"),
        logins("reason: malformed", reason__exact="malformed"),
        logins("reason: insufficient_scope", reason__exact="insufficient_scope"),
        logins("reason: one that is nowhere", reason__exact="ambiguous"),
        logins("address", ip_address="198.51.7.7"),
        logins("address of very many", ip_address=GUESSING),
        logins("address of none", ip_address="2001:db8::1"),
        logins("type: access token", id_type__exact="access_token"),
        logins("type: one that is nowhere", id_type__exact="jwt"),
        logins("date: today", **_since(days=0)),
        logins("date: past 7 days", **_since(days=7)),
        logins("of a token", token__id__exact=token.pk),
        logins("of a token of very many", token__id__exact=forgotten.pk),
        logins("of a user", user__id__exact=token.user_id),
        logins("with a pasted text", identifier="0" * 64),
    ]


def _last_page(model: Any) -> int:
    from tokenauth.admin.change_list import MOST_ROWS

    rows: int = min(model.objects.count(), MOST_ROWS)
    return -(-rows // ROWS_A_PAGE)


def _since(days: int) -> dict[str, str]:
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "date__gte": str(today - timedelta(days=days)),
        "date__lt": str(today + timedelta(days=1)),
    }


def _open_all(filled: Filled, times: int) -> list[Opened]:
    from testproject.accounts.models import User

    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.create_superuser("root"))
    # What the first request of a process costs is not the list's.
    client.get("/admin/")
    opened = []
    for page in pages(filled):
        opened.append(_open(client, page, times))
        print(opened[-1].line(), flush=True)
    return opened


def _open(client: Client, page: Page, times: int) -> Opened:
    seconds = []
    for _ in range(times):
        start = perf_counter()
        answer = client.get(page.path)
        seconds.append(perf_counter() - start)
        if answer.status_code != 200:
            raise RuntimeError(f"{page.path} was answered by {answer.status_code}.")
    with CaptureQueriesContext(connection) as captured:
        client.get(page.path)
    return Opened(page, seconds, len(captured))


def _machine() -> str:
    with connection.cursor() as cursor:
        cursor.execute(VERSION[connection.vendor])
        (server,) = cursor.fetchone()
    return (
        f"{os.cpu_count()} cores, {connection.display_name} {server}, Python {platform.python_version()}, "
        f"Django {django.get_version()}"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.admin_lists", description=__doc__)
    parser.add_argument("--tokens", type=int, default=1_000_000, help="default: 1000000")
    parser.add_argument("--logins", type=int, default=1_000_000, help="default: 1000000")
    parser.add_argument(
        "--times", type=int, default=5, help="how many times each page is opened (default: 5)"
    )
    parser.add_argument("--no-limits", dest="limits", action="store_false", help="measure, and judge nothing")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

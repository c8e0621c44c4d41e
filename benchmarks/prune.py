"""Prunes a million logins and 200,000 tokens on PostgreSQL, while requests are authenticated beside.

``DATABASE_URL=postgres://postgres@127.0.0.1/postgres python -m benchmarks.prune``: see the README.md beside.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import django
from django.core.management import call_command
from django.db import connection

from benchmarks.scratch import scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

# In megabytes, and in seconds.
MOST_GROWTH = 100.0
LONGEST_STATEMENT = 1.0


@dataclass(frozen=True)
class Requests:
    """``p50``, ``p99`` and ``max`` are milliseconds."""

    requests: int
    failed: int
    p50: float
    p99: float
    max: float


@dataclass(frozen=True)
class Pruned:
    """Times are seconds, memory is megabytes."""

    said: list[str]
    seconds: float
    rss_at_start: float
    rss_at_peak: float
    statements: int
    longest_statement: float
    longest_sql: str
    longest_transaction: float

    @property
    def growth(self) -> float:
        return self.rss_at_peak - self.rss_at_start


@dataclass(frozen=True)
class Rows:
    """How many there are."""

    tokens: int
    logins: int

    @property
    def all(self) -> int:
        return self.tokens + self.logins


@dataclass(frozen=True)
class Measured:
    """What was measured: before, beside and after the prune of ``dead`` rows."""

    dead: Rows
    before: Rows
    after: Rows
    idle: Requests
    beside: Requests
    pruned: Pruned

    @property
    def deleted(self) -> int:
        return self.before.all - self.after.all

    def wrong(self) -> list[str]:
        """What must not be, however busy the machine is."""
        kept = Rows(self.before.tokens - self.dead.tokens, self.before.logins - self.dead.logins)
        wrong = []
        if self.after != kept:
            wrong.append(f"{kept} should have been left, and there are {self.after}.")
        wrong += [
            f"{requests.failed} requests failed {when}."
            for when, requests in (("before", self.idle), ("beside it", self.beside))
            if requests.failed
        ]
        return wrong

    def beyond_limits(self) -> list[str]:
        """What takes more memory or time than it may."""
        beyond = []
        if self.pruned.growth > MOST_GROWTH:
            beyond.append(f"Memory grew by more than {MOST_GROWTH:.0f} MB.")
        if self.pruned.longest_statement > LONGEST_STATEMENT:
            beyond.append(f"A statement took longer than {LONGEST_STATEMENT:.0f} s.")
        return beyond

    def table(self) -> str:
        pruned = self.pruned
        figures = [
            ("rows deleted", f"{self.deleted:,}", f"{self.dead.all:,}"),
            ("rows kept", f"{self.after.all:,}", f"{self.before.all - self.dead.all:,}"),
            ("seconds", f"{pruned.seconds:.1f}", ""),
            ("rows/s", f"{self.deleted / pruned.seconds:,.0f}", ""),
            ("RSS at start, MB", f"{pruned.rss_at_start:.1f}", ""),
            ("RSS at peak, MB", f"{pruned.rss_at_peak:.1f}", ""),
            ("RSS growth, MB", f"{pruned.growth:.1f}", f"{MOST_GROWTH:.0f}"),
            ("statements", f"{pruned.statements:,}", ""),
            ("longest statement, s", f"{pruned.longest_statement:.3f}", f"{LONGEST_STATEMENT:.0f}"),
            ("longest transaction, s", f"{pruned.longest_transaction:.3f}", ""),
        ]
        for when, requests in (("idle", self.idle), ("beside", self.beside)):
            figures += [
                (f"requests, {when}", f"{requests.requests:,}", ""),
                (f"requests failed, {when}", f"{requests.failed:,}", "0"),
                *(
                    (f"{name}, {when}, ms", f"{getattr(requests, name):.2f}", "")
                    for name in ("p50", "p99", "max")
                ),
            ]
        lines = [f"{'':<26}{'measured':>12}{'must be':>12}"]
        lines += [f"{name:<26}{value:>12}{limit:>12}".rstrip() for name, value, limit in figures]
        return "\n".join([*lines, f"The longest statement: {pruned.longest_sql}"])


def main() -> int:
    options = _options()
    # Whoever ends it leaves no database behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    django.setup()
    if connection.vendor != "postgresql":
        print("DATABASE_URL must name a database of PostgreSQL: postgres://…", file=sys.stderr)
        return 2
    measured = _measure(options.logins, options.tokens, options.seconds)
    print(measured.table())
    wrong = measured.wrong()
    if options.limits:
        wrong += measured.beyond_limits()
    for line in wrong:
        print(f"Wrong: {line}")
    return 1 if wrong else 0


def _measure(logins: int, tokens: int, seconds: float) -> Measured:
    # It imports models, for which Django must be set up.
    from benchmarks.dead_rows import fill

    name = f"tokenauth_prune_{os.getpid()}"
    with scratch_database(name) as environment:
        _say(f"Filling the database {name}.")
        call_command("migrate", verbosity=0, interactive=False)
        token = fill(logins, tokens)
        print(_machine())
        before = _rows()
        _say(f"Authenticating for {seconds:g} s.")
        with _authenticating(token, environment) as idle:
            time.sleep(seconds)
        _say("Pruning, and authenticating.")
        with _authenticating(token, environment) as beside:
            ran = subprocess.run(
                [sys.executable, "-m", "benchmarks.timed_prune"],
                env=environment,
                stdout=subprocess.PIPE,
                check=True,
            )
        pruned = Pruned(**json.loads(ran.stdout))
        return Measured(Rows(tokens, logins), before, _rows(), Requests(**idle), Requests(**beside), pruned)


@contextmanager
def _authenticating(token: str, environment: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Requests while the block runs; after it, what there is to tell of them is in the dictionary."""
    told: dict[str, Any] = {}
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.authenticate"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        written, read = _pipes(process)
        try:
            # Not as an argument, which everybody on the machine can read.
            written.write(f"{token}\n")
            written.flush()
            if read.readline() != "ready\n":
                raise RuntimeError("The authenticating process did not come up.")
            yield told
            # Closed, it tells; that it is no longer open is the sign to end.
            written.close()
            told.update(json.loads(read.read()))
        except BaseException:
            process.kill()
            raise


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def _rows() -> Rows:
    from tokenauth.models import AccessToken, TokenLogin

    return Rows(AccessToken.objects.count(), TokenLogin.objects.count())


def _machine() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (server,) = cursor.fetchone()
    return (
        f"{os.cpu_count()} cores, PostgreSQL {server}, Python {platform.python_version()}, "
        f"Django {django.get_version()}"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prune", description=__doc__)
    parser.add_argument(
        "--logins", type=int, default=1_000_000, help="old rows of the login log (default: 1000000)"
    )
    parser.add_argument("--tokens", type=int, default=200_000, help="dead tokens (default: 200000)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=15,
        help="how long requests are measured on the idle database (default: 15)",
    )
    parser.add_argument(
        "--no-limits",
        dest="limits",
        action="store_false",
        help="judge what was deleted and answered, and neither memory nor time",
    )
    return parser.parse_args()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

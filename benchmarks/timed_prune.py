"""The command ``prunetokens``, with its memory and each of its statements measured.

``python -m benchmarks.timed_prune`` is started by a benchmark, as a process of its own, and writes a line of
JSON. Its memory is read from ``/proc``, which Linux has.
"""

import json
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from time import perf_counter
from typing import Any

import django
from django.core.management import call_command
from django.db import connection


class Clock:
    """Times each statement of the connection, and the commits, in which PostgreSQL checks foreign keys."""

    def __init__(self) -> None:
        self.statements = 0
        self.longest: tuple[float, str] = (0.0, "")
        self.longest_transaction = 0.0
        self._began: float | None = None
        self._commit = connection.commit
        connection.commit = self._timed_commit  # type: ignore[method-assign]

    def __call__(self, execute: Callable[..., Any], sql: str, *args: Any) -> Any:
        start = perf_counter()
        if connection.in_atomic_block and self._began is None:
            self._began = start
        try:
            return execute(sql, *args)
        finally:
            self._note(sql, start)

    def _timed_commit(self) -> None:
        start = perf_counter()
        self._commit()
        self._note("COMMIT", start)
        if self._began is not None:
            self.longest_transaction = max(self.longest_transaction, perf_counter() - self._began)
            self._began = None

    def _note(self, sql: str, start: float) -> None:
        self.statements += 1
        self.longest = max(self.longest, (perf_counter() - start, sql))


def main() -> None:
    django.setup()
    connection.ensure_connection()
    clock, out = Clock(), StringIO()
    rss_at_start = _memory("VmRSS")
    with connection.execute_wrapper(clock):
        # What it also counts for whoever watches it on a terminal.
        call_command("prunetokens", "--dry-run", stdout=out)
        start = perf_counter()
        call_command("prunetokens", stdout=out)
        seconds = perf_counter() - start
    longest, sql = clock.longest
    print(
        json.dumps(
            {
                "said": out.getvalue().splitlines(),
                "seconds": seconds,
                "rss_at_start": rss_at_start,
                "rss_at_peak": _memory("VmHWM"),
                "statements": clock.statements,
                "longest_statement": longest,
                "longest_sql": re.sub(r"%s(, %s)+", "…", sql)[:200],
                "longest_transaction": clock.longest_transaction,
            }
        )
    )


def _memory(name: str) -> float:
    """``VmRSS``, or ``VmHWM``, the most it ever was; in megabytes."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    kibibytes, _ = status[name].split()
    return int(kibibytes) * 1024 / 1e6


if __name__ == "__main__":
    main()

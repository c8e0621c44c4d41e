"""The benchmark of the prune, with few rows: that it measures, and judges. How fast it is, no test says."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from benchmarks.prune import Measured, Pruned, Requests, Rows

ROOT = Path(__file__).parents[2]
FEW = ("--logins", "2000", "--tokens", "400", "--seconds", "1", "--no-limits")

on_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql",
    reason="the benchmark of the prune fills PostgreSQL. It is run by "
    "DATABASE_URL=postgres://postgres@127.0.0.1/postgres pytest --long tests/services",
)


def benchmark(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "benchmarks.prune", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_there(database: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
        return cursor.fetchone() is not None


@pytest.mark.django_db
@on_postgresql
def test_it_prunes_a_database_of_its_own_and_says_what_it_measured() -> None:
    with benchmark(*FEW) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    # Not the text of the statement that took longest.
    lines = re.findall(r"^(.{26}) +([\d.,]+)(?: |$)", out, re.MULTILINE)
    figures = {name.strip(): float(value.replace(",", "")) for name, value in lines if name.strip()}
    # Of the rows that stay: a token for every ten dead ones, a login for every five, and the caller's token.
    assert (figures["rows deleted"], figures["rows kept"]) == (2400, 40 + 400 + 1)
    assert figures["requests failed, idle"] == figures["requests failed, beside"] == 0
    assert figures["requests, idle"] > 1
    assert figures["requests, beside"] > 1
    for when in ("idle", "beside"):
        assert 0 < figures[f"p50, {when}, ms"] <= figures[f"p99, {when}, ms"] <= figures[f"max, {when}, ms"]
    assert 0 < figures["longest statement, s"] <= figures["seconds"]
    assert 0 < figures["RSS at start, MB"] <= figures["RSS at peak, MB"]
    (database,) = re.findall(r"Filling the database (\w+)", err)
    assert not is_there(database)


@pytest.mark.django_db
@on_postgresql
def test_ended_in_the_middle_it_leaves_no_database() -> None:
    with benchmark(*FEW[:4], "--seconds", "60") as process:
        assert process.stderr is not None
        (database,) = re.findall(r"Filling the database (\w+)", process.stderr.readline())
        assert is_there(database)
        assert process.stderr.readline() == "Authenticating for 60 s.\n"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert not is_there(database)


def test_on_another_database_it_says_what_it_needs() -> None:
    environment = {**os.environ, "DATABASE_URL": "sqlite://:memory:"}
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.prune"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "postgres://" in ran.stderr


GOOD = Measured(
    dead=Rows(tokens=400, logins=2000),
    before=Rows(tokens=441, logins=2400),
    after=Rows(tokens=41, logins=400),
    idle=Requests(requests=10, failed=0, p50=1, p99=2, max=3),
    beside=Requests(requests=10, failed=0, p50=1, p99=2, max=3),
    pruned=Pruned(
        said=[],
        seconds=2,
        rss_at_start=60,
        rss_at_peak=160,
        statements=9,
        longest_statement=1,
        longest_sql="DELETE",
        longest_transaction=1.5,
    ),
)


def test_what_is_within_the_limits_is_right() -> None:
    assert GOOD.wrong() == []
    assert GOOD.beyond_limits() == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"after": Rows(tokens=42, logins=400)}, "logins=400) should have been left"),
        ({"after": Rows(tokens=41, logins=399)}, "logins=400) should have been left"),
        ({"idle": dataclasses.replace(GOOD.idle, failed=1)}, "1 requests failed before"),
        ({"beside": dataclasses.replace(GOOD.beside, failed=2)}, "2 requests failed beside"),
    ],
)
def test_what_must_not_be_is_said(changed: dict[str, object], said: str) -> None:
    (line,) = dataclasses.replace(GOOD, **changed).wrong()  # type: ignore[arg-type]
    assert said in line


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rss_at_peak": 160.1}, "more than 100 MB"),
        ({"longest_statement": 1.001}, "longer than 1 s"),
    ],
)
def test_what_is_beyond_a_limit_is_said(changed: dict[str, float], said: str) -> None:
    pruned = dataclasses.replace(GOOD.pruned, **changed)  # type: ignore[arg-type]
    (line,) = dataclasses.replace(GOOD, pruned=pruned).beyond_limits()
    assert said in line

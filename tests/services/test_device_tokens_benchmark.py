"""The benchmark of device tokens, with few threads: that it measures, and judges. How fast, no test says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from benchmarks.device_tokens import Client, Measured, table

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(
    connection.vendor != "postgresql",
    reason="the benchmark of device tokens is of PostgreSQL. It is run by "
    "DATABASE_URL=postgres://postgres@127.0.0.1/postgres pytest --long tests/services",
)
def test_it_says_what_it_measured_and_leaves_no_database() -> None:
    few = ("--seconds", "1.5", "--threads", "3")
    run = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "benchmarks.device_tokens", *few],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    found = re.findall(r"^(\S.{31}) +(\S+)", run.stdout, re.MULTILINE)
    figures = {name.strip(): float(value.replace(",", "")) for name, value in found}
    for kind in ("access token", "device token"):
        assert figures[f"requests refused, {kind}"] == 0
        assert figures[f"requests, {kind}"] > 3
        assert 0 < figures[f"p50, {kind}, ms"] <= figures[f"p99, {kind}, ms"] <= figures[f"max, {kind}, ms"]
    assert figures["replays"] > 0
    assert figures["replays accepted"] == 0


def client(**counted: int) -> Client:
    return Client(dict, "10.0.0.1", [0.001, 0.002], **counted)


def test_what_must_not_be_is_wrong() -> None:
    right = Measured.of("device token", 2.0, [client(replays=2), client(replays=1)])
    assert (right.requests, right.replays, right.wrong()) == (4, 3, [])
    assert "replays                                    3" in table([right])
    refused = Measured.of("device token", 2.0, [client(refused=1), client()])
    assert refused.wrong() == ["1 requests with device tokens were refused."]
    replayed = Measured.of("device token", 2.0, [client(replays=2, replays_accepted=1)])
    assert replayed.wrong() == ["1 replays were accepted."]

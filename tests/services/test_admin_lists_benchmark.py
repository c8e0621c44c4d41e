"""The benchmark of the admin's lists, with few rows: that it opens them, and judges. How fast, no test says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from benchmarks.admin_lists import LONGEST, Opened, Page

ROOT = Path(__file__).parents[2]
FEW = ("--tokens", "1500", "--logins", "1500", "--times", "1", "--no-limits")


@pytest.mark.django_db
def test_it_opens_each_list_and_filter_in_a_database_of_its_own() -> None:
    ran = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "benchmarks.admin_lists", *FEW],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "Filling 1,500 tokens and 1,500 logins." in ran.stderr
    machine, heading, *lines = ran.stdout.splitlines()
    assert connection.display_name in machine
    assert heading.split() == ["queries", "median", "max,", "s"]
    opened = [
        re.fullmatch(r"(tokens?|logins)(.*?) +(\d+) +([\d.]+) +([\d.]+)(  late)?", line) for line in lines
    ]
    assert all(opened)
    of = {model: [match for match in opened if match and match[1] == model] for model in ("tokens", "logins")}
    assert (len(of["tokens"]), len(of["logins"])) == (23, 18)
    for model, most in (("tokens", 6), ("logins", 5)):
        for match in of[model]:
            # As many as test_token_list.py counts, and whose session it is.
            assert 2 <= int(match[3]) <= most
            assert 0 < float(match[4]) <= float(match[5])


@pytest.mark.parametrize(
    ("page", "seconds", "is_late"),
    [
        (Page("a", "/"), [LONGEST], False),
        (Page("a", "/"), [0.5, LONGEST + 0.01, 2], True),
        (Page("a", "/"), [0.5, 0.6, 9], False),
        (Page("a", "/", is_limited=False), [9], False),
    ],
)
def test_what_takes_longer_most_of_the_time_is_late(page: Page, seconds: list[float], is_late: bool) -> None:
    opened = Opened(page, seconds, queries=5)
    assert opened.is_late == is_late
    assert opened.line().endswith("late") == is_late

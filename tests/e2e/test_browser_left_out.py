"""Where there is no browser, the tests in one are left out, and say so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.process import run_python

ROOT = Path(__file__).parents[2]


def test_it_says_how_to_run_them(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "CHROMIUM"}
    environment["PATH"] = str(tmp_path)
    options = ("-p", "no:cacheprovider", "--numprocesses=0")
    done = run_python("-m", "pytest", "tests/e2e/browser", *options, cwd=ROOT, env=environment)
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, done.stdout + done.stderr
    for part in ("Chromium not found", "package chromium", 'pip install -e ".[dev,browser]"'):
        assert part in done.stdout

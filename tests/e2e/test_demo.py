"""The demo as a newcomer runs it: a process of its own, a real server, real requests."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.process import run_python

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'demo.sqlite3'}",
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "testproject.settings",
    }


def demo(environment: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    return run_python("manage.py", "demo", "--once", *args, cwd=ROOT, env=environment)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_it_walks_through_the_answers_and_can_be_run_again(
    environment: dict[str, str], taken_port: int
) -> None:
    for _ in range(2):
        run = demo(environment, "--port", str(taken_port))
        assert run.returncode == 0, run.stdout + run.stderr
        assert run.stderr == ""
        statuses = re.findall(r"^   HTTP (\d+)", run.stdout, re.MULTILINE)
        assert statuses == ["200", "403", "401", "401", "401"]
        assert re.findall(r'"reason": "(\w+)"', run.stdout) == [
            "insufficient_scope",
            "malformed",
            "revoked",
            "missing",
        ]
        (port,) = re.findall(r"^Serving at http://127\.0\.0\.1:(\d+)$", run.stdout, re.MULTILINE)
        assert int(port) != taken_port
        assert run.stdout.count("$ curl -i ") == 5


def test_it_keeps_serving_until_it_is_interrupted_and_its_lines_can_be_copied(
    environment: dict[str, str],
) -> None:
    command = [sys.executable, "manage.py", "demo", "--port", "0"]
    with subprocess.Popen(  # noqa: S603
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            lines: list[str] = []
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line)
                if "Ctrl-C" in line:
                    break
            text = "".join(lines)
            assert "sign in as admin" in text
            curl = re.findall(r"^   \$ (curl .*)$", text, re.MULTILINE)
            assert _status(curl[0]) == "200"
            assert _status(curl[1]) == "403"
        finally:
            process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=30)
    assert "Stopped." in rest
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_an_unexpected_answer_fails_it(environment: dict[str, str]) -> None:
    # The same walk against a project whose views lost their guard.
    sabotage = (
        "import django; django.setup(); from tokenauth.permissions import HasScopes; "
        "HasScopes.has_permission = lambda *args: True; "
        "from django.core.management import execute_from_command_line as run; "
        "run(['manage.py', 'demo', '--once', '--port', '0'])"
    )
    run = run_python("-c", sabotage, cwd=ROOT, env=environment)
    assert run.returncode == 1
    assert "NOT AS EXPECTED: it should have been 403 insufficient_scope." in run.stdout
    assert "not as expected" in run.stderr


@pytest.mark.parametrize("port", ["-1", "65536", "x"])
def test_what_is_no_port_is_said(environment: dict[str, str], port: str) -> None:
    run = demo(environment, f"--port={port}")
    assert run.returncode == 2
    assert "not a port" in run.stderr


def _status(curl: str) -> str:
    """The status of the request that a printed line makes, as a shell would run it."""
    if not any((Path(folder) / "curl").exists() for folder in os.environ["PATH"].split(os.pathsep)):
        pytest.skip("curl is not installed: the printed lines were not run. Install curl to run them.")
    run: Any = subprocess.run(curl, shell=True, capture_output=True, text=True, timeout=30, check=True)  # noqa: S602
    return str(run.stdout.split()[1])

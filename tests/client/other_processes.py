"""Programs of other processes, in which Django cannot be imported."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

_WITHOUT_DJANGO = "import sys\nsys.modules['django'] = None\n"


@contextmanager
def running(program: str, *arguments: object, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """It runs while something else is done, and is killed if it does not end by itself then."""
    with subprocess.Popen(  # noqa: S603 - our own interpreter, and a program of these tests
        [sys.executable, "-c", _WITHOUT_DJANGO + dedent(program), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise
        finally:
            if process.stdin is not None and not process.stdin.closed:
                process.stdin.close()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def output(program: str, *arguments: object, **environment: str) -> str:
    """What it printed, after it ended well."""
    with running(program, *arguments, **environment) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
    assert process.returncode == 0
    return printed.strip()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str], line: object = "") -> None:
    assert process.stdin is not None
    print(line, file=process.stdin, flush=True)

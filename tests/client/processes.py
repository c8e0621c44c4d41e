"""Programs that use the client, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from django.conf import settings

from tokenauth.devices.applications import sdk_configuration

if TYPE_CHECKING:
    from tests.client.program import Program

# What each begins with. ``told`` is what the test tells it.
_BEGIN = """
import json, sys
from pathlib import Path
told = json.loads(sys.stdin.readline())
"""
# A client in them, with what the machine of the program keeps.
CLIENT = """
from tokenauth.client import (
    EncryptedFileKeychain, PowerAuth, PowerAuthAuthentication, PowerAuthConfiguration, PowerAuthError
)
import httpx
configuration = PowerAuthConfiguration.from_sdk_configuration(
    told["configuration"], told["url"], enable_unsecure_traffic=True
)
def start(**arguments):
    given = {"keychain": EncryptedFileKeychain(Path(told["directory"], "keychain")), **arguments}
    return PowerAuth("field-app", configuration, directory=Path(told["directory"], "state"), **given)
possession = PowerAuthAuthentication.possession()
"""


def started(code: str, program: Program, /, **told: Any) -> subprocess.Popen[str]:
    """A process that runs ``code``, with ``told`` and what it needs to know of ``program``."""
    process = subprocess.Popen(  # noqa: S603 - a program of this test's own
        [sys.executable, "-c", _BEGIN + code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=settings.BASE_DIR,
        env={**os.environ, "NO_PROXY": "*"},
    )
    known = {
        "configuration": sdk_configuration(program.release),
        "url": program.url,
        "directory": str(program.directory),
    }
    say(process, json.dumps({**known, **told}))
    return process


def say(process: subprocess.Popen[str], line: str = "") -> None:
    assert process.stdin
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def heard(process: subprocess.Popen[str]) -> str:
    """The next line that it prints."""
    assert process.stdout
    line = process.stdout.readline().strip()
    if not line:
        raise AssertionError(ended(process)[1])
    return line


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """All the rest that it printed, once it has ended."""
    return process.communicate(timeout=60)


def run(code: str, program: Program, /, **told: Any) -> str:
    """What ``code`` has printed.

    :raises AssertionError: it has failed.
    """
    process = started(code, program, **told)
    printed, errors = ended(process)
    assert process.returncode == 0, errors
    return printed

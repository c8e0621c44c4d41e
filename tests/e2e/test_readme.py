"""The steps of the README, and of the page on devices, on a project as ``startproject`` makes it."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.process import run_python
from tests.test_documentation import DEVICES, example

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Run = Callable[..., str]

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"

ASK = """
from django.test import Client
client = Client(SERVER_NAME="localhost", headers={"Authorization": "Bearer TOKEN"})
for answer in (client.get("/reports"), client.post("/reports")):
    print(answer.status_code, answer.json())
"""

# An app, with what its SDK is configured with, and the code that its user types.
ACTIVATE = """
from django.core.management import call_command
from django.test import Client
from tests.devices.installation import Installation, through
from tokenauth.devices.protocol.sdk_configuration import SdkConfiguration
send = through(Client(SERVER_NAME="localhost"))
device = Installation(SdkConfiguration.parse(CONFIGURATION), send=send).activate(CODE)
print(device.try_to_create_token().status)
call_command("commitdevice", device.activation_id)
token = device.create_token()
for path in ("/visits", "/plain-visits", "/reports"):
    print(device.get(path, token).status)
print(device.send("/new-visit", b"{}", uri_id="/visits").status)
"""


def append(project: Path, examples: Iterable[tuple[str, str]]) -> None:
    for name, text in examples:
        with (project / "mysite" / name).open("a") as file:
            file.write(text)


def commands_of(page: Path) -> list[list[str]]:
    lines = re.findall(r"^ *python (manage\.py .*)$", page.read_text(), re.MULTILINE)
    return [shlex.split(line) for line in lines]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run Python in a new project, to which what the README says was added."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO")}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "DEVICE_ENCRYPTION_KEY": "d" * 48}

    def run(*args: str) -> str:
        done = run_python(*args, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("-m", "django", "startproject", "mysite", ".")
    append(tmp_path, re.findall(r"```python\n# (\w+\.py)\n(.*?)```", README.read_text(), re.DOTALL))
    return run


def test_it_is_added_to_a_project_by_the_readme(run: Run) -> None:
    run("manage.py", "check", "--fail-level", "WARNING")
    migrate, createsuperuser, createtoken, runserver = commands_of(README)
    assert runserver == ["manage.py", "runserver"]
    run(*migrate)
    run(*createsuperuser, "--email", "alice@example.com", "--noinput")
    raw = run(*createtoken).strip()
    assert re.fullmatch(r"pat_[0-9A-Za-z]{36}", raw)
    ask = ASK.replace("TOKEN", raw)
    answers = run("manage.py", "shell", "--verbosity", "0", "--command", ask).splitlines()
    assert answers[0] == "200 {'reports': [], 'for': 'alice'}"
    assert answers[1].startswith("403 ")
    assert "insufficient_scope" in answers[1]


def test_a_device_is_let_in_by_its_page(run: Run, tmp_path: Path) -> None:
    append(
        tmp_path,
        [
            ("settings.py", example(DEVICES, "settings.py: devices")),
            ("urls.py", example(DEVICES, "urls.py: devices")),
            ("views.py", example(DEVICES, "views.py: devices")),
            ("urls.py", example(DEVICES, "urls.py: views for devices")),
        ],
    )
    run("manage.py", "check", "--fail-level", "WARNING")
    run("manage.py", "migrate")
    _, createsuperuser, *_ = commands_of(README)
    run(*createsuperuser, "--email", "alice@example.com", "--noinput")
    said: dict[str, str] = {}
    for command in commands_of(DEVICES):
        if command[1] in ("createdeviceapplication", "activatedevice"):
            said |= dict(line.split("=", 1) for line in run(*command).splitlines())
    names = {"CONFIGURATION": said["SDK_CONFIGURATION"], "CODE": said["ACTIVATION_CODE"]}
    told = "".join(f"{name} = {value!r}\n" for name, value in names.items())
    answers = run("manage.py", "shell", "--verbosity", "0", "--command", told + ACTIVATE).splitlines()
    committed = answers.pop(1)
    assert "Petra's tablet” of alice" in committed
    assert answers == ["401", "200", "200", "200", "200"]

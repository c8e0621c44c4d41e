"""A how-to, walked: its own code, in a project as ``startproject`` makes it, served while it changes.

Of a page, the numbered sections are the steps. In a step, a Python block whose first line is
``# <file>.py: <what>`` is added to that file of the project; one of ``# <file>.py, anew: <what>``
takes the place of all that the page had put there. A ``sh`` block is run in the project. Then it is
deployed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from tests.e2e.process import run_python
from tests.e2e.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
HOW_TOS = ROOT / "docs" / "how-to"

# What a project has of its own, and is not what the pages are about.
OWN_SETTINGS = """
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Two deployments and the commands write side by side.
DATABASES["default"]["OPTIONS"] = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA synchronous=OFF;",
}
"""


@dataclass(frozen=True)
class Block:
    language: str
    # The first line's comment, of a Python block.
    name: str
    text: str

    @property
    def file(self) -> str | None:
        found = re.match(r"(\w+\.py)(, anew)?: ", self.name)
        return found[1] if found else None


class Page:
    """The blocks of a page by the numbers of its steps, and those that belong to none by name."""

    def __init__(self, path: Path) -> None:
        self.steps: dict[int, list[Block]] = {}
        self.others: dict[str, str] = {}
        for section in re.split(r"^## ", path.read_text(), flags=re.MULTILINE)[1:]:
            number = re.match(r"(\d+)\. ", section)
            blocks = [
                Block(language, *self._named(language, text))
                for language, text in re.findall(
                    r"^ *```(python|sh)\n(.*?)^ *```", section, re.DOTALL | re.MULTILINE
                )
            ]
            for block in blocks:
                if number and (block.language == "sh" or block.file):
                    self.steps.setdefault(int(number[1]), []).append(block)
                else:
                    self.others[block.name] = block.text

    @staticmethod
    def _named(language: str, text: str) -> tuple[str, str]:
        first, rest = dedent(text).split("\n", 1)
        return (first.removeprefix("# "), rest) if language == "python" else ("", text)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any


class Walk:
    """The project of one page. Close it."""

    def __init__(self, page: str, directory: Path) -> None:
        self.page = Page(HOW_TOS / page)
        self.directory = directory
        # The last step that was taken.
        self.step = 0
        self._servers: list[subprocess.Popen[str]] = []
        self._log = directory / "server.log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO")}
        self._environment = environment | {
            # "python" on the page is the one that runs the tests.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "error",
            # A file that is replaced within the second by one as long would be taken from the cache.
            "PYTHONDONTWRITEBYTECODE": "1",
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
        }
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(128)
        # Shared with the servers: one of two that see the same connection must not wait for the next.
        self._listener.settimeout(0)
        self.address = self._listener.getsockname()
        startproject = run_python(
            "-m",
            "django",
            "startproject",
            "mysite",
            ".",
            cwd=directory,
            env=self._environment | {"DJANGO_SETTINGS_MODULE": ""},
        )
        assert startproject.returncode == 0, startproject.stderr
        with (directory / "mysite" / "settings.py").open("a") as file:
            file.write(OWN_SETTINGS)
        shutil.copytree(directory / "mysite", directory / "made")
        self.traffic = Traffic(self)

    def take(self, number: int) -> list[str]:
        """Take the next step and deploy it; what its commands printed."""
        following = [step for step in self.page.steps if step > self.step]
        assert number == min(following), "the steps of a page come one after the other"
        self.step = number
        printed = []
        for block in self.page.steps[number]:
            if block.file:
                self.write(block.file, block.text, anew=", anew: " in block.name)
            else:
                printed.append(self.run(block.text))
        self.deploy()
        return printed

    @property
    def is_done(self) -> bool:
        """Whether the last step of the page has been taken, and no block was left out."""
        return self.step == max(self.page.steps) and not self.page.others

    def other(self, name: str) -> str:
        """The block of this name, which belongs to no step."""
        return self.page.others.pop(name)

    def write(self, name: str, text: str, *, anew: bool = False) -> None:
        """Add ``text`` to a file of the project; ``anew``: to what ``startproject`` put there alone."""
        file = self.directory / "mysite" / name
        before = self.directory / "made" / name if anew else file
        file.write_text((before.read_text() if before.exists() else "") + text)

    def run(self, command: str) -> str:
        """Run a command of the page in the project; what it printed."""
        done = subprocess.run(  # noqa: S602 - as the page writes it, with its redirections
            f"set -e\n{command}",
            shell=True,
            cwd=self.directory,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        return done.stdout

    def python(self, code: str) -> Any:
        """What ``code`` leaves in ``result``, in a shell of the project."""
        code = f"{code}\nimport json\nprint(json.dumps(result))"
        done = run_python(
            "manage.py", "shell", "-v", "0", "-c", code, cwd=self.directory, env=self._environment
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def deploy(self) -> None:
        """Serve the project as it is now. The former server answers beside the new one, then finishes."""
        former = list(self._servers)
        with self._log.open("a") as log:
            server = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "tests.e2e.serve", str(self._listener.fileno())],
                cwd=self.directory,
                env=self._environment,
                pass_fds=[self._listener.fileno()],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._servers.append(server)
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n", self.log
        self.traffic.go_round()
        for one in former:
            self._finish(one)
            self.traffic.go_round()

    @property
    def log(self) -> str:
        """What all the servers have logged."""
        return self._log.read_text()

    def ask(self, method: str, path: str, headers: Mapping[str, str], data: Any = None) -> Answer:
        connection = HTTPConnection(*self.address, timeout=30)
        try:
            sent = None if data is None else json.dumps(data)
            connection.request(method, path, sent, {"Content-Type": "application/json", **headers})
            response = connection.getresponse()
            text = response.read()
            is_json = text and response.headers.get_content_type() == "application/json"
            body = json.loads(text) if is_json else text.decode()
            return Answer(response.status, dict(response.getheaders()), body)
        finally:
            connection.close()

    def close(self) -> None:
        self.traffic.stop()
        for server in list(self._servers):
            self._finish(server)
        self._listener.close()

    def _finish(self, server: subprocess.Popen[str]) -> None:
        self._servers.remove(server)
        # Closes its pipe, and waits for it.
        with server:
            server.terminate()
            try:
                server.wait(timeout=30)
            except subprocess.TimeoutExpired:
                server.kill()
                raise

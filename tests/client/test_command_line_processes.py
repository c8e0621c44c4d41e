"""The command line as a process: at a terminal, in a pipe, interrupted, and with what is not installed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet

from tests.client.command_line import PIN, SITES, WRONG_PIN, CommandLine, command_line
from tests.test_documentation import ROOT
from tokenauth.client.command_line.options import KEY_VARIABLE
from tokenauth.devices.models import Activation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["command_line"]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(os.name != "posix", reason="terminals, signals and shells are POSIX's"),
]

# Cannot import what is named, and then is ``python -m tokenauth.client``.
WITHOUT = """
import runpy, sys
from importlib.abc import MetaPathFinder

class Missing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
runpy.run_module("tokenauth.client", run_name="__main__", alter_sys=True)
"""

# A keychain that is there, and does not open.
LOCKED = """
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

class Keyring(KeyringBackend):
    priority = 5

    def get_password(self, service, username):
        raise KeyringLocked("locked")

    set_password = delete_password = get_password
"""


@pytest.fixture
def terminal(command_line: CommandLine) -> Iterator[Terminal]:
    terminal = Terminal(command_line)
    yield terminal
    terminal.close()


class Terminal:
    """Somebody sits there, and types when they are asked."""

    def __init__(self, command_line: CommandLine) -> None:
        self._command_line = command_line
        self._master, self._slave = os.openpty()
        self.process: subprocess.Popen[bytes] | None = None
        self._shown = b""

    def start(self, *words: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "tokenauth.client", *words],
            stdin=self._slave,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._command_line.environment({}),
            # getpass then reads from this terminal, and not from the one that the tests may have.
            start_new_session=True,
        )

    def answer(self, question: str, text: str) -> None:
        self.wait_for(question)
        self.type(text)

    def type(self, text: str, encoding: str = "utf-8") -> None:
        os.write(self._master, f"{text}\n".encode(encoding))

    def wait_for(self, question: str) -> None:
        assert self.process is not None
        assert self.process.stderr is not None
        while question.encode() not in self._shown:
            more = os.read(self.process.stderr.fileno(), 1024)
            assert more, self._shown
            self._shown += more
        self._shown = self._shown.partition(question.encode())[2]

    def end(self) -> tuple[int, str, str]:
        assert self.process is not None
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out.decode(), (self._shown + err).decode()

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        os.close(self._master)
        os.close(self._slave)


def test_at_a_terminal(command_line: CommandLine, terminal: Terminal) -> None:
    new = command_line.code(commit_at_once=True)
    file = ("--keychain-file", str(command_line.file))
    terminal.start("activate", *command_line.server(), *file)
    terminal.answer("Activation code: ", new.code)
    terminal.answer("Choose a PIN: ", PIN)
    terminal.answer("The same PIN again: ", PIN)
    status, out, err = terminal.end()
    assert status == 0, err
    assert out.startswith(f"activation id  {new.activation.pk}\n")
    assert PIN not in out + err

    terminal.start("token", "request", "sync", "--factors", "possession_knowledge", *file)
    terminal.answer("PIN: ", PIN)
    assert terminal.end()[0] == 0

    terminal.start("remove", *file)
    terminal.answer("[y/N] ", "n")
    assert terminal.end() == (1, "", "error: Nothing was removed.\n")
    terminal.start("remove", *file)
    terminal.answer("[y/N] ", "y")
    terminal.answer("PIN: ", PIN)
    assert terminal.end()[0] == 0
    assert Activation.objects.get().status == Activation.Status.REMOVED


def test_two_pins_that_are_not_the_same(command_line: CommandLine, terminal: Terminal) -> None:
    new = command_line.code()
    terminal.start(*("activate", new.code, *command_line.server(), "--keychain-file", str(command_line.file)))
    terminal.answer("Choose a PIN: ", PIN)
    terminal.answer("The same PIN again: ", WRONG_PIN)
    status, out, err = terminal.end()
    assert (status, out) == (1, "")
    assert err.endswith("error: The two are not the same. Nothing was done.\n")
    new.activation.refresh_from_db()
    assert new.activation.status == Activation.Status.CREATED
    assert not command_line.file.exists()


def test_another_was_quicker(command_line: CommandLine, terminal: Terminal) -> None:
    new = command_line.code()
    terminal.start(
        *("activate", new.code, *command_line.server(), "--protocol-version", "3.1"),
        *("--keychain-file", str(command_line.file)),
    )
    terminal.wait_for("Choose a PIN: ")
    other = command_line.activate()
    terminal.type(PIN)
    terminal.answer("The same PIN again: ", PIN)
    status, _, err = terminal.end()
    assert status == 1
    assert err.endswith("code: INVALID_ACTIVATION_STATE\n")
    # What is kept is of that one alone.
    assert "by PowerAuth 3.3" in command_line("configure").err
    assert str(other.pk) in command_line("status").done()


def test_an_interruption(command_line: CommandLine, terminal: Terminal) -> None:
    command_line.activate()
    terminal.start("sign", "POST", "/visits", "--keychain-file", str(command_line.file))
    terminal.wait_for("PIN: ")
    assert terminal.process is not None
    terminal.process.send_signal(signal.SIGINT)
    status, out, err = terminal.end()
    assert (status, out, err.strip()) == (130, "", "")


def test_nobody_to_ask(command_line: CommandLine) -> None:
    words = ("--keychain-file", str(command_line.file))
    new = command_line.code(commit_at_once=True)
    without_code = command_line.alone("activate", *command_line.server(), *words, lines=(new.code,))
    assert "no terminal to ask for the code at" in without_code.err
    without_pin = command_line.alone(
        "activate", "-", *command_line.server(), *words, lines=(new.code, PIN, PIN)
    )
    assert without_pin.status == 1
    assert "no terminal to ask for the PIN at" in without_pin.err
    command_line.alone(
        *("activate", "-", "--password-stdin", *command_line.server(), *words), lines=(new.code, PIN)
    ).done()


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_a_pin_of_another_character_set(command_line: CommandLine, terminal: Terminal, errors: str) -> None:
    command_line.monkeypatch.setenv("PYTHONIOENCODING", f"utf-8:{errors}")
    command_line.activate()
    file = ("--keychain-file", str(command_line.file))
    terminal.start("sign", "POST", "/a", "--factors", "possession_knowledge", *file)
    terminal.wait_for("PIN: ")
    terminal.type("café", "latin-1")
    status, out, err = terminal.end()
    assert (status, out) == (1, "")
    assert "UTF-8" in err
    assert "Traceback" not in err
    assert "caf" not in err


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", [("token", "list"), ("status", "--help")])
def test_a_reader_that_has_gone(command_line: CommandLine, words: tuple[str, ...], unbuffered: str) -> None:
    command_line.activate()
    command_line("token", "request", "sync").done()
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "tokenauth.client", *words, "--keychain-file", str(command_line.file)],
        stdout=writer,
        stderr=subprocess.PIPE,
        env=command_line.environment({"PYTHONUNBUFFERED": unbuffered}),
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert done.stderr == b""
    # Of help, argparse may have seen it, and does not mind.
    assert done.returncode in ((0, 1) if "--help" in words else (1,))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is Linux's")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_disk_that_is_full(command_line: CommandLine, unbuffered: str) -> None:
    command_line.activate()
    command_line("token", "request", "sync").done()
    with open("/dev/full", "wb") as full:
        done = subprocess.run(  # noqa: S603
            [
                sys.executable,
                "-m",
                "tokenauth.client",
                "token",
                "list",
                f"--keychain-file={command_line.file}",
            ],
            stdout=full,
            stderr=subprocess.PIPE,
            env=command_line.environment({"PYTHONUNBUFFERED": unbuffered}),
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == b"error: Standard output cannot be written: No space left on device.\n"


def test_what_a_character_set_has_not(command_line: CommandLine) -> None:
    command_line.activate()
    command_line("token", "request", "Zähler").done()
    words = ("token", "list", f"--keychain-file={command_line.file}")
    listed = command_line.alone(*words, environment={"PYTHONIOENCODING": "ascii"})
    assert listed.status == 1
    assert "Set PYTHONIOENCODING=utf-8." in listed.err
    assert "Z\\xe4hler" not in listed.err
    assert "Zähler" in command_line.alone(*words, environment={"PYTHONIOENCODING": "utf-8"}).done()


@pytest.mark.parametrize(
    ("closed", "words", "status", "told"),
    [
        ("stdout", ["token", "list"], 1, "error: Standard output is closed.\n"),
        ("stdout", ["token", "remove", "sync", "--local"], 0, "Removed here. It is left on the server.\n"),
        ("stderr", ["token", "list"], 0, ""),
        ("stderr", ["token", "header", "nothing"], 1, ""),
        (
            "stdin",
            ["token", "request", "b", "--factors", "possession_knowledge", "--password-stdin"],
            1,
            "PIN",
        ),
        ("stdin", ["sign", "POST", "/a", "--body-file", "-", "--possession"], 1, "Standard input is closed."),
        ("stdin", ["remove"], 1, "Add --yes to do it."),
        (
            "stdin",
            ["activate", "--instance", "another", "--password-stdin"],
            1,
            "no terminal to ask for the code",
        ),
    ],
)
def test_what_is_started_without_one_of_the_three(
    command_line: CommandLine, closed: str, words: list[str], status: int, told: str
) -> None:
    """As services are, by some that start them."""
    command_line.activate()
    command_line("token", "request", "sync").done()
    if "activate" in words:
        words = [*words, *command_line.server()]
    descriptor = ("stdin", "stdout", "stderr").index(closed)
    # Closed in the shell: what a process starts, it starts with all three.
    command = [sys.executable, "-m", "tokenauth.client", *words, f"--keychain-file={command_line.file}"]
    done = subprocess.run(  # noqa: S603
        ["/bin/sh", "-c", f'exec "$@" {descriptor}>&-', "sh", *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=command_line.environment({}),
        timeout=60,
        check=False,
        start_new_session=True,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == status, done.stderr
    assert told in done.stderr


def test_the_line_for_curl(command_line: CommandLine, tmp_path: Path) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    command_line.monkeypatch.setenv(KEY_VARIABLE, Fernet.generate_key().decode())
    new = command_line.code(commit_at_once=True)
    activate = ("activate", "-", "--password-stdin", *command_line.server())
    command_line.alone(*activate, lines=(new.code, PIN)).done()
    command_line.alone("token", "request", "sync").done()
    # As the help has it, where python is the one of these tests.
    line = next(
        line.strip()
        for line in command_line.alone("token", "header", "--help").done().splitlines()
        if line.strip().startswith("curl ")
    )
    line = line.replace("NAME", "sync").replace("URL", command_line.url + SITES)
    (tmp_path / "python").symlink_to(sys.executable)
    path = os.pathsep.join([os.path.dirname(sys.executable), str(tmp_path), os.environ["PATH"]])

    def typed(line: str) -> str:
        quiet = line.replace("curl ", "curl -s -o /dev/null -w '%{http_code} ' ")
        return subprocess.run(  # noqa: S603
            ["/bin/sh", "-c", quiet],
            env=command_line.environment({"PATH": path}),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout

    assert typed(line) == "200 "
    command = re.search(r"\$\(.*\)", line)
    assert command is not None
    once = (
        f'HEADER="{command[0]}"; {line.replace(command[0], "$HEADER")}; {line.replace(command[0], "$HEADER")}'
    )
    assert typed(once) == "200 401 "


def test_without_django(command_line: CommandLine) -> None:
    command_line.activate()
    program = WITHOUT.format(names={"django", "rest_framework", "oauth2_provider"})

    def run(program: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603
            [sys.executable, "-c", program, *words, "--keychain-file", str(command_line.file)],
            env=command_line.environment({}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    outcomes = [
        run(program, *words)
        for words in (("status",), ("token", "request", "sync"), ("token", "header", "sync"))
    ]
    assert [each.returncode for each in outcomes] == [0, 0, 0], outcomes
    assert outcomes[-1].stdout.startswith("X-PowerAuth-Token: ")
    # It would not have been found.
    with_django = program.replace("runpy.run_module", "import django; runpy.run_module")
    assert "No module named 'django'" in run(with_django, "status").stderr


@pytest.mark.parametrize("name", ["httpx", "keyring", "filelock", "platformdirs"])
def test_without_the_extra(command_line: CommandLine, name: str) -> None:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", WITHOUT.format(names={name}), "status"],
        cwd=ROOT,
        env=command_line.environment({}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(rf"error: {name} is missing\. .*pip install .*\[client\].*\n", done.stderr)


def test_a_keychain_that_is_missing_or_locked(command_line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "locked_keyring.py").write_text(LOCKED)
    locked = {
        "PYTHON_KEYRING_BACKEND": "locked_keyring.Keyring",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)]),
    }
    missing = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}

    refused = command_line.alone("status", environment=locked)
    assert refused.code == "UNKNOWN_ERROR"
    assert "keychain is locked" in refused.err
    assert "--keychain file" in refused.advice
    # Nor is it another keychain then.
    assert not list(tmp_path.rglob("keychain"))
    refused = command_line.alone("status", "--keychain", "system", environment=missing)
    assert refused.code == "UNKNOWN_ERROR"
    assert "no keychain" in refused.err

    # A file is the default where the system has none.
    new = command_line.code(commit_at_once=True)
    activate = ("activate", "-", "--password-stdin", *command_line.server())
    command_line.alone(*activate, lines=(new.code, PIN), environment=missing).done()
    assert list(tmp_path.rglob("keychain"))
    command_line.alone("status", "--keychain", "file", environment=locked).done()
    # Or where there is a key for one.
    of_file = command_line.alone(
        "status", environment={**locked, KEY_VARIABLE: Fernet.generate_key().decode()}
    )
    assert of_file.code == "INVALID_ACTIVATION_DATA"


def test_no_command(command_line: CommandLine) -> None:
    assert "required: COMMAND" in command_line.alone().usage()
    assert "required: COMMAND" in command_line.alone("token").usage()

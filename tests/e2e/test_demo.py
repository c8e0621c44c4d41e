"""The demo as a newcomer runs it: a process of its own, a real server, real requests."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener

import pytest
from django.core.management import CommandError, call_command

from testproject.accounts.models import User
from testproject.demo.devices import devices_may_read_sites, walk_through_a_device
from tests.e2e.process import run_python

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.live_server_helper import LiveServer

ROOT = Path(__file__).parents[2]

# What an operator does to a device, each time followed by a request.
ACTS = ("block", "unblock", "remove")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{tmp_path_factory.mktemp('demo') / 'demo.sqlite3'}",
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "testproject.settings",
    }


@pytest.fixture(scope="module")
def first_run(environment: dict[str, str]) -> Iterator[tuple[int, subprocess.CompletedProcess[str]]]:
    """The demo on a new database, and the port that it could not have."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        yield port, demo(environment, "--port", str(port))


def demo(environment: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    return run_python("manage.py", "demo", "--once", *args, cwd=ROOT, env=environment)


def look_at_the_rotation(text: str) -> None:
    """A key is rotated under load, and no request fails."""
    walk, rotation = text.split("A service's key is rotated under load\n")
    rotation = rotation.partition("A device of alice's")[0]
    assert "Sunset" not in walk
    commands = re.findall(r"^   \$ python manage\.py (\w+)", rotation, re.MULTILINE)
    assert commands == ["createtoken", "rotatetoken", "listtokens", "revoketokens"]
    old, new = re.findall(r"^   (ak_live_\w{36})$", rotation, re.MULTILINE)
    assert old != new
    # Of the three answers that are shown, the one to the old key while both live.
    answers = re.findall(r"^   \$ curl .*: (ak_live_\w+)'.*\n((?:   .+\n)+)", rotation, re.MULTILINE)
    assert [(key, "Deprecation: @" in answer, "Sunset: " in answer) for key, answer in answers] == [
        (old, True, True),
        (new, False, False),
        (old, False, False),
    ]
    # Both have been used when the operator looks.
    listed = rotation.partition("$ python manage.py listtokens")[2].partition("\n\n")[0]
    assert listed.count(" active ") == 2
    assert "never" not in listed
    (counts,) = re.findall(
        r"sent (\d+) requests: (\d+) with the old key, (\d+) with the new one\. 0 failed", rotation
    )
    total, with_old, with_new = map(int, counts)
    assert total == with_old + with_new
    assert min(with_old, with_new) >= 100


def look_at_the_device(text: str) -> None:
    """A code becomes a device, whose token is refused a second time, while it is blocked, and at the end."""
    walk = text.partition("A device of alice's comes and goes\n")[2]
    commands = re.findall(r"^   \$ (?:python manage\.py )?(\w+)", walk, re.MULTILINE)
    acts = [("commitdevice",), ("curl",), ("curl",), *((f"{act}device", "curl") for act in ACTS)]
    assert commands == [command for act in acts for command in act]
    (code,) = re.findall(r"^   ([A-Z2-7]{5}(?:-[A-Z2-7]{5}){3})$", walk, re.MULTILINE)
    lines = re.findall(r"^   >>> (?:power_auth\.)([\w.]+)\((.*)\)", walk, re.MULTILINE)
    assert [name for name, _ in lines] == [
        *(
            "activate",
            "token_store.request_access_token",
            "fetch_activation_status",
            "remove_activation_local",
        )
    ]
    assert code in lines[0][1]
    (fingerprint,) = re.findall(r"activation_fingerprint='(\d{8})'", walk)
    assert f"with the fingerprint {fingerprint}." in walk
    # What is sent a second time is the same header; every other one is new.
    headers = re.findall(r"'X-PowerAuth-Token: (.*?)'", walk)
    assert headers[0] == headers[1]
    assert len(set(headers)) == 4
    assert re.findall(r"The login log has: (\w+)", walk) == [
        "device_replayed",
        "device_blocked",
        "device_unknown",
    ]


def look_at_the_token_page(url: str, password: str) -> None:
    """Alice signs in with the password that is printed, and finds her tokens."""
    browser = build_opener(ProxyHandler({}), HTTPCookieProcessor())
    with browser.open(url, timeout=30) as answer:
        login, page = answer.url, answer.read().decode()
    (against,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    sent = {"csrfmiddlewaretoken": against, "username": "alice", "password": password, "next": "/tokens/"}
    with browser.open(login, urlencode(sent).encode(), timeout=30) as answer:
        assert answer.url == url
        assert "Demo: reads sites" in answer.read().decode()


def be_a_device(lines: list[str], environment: dict[str, str], home: Path) -> None:
    """Type the lines that are printed for it, and what they ask for."""
    home_alone = {
        **environment,
        "HOME": str(home),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_STATE_HOME": str(home / "state"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
    asked = {
        " activate ": " activate - --password-stdin ",
        "client remove": "client remove --yes --password-stdin",
    }
    code, answered = "", []
    for line in lines:
        # The one without a name is for the how-to, whose first command would find it activated already.
        assert ("tokenauth.client" in line) is ("--instance demo" in line), line
        typed = line
        for before, after in asked.items():
            typed = typed.replace(before, after)
        sent = f"{code}\n2468\n" if " activate " in line else "2468\n"
        done = subprocess.run(  # noqa: S602
            typed,
            shell=True,
            cwd=ROOT,
            env=home_alone,
            input=sent,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, line + done.stdout + done.stderr
        code = code or re.findall(r"ACTIVATION_CODE=(\S+)", done.stdout)[0]
        answered += re.findall(r"^HTTP/\S+ (\d+)", done.stdout)
    assert answered == ["200"]


def look_at_all(text: str) -> None:
    """Each answer is the one that is announced, below a title with an empty line above it."""
    for title in (
        "Applications ask for tokens",
        "A service's key is rotated under load",
        "A device of alice's comes and goes",
    ):
        assert f"\n\n{title}\n\n" in text
    statuses = re.findall(r"^   HTTP (\d+)", text, re.MULTILINE)
    # The walk, the grants (password and refresh, client credentials, code), a rotation, and a device.
    assert statuses == [
        *("200", "403", "401", "401", "401"),
        *("200", "200", "200", "200", "401", "401"),
        *("200", "200", "403", "200"),
        *("200", "200", "200", "200", "401"),
        *("200", "200", "401"),
        *("200", "401", "401", "200", "401"),
    ]
    assert re.findall(r'"reason": "(\w+)"', text) == [
        *("insufficient_scope", "malformed", "revoked", "missing"),
        *("invalid_grant", "revoked"),
        "insufficient_scope",
        "revoked",
        "revoked",
        *("unknown", "unknown", "unknown"),
    ]
    assert text.count("$ curl -") == 28
    look_at_the_rotation(text)
    look_at_the_device(text)


def test_it_walks_through_the_answers(first_run: tuple[int, subprocess.CompletedProcess[str]]) -> None:
    taken_port, run = first_run
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == ""
    look_at_all(run.stdout)
    (port,) = re.findall(r"^Serving at http://127\.0\.0\.1:(\d+)$", run.stdout, re.MULTILINE)
    assert int(port) != taken_port


@pytest.mark.usefixtures("first_run")
def test_run_again_it_serves_until_it_is_interrupted_and_its_lines_can_be_copied(
    environment: dict[str, str], tmp_path: Path
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
                if "Stop with Ctrl-C" in line:
                    break
            text = "".join(lines)
            assert "sign in as admin" in text
            ((page, password),) = re.findall(r"page is at (\S+) : sign in as alice, password (\S+)", text)
            look_at_the_token_page(page, password)
            walk, _, of_ones_own = text.partition("Be a device yourself")
            look_at_all(walk)
            introduced = of_ones_own.partition("   $ ")[0]
            assert "last one, which takes the device away, before Ctrl-C" in introduced
            curl = re.findall(r"^   \$ (curl .*)$", walk, re.MULTILINE)
            assert _status(curl[0]) == "200"
            assert _status(curl[1]) == "403"
            # Whatever it once was: the header has been used.
            assert {_status(line) for line in curl if "X-PowerAuth-Token" in line} == {"401"}
            be_a_device(re.findall(r"^   \$ (.*)$", of_ones_own, re.MULTILINE), environment, tmp_path)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                rest, errors = process.communicate(timeout=30)
            finally:
                # Where whoever started the tests ignores the signal (nohup does), so does it.
                process.kill()
    assert "Stopped." in rest
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "POST /accounts/login/" in errors
    assert password not in rest + errors


# What a project has lost, and what the demo says of it.
SABOTAGES = {
    # The guard of its views.
    "from tokenauth.permissions import HasScopes; HasScopes.has_permission = lambda *args: True": (
        "NOT AS EXPECTED: it should have been 403 insufficient_scope."
    ),
    # The overlap.
    "from tokenauth.core import rotation as r; f = r.rotate; r.rotate = lambda t, o, **k: f(t, 0 * o)": (
        "NOT AS EXPECTED: a request of the service failed: 401 expired."
    ),
}


def test_what_is_not_as_expected_fails_it(environment: dict[str, str], tmp_path: Path) -> None:
    command = (
        f"import django; django.setup(); {'; '.join(SABOTAGES)}; "
        "from django.core.management import execute_from_command_line as run; "
        "run(['manage.py', 'demo', '--once', '--port', '0'])"
    )
    alone = {**environment, "DATABASE_URL": f"sqlite:///{tmp_path / 'demo.sqlite3'}"}
    run = run_python("-c", command, cwd=ROOT, env=alone)
    assert run.returncode == 1
    assert [said for said in SABOTAGES.values() if said not in run.stdout] == []
    assert "not as expected" in run.stderr


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("lost", "instead", "said"),
    [
        ("nonces.spend", lambda *args: True, "NOT AS EXPECTED: it should have been 401.\n"),
        ("tokens.issue", None, "NOT AS EXPECTED: RESPONSE_ERROR: "),
    ],
    ids=["the memory for nonces", "the endpoint that makes tokens"],
)
def test_what_a_device_finds_not_as_expected_is_counted(
    live_server: LiveServer, monkeypatch: pytest.MonkeyPatch, lost: str, instead: Any, said: str
) -> None:
    monkeypatch.setattr(f"tokenauth.devices.{lost}", instead)
    people = User.objects
    alice, operator = people.create_user("alice", organization="northwind"), people.create_superuser("admin")
    written: list[str] = []
    with devices_may_read_sites():
        assert walk_through_a_device(live_server.url, alice, operator, written.append) == 1
    assert said in written[-1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("part", ["walk", "walk_through_oauth", "rotate_under_load", "walk_through_a_device"])
def test_each_part_may_fail_it(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    module = "testproject.demo.management.commands.demo"
    for each in ("walk", "walk_through_oauth", "rotate_under_load", "walk_through_a_device"):
        monkeypatch.setattr(f"{module}.{each}", lambda *args, found=int(each == part): found)
    with pytest.raises(CommandError, match="not as expected"):
        call_command("demo", once=True, port=0, stdout=StringIO())


@pytest.mark.parametrize("port", ["-1", "65536", "x"])
def test_what_is_no_port_is_said(port: str) -> None:
    with pytest.raises(CommandError, match="not a port"):
        call_command("demo", f"--port={port}")


def _status(curl: str) -> str:
    """The status of the request that a printed line makes, as a shell would run it."""
    if not any((Path(folder) / "curl").exists() for folder in os.environ["PATH"].split(os.pathsep)):
        pytest.skip("curl is not installed: the printed lines were not run. Install curl to run them.")
    run: Any = subprocess.run(curl, shell=True, capture_output=True, text=True, timeout=30, check=True)  # noqa: S602
    return str(run.stdout.split()[1])

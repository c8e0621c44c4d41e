"""Commands on a database whose tables are not there yet."""

from __future__ import annotations

import json
import os
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError
from django.db.migrations.recorder import MigrationRecorder

from tests.e2e.process import run_python
from tests.test_documentation import REFERENCE
from tests.test_documented_commands import COMMANDS, lines
from tokenauth.management import database_command

if TYPE_CHECKING:
    import subprocess

ROOT = Path(__file__).parents[2]

# It asks the URLs, and no table.
WITHOUT_TABLES = {"listscopes"}

# Runs each of the lines that it is given; what each of them prints, and what it ends with.
RUN = """
import json, sys, django
from io import StringIO
django.setup()
from django.conf import settings
from django.core.management import CommandError, call_command
settings.TOKENAUTH = {**settings.TOKENAUTH, "SCOPES": {"read:reports": "Read", "write:reports": "Write"}}
said = []
for line in json.loads(sys.argv[1]):
    out = StringIO()
    try:
        call_command(*line, stdout=out, stderr=StringIO())
    except CommandError as error:
        said.append((line[0], out.getvalue(), str(error)))
print(json.dumps(said))
"""


def on_an_empty_database(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    settings = {
        "DATABASE_URL": f"sqlite:///{folder / 'empty.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "testproject.settings",
    }
    return run_python(*args, cwd=ROOT, env={**os.environ, **settings})


def test_each_says_what_is_missing_and_prints_nothing(tmp_path: Path) -> None:
    asked = [line for line in lines(REFERENCE) if line[0] not in WITHOUT_TABLES]
    assert {line[0] for line in asked} == COMMANDS - WITHOUT_TABLES
    done = on_an_empty_database(tmp_path, "-c", RUN, json.dumps(asked))
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [name for name, _, _ in said] == [line[0] for line in asked]
    for name, out, error in said:
        assert out == "", name
        assert error.startswith("Run manage.py migrate first: the database lacks migrations of "), error
        assert "tokenauth_devices" in error
        assert "It says: no such table: " in error


@pytest.mark.parametrize(
    "line",
    [
        ("createdeviceapplication", "Field app"),
        ("createtoken", "--service", "billing", "Billing", "--scope", "read:sites"),
        ("prunetokens", "--dry-run"),
    ],
    ids=lambda line: line[0],
)
def test_at_a_terminal_it_is_one_line(line: tuple[str, ...], tmp_path: Path) -> None:
    done = on_an_empty_database(tmp_path, "manage.py", *line)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("CommandError: Run manage.py migrate first")
    assert "Traceback" not in done.stderr


def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> Any:
        raise OperationalError("no such column: x\nLINE 1: SELECT x")

    monkeypatch.setattr("tokenauth.devices.statuses.has_status", fail)


@pytest.mark.django_db
def test_a_migration_that_is_new_is_named_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch)
    MigrationRecorder.Migration.objects.filter(app="tokenauth_devices").delete()
    with pytest.raises(CommandError) as caught:
        call_command("listdevices", "--status", "active", stdout=StringIO(), stderr=StringIO())
    assert str(caught.value) == (
        "Run manage.py migrate first: the database lacks migrations of tokenauth_devices. "
        "It says: no such column: x"
    )


@pytest.mark.django_db
def test_another_fault_of_the_database_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch)
    with pytest.raises(OperationalError, match="no such column"):
        call_command("listdevices", "--status", "active", stdout=StringIO(), stderr=StringIO())


@pytest.mark.django_db
def test_so_does_that_of_a_database_that_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch)

    def fail(*args: Any) -> Any:
        raise DatabaseError("gone")

    monkeypatch.setattr(database_command, "MigrationExecutor", fail)
    with pytest.raises(OperationalError, match="no such column"):
        call_command("listdevices", "--status", "active", stdout=StringIO(), stderr=StringIO())

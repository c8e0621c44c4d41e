"""The benchmark beside the peers, with few rows: that it measures, and what it makes of figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from benchmarks.peers import report
from benchmarks.peers.report import Measured, Pruned, Target

ROOT = Path(__file__).parents[2]
FEW = (
    *("--rows", "60", "--rounds", "2", "--count", "8"),
    *("--http-rounds", "1", "--seconds", "0.3", "--expired", "100"),
)
_OF_TWO_DATABASES = pytest.mark.skipif(
    connection.vendor == "mysql",
    reason="the benchmark beside the peers is of SQLite and PostgreSQL, where it is run by "
    "pytest --long tests/services",
)
MARKS = "<!-- measured: begin -->\n<!-- measured: end -->"


@_OF_TWO_DATABASES
@pytest.mark.django_db
def test_it_measures_each_of_them(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(f"# Before\n\n{MARKS}\n\n## After\n")
    (tmp_path / "images").mkdir()
    url = os.environ.get("DATABASE_URL", "sqlite:///db.sqlite3")
    ran = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "benchmarks.peers", *FEW, "--database", url, "--write", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    text = page.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith("## After\n")
    assert ran.stdout.strip() in text
    queries = dict.fromkeys(("tokenauth", "tokenauth-cached"), "| 1 | ")
    for scheme in report.ORDER:
        # As a whole and over HTTP, and how many queries it takes; all but the floor in more ways.
        assert text.count(f"\n| {scheme} | ") >= 3
        assert queries.get(scheme, "") in text
    if _has_matplotlib():
        assert (tmp_path / "images" / "benchmarks.svg").read_text().startswith("<?xml")


FILL = """
import json, sys
import django
django.setup()
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from benchmarks.peers.fill import fill
from benchmarks.scratch import scratch_database

def described():
    with connection.cursor() as cursor:
        return {
            model._meta.label: connection.introspection.get_constraints(cursor, model._meta.db_table)
            for model in apps.get_models()
        }

with scratch_database(sys.argv[1]):
    call_command("migrate", verbosity=0, interactive=False)
    before = described()
    presented = fill(50, expired=10)
    assert described() == before
    settings = []
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for name in ("journal_mode", "synchronous", "foreign_keys"):
                settings += cursor.execute(f"PRAGMA {name}").fetchone()
    connection.check_constraints()
    rows = {model._meta.label: model._base_manager.count() for model in apps.get_models()}
print(json.dumps([settings, rows, {name: len(of["valid"]) for name, of in presented.items()}]))
"""


@_OF_TWO_DATABASES
@pytest.mark.django_db
def test_after_the_fill_the_schema_is_as_it_was_migrated(worker_id: str) -> None:
    url = os.environ.get("DATABASE_URL", "sqlite:///db.sqlite3")
    environment = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "benchmarks.peers.settings"}
    ran = subprocess.run(  # noqa: S603
        [sys.executable, "-c", FILL, f"tokenauth_fill_{worker_id}"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    settings, rows, presented = json.loads(ran.stdout)
    # The fill alone waits for no disk.
    assert settings in ([], ["wal", 1, 1])
    assert rows["auth.User"] == rows["authtoken.Token"] == 50
    with_expired = (
        *("knox.AuthToken", "rest_framework_api_key.APIKey"),
        *("oauth2_provider.AccessToken", "tokenauth.AccessToken"),
    )
    assert {rows[label] for label in with_expired} == {60}
    assert presented == {scheme: 50 if scheme != "nothing" else 5 for scheme in report.ORDER}


def _has_matplotlib() -> bool:
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True


def measured(database: str, rows: int, ours: float) -> Measured:
    times = {scheme: [1.0, 2.0, 4.0] for scheme in report.ORDER}
    times["tokenauth"] = [ours * one for one in times["authtoken"]]
    tasks = [("authenticate", "valid"), ("authenticate", "malformed"), ("create", "valid"), ("http", "valid")]
    return Measured(database, rows, {task: dict(times) for task in tasks})


def found(targets: list[Target], what: str) -> list[Target]:
    return [target for target in targets if target.what.startswith(what)]


def test_a_ratio_is_of_the_same_round() -> None:
    ratio = report.compared(measured("SQLite", 10, 0.25).times["http", "valid"], "tokenauth", "authtoken")
    assert (ratio.low, ratio.middle, ratio.high) == (0.25, 0.25, 0.25)


@pytest.mark.parametrize(("ours", "is_met"), [(0.2, True), (0.21, False)])
def test_what_is_promised_is_judged(ours: float, is_met: bool) -> None:
    both = [measured("SQLite", 10, ours), measured("SQLite", 1000, ours)]
    alone = found(report.targets(both, {}), "`authenticate()`")
    assert [target.is_met for target in alone] == [is_met, is_met]
    [row, _] = [target.row() for target in alone]
    assert row[1:] == [
        "at most 0.2",
        f"{ours:.2f} ({ours:.2f}–{ours:.2f})",
        "yes" if is_met else "**missed**",
    ]
    assert [target.is_met for target in found(report.targets(both, {}), "growth")] == [True]


def test_of_what_was_not_measured_nothing_is_said() -> None:
    one = measured("PostgreSQL", 10, 0.2)
    one.times = {task: times for task, times in one.times.items() if task == ("authenticate", "valid")}
    one.queries = {scheme: {"valid": 1} for scheme in report.ORDER}
    assert [target.what.partition(":")[0] for target in report.targets([one], {})] == [
        "`authenticate()`, valid, by authtoken's",
        "with `LOOKUP_CACHE_SECONDS`",
    ]
    text = report.markdown("", "", [one], {}, (0, 0))
    assert "`authenticate()` alone" in text
    assert "over HTTP" not in text


def test_a_promise_of_more_is_judged_the_other_way() -> None:
    [over_http] = found(
        report.targets([measured("PostgreSQL", 10, 1.2)], {}), "requests/s over HTTP, by auth"
    )
    assert not over_http.is_met
    [over_http] = found(
        report.targets([measured("PostgreSQL", 10, 1.4)], {}), "requests/s over HTTP, by auth"
    )
    assert over_http.is_met


def test_a_prune_is_judged() -> None:
    pruned = {
        "SQLite": {
            "tokenauth": Pruned(10.0, 5.0, 0.4),
            "simplejwt": Pruned(9.0, 100.0, 0.1),
            "oauth-toolkit": Pruned(11.0, 10.0, 0.1),
        }
    }
    judged = {target.what: target.is_met for target in report.targets([], pruned)}
    assert judged == {
        "pruning, time by oauth-toolkit's: SQLite": True,
        "pruning, time by simplejwt's: SQLite": False,
        "pruning, memory by simplejwt's: SQLite": True,
        "pruning, longest stall of another writer in s: SQLite": False,
    }

"""Measures this app and its peers side by side, in interleaved rounds: see ``benchmarks/README.md``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import django
from django.core.management import call_command
from django.db import connection
from tqdm import tqdm

from benchmarks.peers import report
from benchmarks.peers.report import ORDER, Measured, Pruned
from benchmarks.scratch import scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES = ("valid", "unknown", "malformed", "expired")
TASKS = ("authenticate", "request", "create", "http")
PEERS = (
    *("Django", "djangorestframework", "django-rest-knox", "djangorestframework-api-key"),
    *("djangorestframework_simplejwt", "django-oauth-toolkit", "gunicorn"),
)
# By which a scheme's prune is measured, in the order of the table.
PRUNED = ("tokenauth", "oauth-toolkit", "simplejwt", "knox", "drf-api-key")
WORKERS = 2
# In seconds: each server's first turn, which is not counted.
WARM = 0.5
# What is refused is refused by this.
REFUSED = (401, 403)


class Process:
    """A worker: a line to it, a line from it."""

    def __init__(self, scheme: str, environment: dict[str, str], tokens: Path) -> None:
        self.scheme = scheme
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peers.worker", str(tokens)],
            env={**environment, "SCHEME": scheme},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def do(self, task: str, case: str, count: int) -> Any:
        written, read = _pipes(self._process)
        written.write(f"{json.dumps([task, case, count])}\n")
        written.flush()
        line = read.readline()
        if not line:
            raise RuntimeError(f"The process of {self.scheme} has ended.")
        return json.loads(line)

    def end(self) -> None:
        _pipes(self._process)[0].close()
        self._process.wait(timeout=60)


def main() -> int:
    options = _options()
    # Whoever ends it leaves no database behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.peers.settings"
    measured: list[Measured] = []
    pruned: dict[str, dict[str, Pruned]] = {}
    if len(options.database) == 1:
        # Django knows one database; so a process is of one, and another is asked for the other.
        url = options.database[0]
        os.environ["DATABASE_URL"] = url
        django.setup()
        measured += sorted((_measure(rows, options) for rows in options.rows), key=lambda one: one.rows)
        if options.expired:
            pruned[_database()] = {name: _prune(name, options) for name in PRUNED}
    else:
        for url in options.database:
            one_measured, one_pruned = _in_another_process(url, options)
            measured += one_measured
            pruned.update(one_pruned)
    if options.json:
        options.json.write_text(json.dumps(_as_json(measured, pruned)))
        return 0
    text = report.markdown(
        _machine(), _command(options), measured, pruned, (options.expired, options.expired // 10)
    )
    print(text)
    if options.write:
        _write(options.write, text, measured)
    missed = [target for target in report.targets(measured, pruned) if not target.is_met]
    if options.judge and missed:
        print(f"{len(missed)} of what is promised was missed.", file=sys.stderr)
        return 1
    return 0


def _measure(rows: int, options: argparse.Namespace) -> Measured:
    # It imports models, for which Django must be set up.
    from benchmarks.peers.fill import fill

    name = f"tokenauth_peers_{os.getpid()}"
    measured = Measured(_database(), rows)
    with ExitStack() as stack:
        environment = stack.enter_context(scratch_database(name))
        with _stage(f"filling {rows:,} rows of each"):
            call_command("migrate", verbosity=0, interactive=False)
            tokens = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "tokens.json"
            presented = fill(rows, expired=options.rounds * options.count * 3 + 100)
            tokens.write_text(json.dumps(presented))
        connection.close()
        processes = {scheme: Process(scheme, environment, tokens) for scheme in ORDER}
        for process in processes.values():
            stack.callback(process.end)
        with _stage(f"{options.rounds} rounds in process"):
            _check(processes, measured)
            _rounds(processes, measured, options)
            for process in processes.values():
                process.do("check", "valid", 1)
        if "http" not in options.only:
            return measured
        with _stage(f"{options.http_rounds} rounds over HTTP"):
            _over_http(presented, environment, measured, options)
    return measured


def _check(processes: dict[str, Process], measured: Measured) -> None:
    """Each answers as it should, or nothing is measured."""
    for scheme, process in processes.items():
        for case in CASES if scheme != "nothing" else ("valid",):
            if case == "expired" and scheme == "authtoken":
                continue
            checked = process.do("check", case, 5)
            for answer in checked["answers"]:
                right = (
                    answer["status"] == 200 and answer["user"] == answer["should_be"]
                    if case == "valid"
                    else answer["status"] in REFUSED
                )
                if not right:
                    raise RuntimeError(f"{scheme} answers a token that is {case} by {answer}.")
            measured.queries.setdefault(scheme, {})[case] = checked["queries"]


def _rounds(processes: dict[str, Process], measured: Measured, options: argparse.Namespace) -> None:
    tasks = [
        (task, case, scheme)
        for task in ("authenticate", "request", "create")
        if task in options.only
        for case in CASES
        for scheme in ORDER
        if _is_measured(task, case, scheme)
    ]
    for number in tqdm(range(-1, options.rounds), desc="rounds", leave=False, disable=None):
        random.shuffle(tasks)
        for task, case, scheme in tasks:
            count = options.count if task != "create" else max(options.count // 4, 10)
            if number < 0:
                # The first warms all of it, and is no round.
                processes[scheme].do(task, case, max(count // 2, 10))
                continue
            seconds = processes[scheme].do(task, case, count)
            measured.times.setdefault((task, case), {}).setdefault(scheme, []).append(seconds / count)


def _is_measured(task: str, case: str, scheme: str) -> bool:
    if scheme == "nothing":
        return (task, case) == ("request", "valid")
    if task == "create":
        return case == "valid" and scheme != "tokenauth-cached"
    # One has no expiry.
    return not (case == "expired" and scheme == "authtoken")


def _over_http(
    presented: dict[str, Any], environment: dict[str, str], measured: Measured, options: argparse.Namespace
) -> None:
    # Not of expired ones: one package deletes each when it is refused, and there would be none left.
    turns = [
        (case, scheme)
        for case in ("valid", "unknown", "malformed")
        for scheme in ORDER
        if scheme != "nothing" or case == "valid"
    ]
    with ExitStack() as stack:
        ports = {scheme: stack.enter_context(_server(scheme, environment)) for scheme in ORDER}
        for number in tqdm(range(-1, options.http_rounds), desc="over HTTP", leave=False, disable=None):
            for case, scheme in random.sample(turns, len(turns)):
                told = _load(
                    ports[scheme], options.seconds if number >= 0 else WARM, _headers(case, scheme, presented)
                )
                if not set(told["answers"]) <= ({"200"} if case == "valid" else {"401", "403"}):
                    raise RuntimeError(f"{scheme} answers a token that is {case} by {told['answers']}.")
                if number >= 0:
                    rate = sum(told["answers"].values()) / told["seconds"]
                    measured.times.setdefault(("http", case), {}).setdefault(scheme, []).append(rate)


def _headers(case: str, scheme: str, presented: dict[str, Any]) -> list[str]:
    from benchmarks.peers.schemes import SCHEMES

    one = SCHEMES[scheme]
    refused = {"unknown": [one.unknown], "malformed": [one.malformed]}
    texts = refused.get(case) or [text for text, _ in presented[scheme]["valid"]]
    return [one.header(text) for text in texts]


@contextmanager
def _server(scheme: str, environment: dict[str, str]) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    arguments = ("--workers", str(WORKERS), "--bind", f"127.0.0.1:{port}", "--log-level", "error")
    with subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "benchmarks.peers.wsgi:application", *arguments],
        env={**environment, "SCHEME": scheme},
    ) as process:
        try:
            _wait_for(port)
            yield port
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait_for(port: int) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


def _load(port: int, seconds: float, headers: list[str]) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers.load", str(port), str(seconds)],
        input=json.dumps(headers),
        capture_output=True,
        text=True,
        check=True,
    )
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def _prune(scheme: str, options: argparse.Namespace) -> Pruned:
    from benchmarks.peers.fill import fill_expired

    living = options.expired // 10
    with scratch_database(f"tokenauth_peers_{os.getpid()}") as environment:
        with _stage(f"filling what is to be pruned of {scheme}"):
            call_command("migrate", verbosity=0, interactive=False)
            fill_expired(scheme, options.expired, living)
        connection.close()
        of_scheme = {**environment, "SCHEME": scheme}
        module = [sys.executable, "-m", "benchmarks.peers.pruning"]
        writing = subprocess.Popen(
            [*module, "writer"], env=of_scheme, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with _stage(f"pruning {options.expired:,} tokens of {scheme}"), writing as writer:
            written, read = _pipes(writer)
            if read.readline() != "ready\n":
                raise RuntimeError("The other writer did not come up.")
            ran = subprocess.run(module, env=of_scheme, stdout=subprocess.PIPE, check=True)
            written.close()
            beside = json.loads(read.read())
        left, living = _rows_left(scheme), living + beside["made"]
        if left != living:
            raise RuntimeError(f"{scheme} has left {left:,} tokens, and not {living:,}.")
    told = json.loads(ran.stdout)
    return Pruned(told["seconds"], told["memory"], beside["stall"])


def _rows_left(scheme: str) -> int:
    from benchmarks.peers.pruning import rows_of

    return rows_of(scheme)


def _in_another_process(
    url: str, options: argparse.Namespace
) -> tuple[list[Measured], dict[str, dict[str, Pruned]]]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "measured.json"
        arguments = [
            *("--database", url, "--json", str(path)),
            *("--rows", ",".join(map(str, options.rows))),
            *("--rounds", str(options.rounds), "--count", str(options.count)),
            *("--http-rounds", str(options.http_rounds), "--seconds", str(options.seconds)),
            *("--expired", str(options.expired), "--only", ",".join(options.only)),
        ]
        with subprocess.Popen([sys.executable, "-m", "benchmarks.peers", *arguments]) as process:
            try:
                status = process.wait()
            except BaseException:
                # Not killed: it has servers and a database to put away.
                process.terminate()
                raise
        if status:
            raise SystemExit(status)
        return _from_json(json.loads(path.read_text()))


def _as_json(measured: list[Measured], pruned: dict[str, dict[str, Pruned]]) -> dict[str, Any]:
    return {
        "measured": [
            {**vars(one), "times": [[*key, value] for key, value in one.times.items()]} for one in measured
        ],
        "pruned": {
            database: {name: vars(one) for name, one in by_scheme.items()}
            for database, by_scheme in pruned.items()
        },
    }


def _from_json(told: dict[str, Any]) -> tuple[list[Measured], dict[str, dict[str, Pruned]]]:
    measured = [
        Measured(**{**one, "times": {(what, case): value for what, case, value in one["times"]}})
        for one in told["measured"]
    ]
    pruned = {
        database: {name: Pruned(**one) for name, one in by_scheme.items()}
        for database, by_scheme in told["pruned"].items()
    }
    return measured, pruned


def _write(directory: Path, text: str, measured: list[Measured]) -> None:
    page = directory / "benchmarks.md"
    # What is between these is made; what is around them is a person's.
    begin, end = "<!-- measured: begin -->\n", "<!-- measured: end -->"
    before, _, rest = page.read_text().partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n{text.strip()}\n\n{end}{after}")
    report.plot(measured, directory / "images" / "benchmarks.svg")


def _database() -> str:
    return {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mysql": "MariaDB"}[connection.vendor]


def _machine() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in PEERS)
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {packages}"


def _command(options: argparse.Namespace) -> str:
    return " ".join(["python -m benchmarks.peers", *options.given])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--short", action="store_true", help="within 3 minutes: few rows, few rounds")
    parser.add_argument(
        "--database",
        action="append",
        metavar="URL",
        help="beside which a database is made; may be repeated (default: SQLite alone)",
    )
    parser.add_argument("--rows", type=_numbers, help="tokens of each (default: 1000,1000000)")
    parser.add_argument("--rounds", type=int, help="in which all take their turns (default: 12)")
    parser.add_argument("--count", type=int, help="how often in a round (default: 200)")
    parser.add_argument("--http-rounds", type=int, help="over HTTP (default: 7)")
    parser.add_argument("--seconds", type=float, help="of each turn over HTTP (default: 1)")
    parser.add_argument("--expired", type=int, help="tokens to prune; 0: none (default: 200000)")
    parser.add_argument(
        "--only",
        type=_tasks,
        default=TASKS,
        metavar="TASK,…",
        help=f"of {', '.join(TASKS)}; all, if not given",
    )
    parser.add_argument("--write", type=Path, metavar="DIR", help="write the table and the plot there")
    parser.add_argument("--judge", action="store_true", help="fail where what is promised is missed")
    # What a process of one database tells the one that started it.
    parser.add_argument("--json", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.given = sys.argv[1:]
    whole = {"rows": [1_000, 1_000_000], "rounds": 12, "count": 200, "http_rounds": 7, "seconds": 1.0}
    short = {"rows": [1_000], "rounds": 5, "count": 60, "http_rounds": 2, "seconds": 1.0}
    defaults = {**short, "expired": 2_000} if options.short else {**whole, "expired": 200_000}
    for name, value in defaults.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    options.database = options.database or ["sqlite:///db.sqlite3"]
    return options


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _tasks(text: str) -> list[str]:
    tasks = text.split(",")
    if unknown := set(tasks) - set(TASKS):
        raise argparse.ArgumentTypeError(f"there is no {', '.join(sorted(unknown))}")
    return tasks


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


@contextmanager
def _stage(what: str) -> Iterator[None]:
    start = time.monotonic()
    _say(f"{_database()}: {what} …")
    yield
    _say(f"{_database()}: {what}: {time.monotonic() - start:.0f} s")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

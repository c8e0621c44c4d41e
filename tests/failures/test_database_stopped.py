"""PostgreSQL is stopped and started under the sample project, while clients go on asking."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
import requests
from django.db import connection

from tests.failures.servers import DEADLINE, answers, free_port, own_postgresql, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.failures.servers import PostgreSQL

pytestmark = pytest.mark.skipif(
    connection.vendor != "postgresql",
    reason="a PostgreSQL of its own, stopped under load: it is run once, where its driver is, by "
    "DATABASE_URL=postgres://postgres@127.0.0.1/postgres pytest --long tests/failures",
)

ROOT = Path(__file__).parents[2]
UNKNOWN = "pat_00000000000000000000000000000042VsRc"
CLIENTS = 4
# How many answers each client gets before something else happens.
ENOUGH = 10

PREPARE = f"""
import django
django.setup()
from django.contrib.auth import get_user_model
from django.core.management import call_command
call_command("migrate", verbosity=0)
user, _ = get_user_model().objects.get_or_create(username="alice")
for _ in range({CLIENTS}):
    print(user.generate_access_token("t", ["read:sites"]).raw_token)
"""


class Answer(NamedTuple):
    began: float
    ended: float
    status: int


@dataclass
class Client:
    """Asks and asks again, by one credential."""

    url: str
    raw: str
    # What it gets where the database is there.
    usual: int
    answers: list[Answer] = field(default_factory=list)

    def ask_until(self, finished: threading.Event) -> None:
        while not finished.is_set():
            began = time.monotonic()
            answer = requests.get(
                f"{self.url}/inventory-service/sites",
                headers={"Authorization": f"Bearer {self.raw}"},
                timeout=DEADLINE,
            )
            self.answers.append(Answer(began, time.monotonic(), answer.status_code))

    def within(self, since: float, to: float | None = None) -> list[int]:
        """The statuses of what was asked and answered in this time."""
        return [one.status for one in self.answers if one.began >= since and (to is None or one.ended <= to)]


@contextmanager
def asking(clients: Sequence[Client]) -> Iterator[None]:
    finished, failures = threading.Event(), []

    def ask(client: Client) -> None:
        try:
            client.ask_until(finished)
        except requests.RequestException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        finished.set()
        for thread in threads:
            thread.join()
    assert not failures


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with own_postgresql() as server:
        yield server


class Application(NamedTuple):
    url: str
    pid: int
    tokens: list[str]

    @property
    def workers(self) -> set[str]:
        return set(Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split())


@pytest.fixture(params=[0, 600], ids=["a connection a request", "connections kept"])
def application(
    request: pytest.FixtureRequest, postgresql: PostgreSQL, tmp_path: Path
) -> Iterator[Application]:
    """The sample project under gunicorn, with two workers of two threads."""
    environment = {
        **os.environ,
        "DATABASE_URL": postgresql.url,
        "DJANGO_SETTINGS_MODULE": "tests.failures.served",
        "CONN_MAX_AGE": str(request.param),
    }
    prepared = subprocess.run(  # noqa: S603
        [sys.executable, "-c", PREPARE],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    port = free_port()
    options = ("--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "2", "--graceful-timeout", "1")
    arguments = [sys.executable, "-m", "gunicorn", *options, "testproject.wsgi"]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(arguments, cwd=ROOT, env=environment, stderr=log) as process,  # noqa: S603
    ):
        try:
            until(lambda: answers(port), "gunicorn is there")
            yield Application(f"http://127.0.0.1:{port}", process.pid, prepared.stdout.split())
        finally:
            process.terminate()


def test_it_is_never_the_clients_fault_and_goes_on_by_itself(
    postgresql: PostgreSQL, application: Application
) -> None:
    clients = [Client(application.url, raw, 200) for raw in application.tokens]
    # Nor is anything said of a credential that cannot be looked up.
    clients.append(Client(application.url, UNKNOWN, 401))

    def have_enough(since: float) -> bool:
        return all(len(client.within(since)) >= ENOUGH for client in clients)

    def are_served(since: float) -> bool:
        return have_enough(since) and all(
            set(client.within(since)[-ENOUGH:]) == {client.usual} for client in clients
        )

    with asking(clients):
        begin = time.monotonic()
        until(lambda: are_served(begin), "everybody is served")
        workers = application.workers
        stopping = time.monotonic()
        postgresql.stop()
        down = time.monotonic()
        until(lambda: have_enough(down), "everybody is answered without a database")
        starting = time.monotonic()
        postgresql.start()
        up = time.monotonic()
        until(lambda: are_served(up), "everybody is served again")

    assert len(workers) == 2
    assert application.workers == workers
    for client in clients:
        assert set(client.within(begin, stopping)) == {client.usual}
        during = client.within(down, starting)
        # One may have been asked before, and answered since.
        assert len(during) >= ENOUGH - 1
        assert [status for status in during if not 500 <= status <= 599] == []
        others = [status for status in client.within(begin) if status != client.usual]
        assert [status for status in others if not 500 <= status <= 599] == []

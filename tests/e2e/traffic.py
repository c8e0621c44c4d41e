"""Clients that ask all the while, and what they were answered."""

from __future__ import annotations

import base64
from http.client import HTTPException
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.e2e.walk import Walk

    # Method, path, headers, and what is sent as JSON; the body of the answer.
    Ask = Callable[..., Any]
    # Asks for all that it ever asks for, once.
    Client = Callable[[Ask], None]

# Between two rounds while nobody waits for one, in seconds.
PAUSE = 0.2


class LostError(Exception):
    """A request that was not served."""


class Traffic:
    """Clients in a thread, each in its turn, that never stop asking. None may be refused."""

    def __init__(self, walk: Walk) -> None:
        self.served = 0
        self.lost: list[str] = []
        self._walk = walk
        self._clients: dict[str, Client] = {}
        # By the steps of the walk, those that were served all they asked for.
        self._content: dict[int, set[str]] = {}
        # How many rounds were begun, and how many ended.
        self._begun = self._ended = 0
        self._awaited = self._stopped = False
        self._changed = Condition()
        self._thread = Thread(target=self._run)
        self._thread.start()

    def add(self, clients: Mapping[str, Client]) -> set[str]:
        """Let these clients ask from now on; their names."""
        with self._changed:
            self._clients.update(clients)
        self.go_round()
        return set(clients)

    def remove(self, names: set[str]) -> None:
        """Let these clients finish what they are at, and ask no more."""
        with self._changed:
            for name in names:
                del self._clients[name]
        self.go_round()

    def go_round(self) -> None:
        """Wait until every client has been served all that it asks for, from now on.

        :raises AssertionError: a request was lost, now or before.
        """
        with self._changed:
            # One that is under way may be past what has changed.
            target = self._begun + 1
            self._awaited = True
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: self._ended >= target, timeout=60)
        assert not self.lost, "\n".join(self.lost)
        assert done, "the clients got stuck"

    def served_at(self, step: int) -> set[str]:
        """The clients that were served while this step was taken, or before the next one."""
        return self._content.get(step, set())

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._ended = self._begun
                self._changed.notify_all()
                # Leaves the processor to the commands and the servers that start meanwhile.
                self._changed.wait_for(lambda: self._awaited or self._stopped, timeout=PAUSE)
                if self._stopped:
                    return
                self._begun, self._awaited = self._begun + 1, False
                clients = dict(self._clients)
            for name, client in clients.items():
                step = self._walk.step
                try:
                    client(self._ask)
                # Whatever it is: told to whoever waits for the round, which this thread must not end.
                except Exception as error:  # noqa: BLE001
                    self.lost.append(f"{name}, at step {step}: {error!r}")
                else:
                    self._content.setdefault(step, set()).add(name)

    def _ask(self, method: str, path: str, headers: Mapping[str, str], data: Any = None) -> Any:
        try:
            answer = self._walk.ask(method, path, headers, data)
        except (OSError, HTTPException) as error:
            raise LostError(f"{method} {path}: {error!r}") from error
        if answer.status >= 400:
            raise LostError(f"{method} {path}: {answer.status} {answer.body}")
        self.served += 1
        return answer.body


def authorization(value: str) -> dict[str, str]:
    return {"Authorization": value}


def basic(username: str, password: str) -> dict[str, str]:
    return authorization(f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}")


def reading(headers: Mapping[str, str]) -> Client:
    """Of ``/reports``, which all the pages have."""

    def ask_all(ask: Ask) -> None:
        for method in ("GET", "HEAD", "OPTIONS"):
            ask(method, "/reports", headers)

    return ask_all


def writing(headers: Mapping[str, str]) -> Client:
    """Reads, too."""

    def ask_all(ask: Ask) -> None:
        reading(headers)(ask)
        ask("POST", "/reports", headers, {})

    return ask_all


def managing_teams(headers: Mapping[str, str]) -> Client:
    """Asks every kind of view, by every method."""

    def ask_all(ask: Ask) -> None:
        writing(headers)(ask)
        ask("GET", "/summary", headers)
        ask("GET", "/teams/", headers)
        url = f"/teams/{ask('POST', '/teams/', headers, {'name': uuid4().hex})['id']}/"
        ask("GET", url, headers)
        ask("PUT", url, headers, {"name": uuid4().hex})
        ask("PATCH", url, headers, {"name": uuid4().hex})
        ask("DELETE", url, headers)

    return ask_all

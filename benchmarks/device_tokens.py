"""Tokens of one device in fifty threads at once on PostgreSQL, beside plain access tokens.

``DATABASE_URL=postgres://postgres@127.0.0.1/postgres python -m benchmarks.device_tokens``: see the README.md
beside.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from statistics import quantiles
from time import perf_counter, time
from typing import TYPE_CHECKING

import django
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connection

from benchmarks.authenticate import answer
from benchmarks.scratch import scratch_database
from tokenauth.devices.protocol.headers import TokenHeader
from tokenauth.devices.protocol.token_digest import new_nonce, token_digest
from tokenauth.devices.protocol.versions import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from wsgiref.types import WSGIApplication

    from tokenauth.devices.models import DeviceToken

    # Those of the next request.
    Headers = Callable[[], dict[str, str]]

# After so many requests, the header of the last is sent once more.
REPLAYED = 20


@dataclass
class Client:
    """What one thread has asked for, and how long each answer took, in seconds."""

    headers: Headers
    address: str
    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    replays: int = 0
    replays_accepted: int = 0

    def warm_up(self, application: WSGIApplication) -> None:
        """Open the connection of this thread."""
        self._ask(application, self.headers())

    def ask_until(self, ended: threading.Event, application: WSGIApplication, *, replays: bool) -> None:
        while not ended.is_set():
            headers = self.headers()
            start = perf_counter()
            is_accepted = self._ask(application, headers)
            self.seconds.append(perf_counter() - start)
            self.refused += not is_accepted
            if replays and len(self.seconds) % REPLAYED == 0:
                self.replays += 1
                self.replays_accepted += self._ask(application, headers)

    def _ask(self, application: WSGIApplication, headers: dict[str, str]) -> bool:
        return answer(application, headers, self.address) == "200 OK"


@dataclass(frozen=True)
class Measured:
    """What all threads have asked for in ``seconds``; times are milliseconds."""

    name: str
    seconds: float
    requests: int
    refused: int
    replays: int
    replays_accepted: int
    p50: float
    p99: float
    max: float

    @classmethod
    def of(cls, name: str, seconds: float, clients: Sequence[Client]) -> Measured:
        taken = [1000 * each for client in clients for each in client.seconds]
        in_percent = quantiles(taken, n=100, method="inclusive")
        return cls(
            name,
            seconds,
            len(taken),
            sum(client.refused for client in clients),
            sum(client.replays for client in clients),
            sum(client.replays_accepted for client in clients),
            in_percent[49],
            in_percent[98],
            max(taken),
        )

    def wrong(self) -> list[str]:
        """What must not be, however busy the machine is."""
        wrong = []
        if self.refused:
            wrong.append(f"{self.refused} requests with {self.name}s were refused.")
        if self.replays_accepted:
            wrong.append(f"{self.replays_accepted} replays were accepted.")
        return wrong

    def figures(self) -> list[tuple[str, str, str]]:
        return [
            (f"requests, {self.name}", f"{self.requests:,}", ""),
            (f"requests/s, {self.name}", f"{self.requests / self.seconds:,.0f}", ""),
            (f"requests refused, {self.name}", f"{self.refused:,}", "0"),
            *(
                (f"{name}, {self.name}, ms", f"{value:.1f}", "")
                for name, value in (("p50", self.p50), ("p99", self.p99), ("max", self.max))
            ),
        ]


def table(measured: Sequence[Measured]) -> str:
    """What was measured, and what of it must be."""
    figures = [figure for each in measured for figure in each.figures()]
    replayed = measured[-1]
    figures += [
        ("replays", f"{replayed.replays:,}", ""),
        ("replays accepted", f"{replayed.replays_accepted:,}", "0"),
    ]
    lines = [f"{'':<32}{'measured':>12}{'must be':>12}"]
    lines += [f"{name:<32}{value:>12}{limit:>12}".rstrip() for name, value, limit in figures]
    return "\n".join(lines)


def main() -> int:
    options = _options()
    # Whoever ends it leaves no database behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    django.setup()
    if connection.vendor != "postgresql":
        print("DATABASE_URL must name a database of PostgreSQL: postgres://…", file=sys.stderr)
        return 2
    with scratch_database(f"tokenauth_devices_{os.getpid()}"):
        call_command("migrate", verbosity=0, interactive=False)
        print(_machine())
        measured, wrong = _measure(options.threads, options.seconds)
    print(table(measured))
    for line in wrong:
        print(f"Wrong: {line}")
    return 1 if wrong else 0


def _measure(threads: int, seconds: float) -> tuple[list[Measured], list[str]]:
    # It imports models, for which Django must be set up.
    from django.contrib.auth import get_user_model

    from tokenauth.devices import applications, lifecycle, tokens
    from tokenauth.devices.models import Activation, UsedNonce
    from tokenauth.devices.protocol.signatures import SignatureType

    user = get_user_model().objects.create_user("alice")
    bearers = [user.generate_access_token(f"t{number}", ["read:sites"]) for number in range(threads)]
    activation = lifecycle.create(user, applications.create_application("Field app")).activation
    Activation.objects.filter(pk=activation.pk).update(status=Activation.Status.ACTIVE)
    of_device = [tokens.issue(activation, SignatureType.POSSESSION_KNOWLEDGE) for _ in range(threads)]
    application = get_wsgi_application()
    measured = []
    kinds: dict[str, list[Headers]] = {
        "access token": [partial(_bearer, token.raw_token or "") for token in bearers],
        "device token": [partial(_stamped, token, token.secret) for token in of_device],
    }
    for name, headers in kinds.items():
        print(f"{threads} threads, each with one {name}, for {seconds:g} s.", file=sys.stderr, flush=True)
        clients = [Client(each, f"10.0.0.{number}") for number, each in enumerate(headers)]
        taken = _run(application, clients, seconds, replays=name == "device token")
        measured.append(Measured.of(name, taken, clients))
    wrong = [line for each in measured for line in each.wrong()]
    accepted = measured[-1].requests - measured[-1].refused + threads
    if (spent := UsedNonce.objects.count()) != accepted:
        wrong.append(f"{accepted} requests were accepted, and {spent} nonces spent.")
    return measured, wrong


def _run(application: WSGIApplication, clients: Sequence[Client], seconds: float, *, replays: bool) -> float:
    """Let each client ask in its own thread; for how long all did, in seconds."""
    ended, all_are_warm = threading.Event(), threading.Barrier(len(clients) + 1)

    def run(client: Client) -> None:
        try:
            client.warm_up(application)
            all_are_warm.wait()
            client.ask_until(ended, application, replays=replays)
        except BaseException:
            all_are_warm.abort()
            raise
        finally:
            connection.close()

    with ThreadPoolExecutor(len(clients)) as threads:
        running = [threads.submit(run, client) for client in clients]
        try:
            all_are_warm.wait()
            start = perf_counter()
            ended.wait(seconds)
        finally:
            ended.set()
        for each in running:
            each.result()
        return perf_counter() - start


def _bearer(text: str) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": f"Bearer {text}"}


def _stamped(token: DeviceToken, secret: bytes) -> dict[str, str]:
    nonce, timestamp_ms, version = new_nonce(), int(time() * 1000), Version.V3_3
    digest = token_digest(secret, nonce, timestamp_ms, version)
    header = TokenHeader(str(token.pk), digest, nonce, timestamp_ms, version)
    return {"HTTP_X_POWERAUTH_TOKEN": header.render()}


def _machine() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (server,) = cursor.fetchone()
    return (
        f"{os.cpu_count()} cores, PostgreSQL {server}, Python {platform.python_version()}, "
        f"Django {django.get_version()}"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.device_tokens", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=60, help="how long each kind of token is used (default: 60)"
    )
    parser.add_argument("--threads", type=int, default=50, help="threads, and tokens (default: 50)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

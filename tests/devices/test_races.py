"""What many ask for at once, in threads and in processes: each nonce is good once, and no other refused."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.db import connection

from tests.devices.conftest import token_of
from tests.devices.requests import SCOPES, ask
from tests.services.threads import at_once
from tokenauth.devices.models import UsedNonce
from tokenauth.devices.protocol.headers import TOKEN_HEADER
from tokenauth.exceptions import DeviceReason
from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.devices.device import Device
    from tokenauth.devices.models import DeviceToken

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.devices.door_urls")]

THREADS, ROUNDS = 50, 2

# Asks with each header that it reads, and says what became of it.
ASK = f"""
import sys
import django
django.setup()
from django.test import Client
print("ready", flush=True)
client = Client(headers={{"host": "localhost"}})
for line in sys.stdin:
    answer = client.get("/inventory-service/sites", headers={{{TOKEN_HEADER!r}: line.strip()}})
    print(answer.status_code, flush=True)
"""


@pytest.fixture(autouse=True)
def scopes(tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(DEVICE_TOKEN_SCOPES=SCOPES)


def test_fifty_threads_with_fifty_tokens_of_one_activation(device: Device) -> None:
    tokens = [token_of(device) for _ in range(THREADS)]
    headers = [[device.token_header(token) for _ in range(ROUNDS)] for token in tokens]

    def client(own: list[str]) -> list[int]:
        # Each header twice: the second is a replay.
        return [ask("reading", {TOKEN_HEADER: header}).status_code for header in own for _ in range(2)]

    statuses, _ = at_once([partial(client, own) for own in headers])
    assert statuses == [[200, 401] * ROUNDS] * THREADS
    assert UsedNonce.objects.count() == THREADS * ROUNDS
    refused = TokenLogin.objects.filter(success=False).values_list("reason", flat=True)
    assert set(refused) <= {DeviceReason.REPLAYED.value, TokenLogin.REPEATED}


def database_url() -> str:
    """Where this test's database is."""
    facts = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{facts['NAME']}"
    scheme = {"postgresql": "postgres", "mysql": "mysql"}[connection.vendor]
    user = facts["USER"] + (f":{facts['PASSWORD']}" if facts["PASSWORD"] else "")
    port = f":{facts['PORT']}" if facts["PORT"] else ""
    return f"{scheme}://{user}@{facts['HOST']}{port}/{facts['NAME']}"


def test_of_one_header_sent_to_two_processes_one_passes(device: Device, token: DeviceToken) -> None:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "testproject.settings",
        "DATABASE_URL": database_url(),
        "SECRET_KEY": settings.SECRET_KEY,
    }
    workers = [
        subprocess.Popen(  # noqa: S603 - a program of this test's own
            [sys.executable, "-c", ASK],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=settings.BASE_DIR,
        )
        for _ in range(2)
    ]
    answers = []
    try:
        for worker in workers:
            assert worker.stdout
            assert worker.stdout.readline() == "ready\n"
        for _ in range(20):
            header = device.token_header(token)
            for worker in workers:
                assert worker.stdin
                worker.stdin.write(f"{header}\n")
                worker.stdin.flush()
            answers.append(sorted(worker.stdout.readline().strip() for worker in workers if worker.stdout))
    finally:
        for worker in workers:
            worker.communicate()
    # One is let through the door, where the sample gives its factors no scope; the other is not.
    assert answers == [["401", "403"]] * 20

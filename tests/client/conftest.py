from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.client.clock import Clock
from tests.client.program import KNOWLEDGE, Program
from tests.client.spoiling_server import SpoilingServer
from tests.devices.device import application_version
from tokenauth.devices.protocol.versions import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_django.live_server_helper import LiveServer

    from testproject.accounts.models import User
    from tokenauth.client import PowerAuth
    from tokenauth.devices.models import ApplicationVersion

FACTORS = ("possession", "possession_knowledge", "possession_biometry")


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes a password slow to guess is slow to test."""
    monkeypatch.setattr("tokenauth.client.factor_keys._SCRYPT_COST", 2)


@pytest.fixture
def version() -> Version:
    return Version.V3_3


@pytest.fixture
def release(live_server: LiveServer) -> ApplicationVersion:
    return application_version()


@pytest.fixture
def program(
    live_server: LiveServer,
    release: ApplicationVersion,
    version: Version,
    tmp_path: Path,
    tokenauth_settings: Callable[..., None],
) -> Iterator[Program]:
    tokenauth_settings(DEVICE_TOKEN_SCOPES={each: ["read:sites"] for each in FACTORS})
    program = Program(live_server.url, release, tmp_path, version)
    yield program
    program.close()


@pytest.fixture
def power_auth(program: Program, alice: User) -> PowerAuth:
    """Of a device of alice that is active."""
    return program.activated(alice)


@pytest.fixture
def spoiling_server(live_server: LiveServer) -> Iterator[SpoilingServer]:
    with SpoilingServer(live_server.url) as server:
        yield server


@pytest.fixture
def spoilt(program: Program, power_auth: PowerAuth, spoiling_server: SpoilingServer) -> PowerAuth:
    """A client whose server is behind another, after a first request that went well."""
    behind = program.start(url=spoiling_server.url)
    behind.token_store.request_access_token("first", KNOWLEDGE)
    return behind


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """That of the client's machine."""
    clock = Clock()
    monkeypatch.setattr("tokenauth.client.time_synchronization.time", clock)
    return clock


@pytest.fixture
def unused_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return f"http://127.0.0.1:{port}"

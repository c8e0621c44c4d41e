from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.client.program import Program
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


@pytest.fixture(params=[Version.V3_1, Version.V3_2, Version.V3_3])
def version(request: pytest.FixtureRequest) -> Version:
    chosen: Version = request.param
    return chosen


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

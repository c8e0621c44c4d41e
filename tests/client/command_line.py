"""The command line of a device as a person or a script has it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.devices.device import application_version
from tests.test_documentation import ROOT
from tokenauth.client.command_line import main
from tokenauth.client.command_line.options import (
    APP_SECRET_VARIABLE,
    KEY_VARIABLE,
    SDK_CONFIGURATION_VARIABLE,
)
from tokenauth.devices import lifecycle
from tokenauth.devices.applications import sdk_configuration
from tokenauth.devices.models import Activation, DeviceApplication
from tokenauth.devices.protocol.sdk_configuration import SdkConfiguration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pytest_django.live_server_helper import LiveServer

    from testproject.accounts.models import User
    from tokenauth.devices.lifecycle import NewActivation

# No digits alone: some fingerprint, id or time has them by chance.
PIN = "brass-73915"
WRONG_PIN = "brass-40286"
SITES = "/inventory-service/sites"


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def code(self) -> str:
        """That of the SDKs, where it failed by one."""
        assert self.status == 1, self
        *_, last = self.err.splitlines()
        assert last.startswith("code: "), self
        return last.removeprefix("code: ")

    @property
    def advice(self) -> str:
        return self.err.splitlines()[-2]

    def done(self) -> str:
        """What it printed for a program."""
        assert self.status == 0, self
        return self.out

    def usage(self) -> str:
        """What was wrong with the command."""
        assert self.status == 2, self
        assert self.out == ""
        return self.err.splitlines()[-1]


@dataclass
class CommandLine:
    """Nothing that it prints may hold one of the ``secrets``."""

    url: str
    user: User
    application: DeviceApplication
    configuration: str = field(repr=False)
    file: Path
    capture: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    secrets: set[str] = field(repr=False)

    def __call__(self, *words: str, lines: tuple[str, ...] = ()) -> Outcome:
        """What comes of these words. ``lines`` are on standard input, which is no terminal."""
        stdin = io.TextIOWrapper(io.BytesIO("".join(f"{line}\n" for line in lines).encode()))
        self.monkeypatch.setattr(sys, "stdin", stdin)
        try:
            status = main([*words, "--keychain-file", str(self.file)])
        except SystemExit as error:
            status = int(error.code or 0)
        return self._checked(Outcome(status, *self.capture.readouterr()))

    def alone(
        self, *words: str, lines: tuple[str, ...] = (), environment: Mapping[str, str] | None = None
    ) -> Outcome:
        """Likewise, in a process of its own; without ``--keychain-file``."""
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "tokenauth.client", *words],
            input="".join(f"{line}\n" for line in lines),
            env=self.environment(environment or {}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            # There may be a terminal where the tests run.
            start_new_session=True,
        )
        return self._checked(Outcome(done.returncode, done.stdout, done.stderr))

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT), **more}

    def code(self, **made: Any) -> NewActivation:
        new = lifecycle.create(self.user, self.application, **made)
        self.secrets |= {new.code, new.signature}
        return new

    def server(self, url: str = "") -> tuple[str, ...]:
        """The options that say where the server is."""
        return (
            *("--sdk-configuration", self.configuration),
            *("--url", url or self.url, "--enable-unsecure-traffic"),
        )

    def activate(self, *words: str, instance: str = "default") -> Activation:
        """A device that needs nobody to commit it."""
        new = self.code(commit_at_once=True)
        lines = (new.code, PIN)
        activated = self(
            *("activate", "-", "--password-stdin", "--instance", instance, *self.server(), *words),
            lines=lines,
        )
        activated.done()
        return Activation.objects.get(pk=new.activation.pk)

    def _checked(self, outcome: Outcome) -> Outcome:
        printed = outcome.out + outcome.err
        assert not [secret for secret in self.secrets if secret in printed], "a secret was printed"
        assert "Traceback" not in printed, outcome
        return outcome


@pytest.fixture
def command_line(
    live_server: LiveServer,
    alice: User,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tokenauth_settings: Callable[..., None],
) -> CommandLine:
    """That of a machine with nothing on it. A token of possession reads sites, of the two factors events."""
    tokenauth_settings(
        DEVICE_TOKEN_SCOPES={"possession": ["read:sites"], "possession_knowledge": ["read:events"]}
    )
    for name in ("XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    for name in (KEY_VARIABLE, APP_SECRET_VARIABLE, SDK_CONFIGURATION_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    release = application_version()
    text = sdk_configuration(release)
    secrets = {PIN, WRONG_PIN, text, SdkConfiguration.parse(text).application_secret}
    return CommandLine(
        live_server.url, alice, release.application, text, tmp_path / "keychain", capsys, monkeypatch, secrets
    )

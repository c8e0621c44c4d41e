"""A program that uses the client, on a machine of its own, and the server that it talks to."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.client.memory_keychain import MemoryKeychain
from tests.client.wire import PATIENCE, Wire, transport
from tokenauth.client import PowerAuth, PowerAuthAuthentication, PowerAuthConfiguration, PowerAuthError
from tokenauth.client.encrypted_file_keychain import EncryptedFileKeychain
from tokenauth.devices import lifecycle
from tokenauth.devices.applications import sdk_configuration
from tokenauth.devices.models import Activation
from tokenauth.devices.protocol.headers import TokenHeader
from tokenauth.devices.protocol.versions import Version
from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from pathlib import Path

    from testproject.accounts.models import User
    from tokenauth.client import PowerAuthHeader
    from tokenauth.devices.models import ApplicationVersion

SITES = "/inventory-service/sites"
CREATE, REMOVE, STATUS = "/pa/v3/token/create", "/pa/v3/token/remove", "/pa/v3/status"
# No digits alone: what is searched for it has some by chance.
PIN = "tin-7391"
BIOMETRY_KEY = b"a finger, or a face"
POSSESSION = PowerAuthAuthentication.possession()
KNOWLEDGE = PowerAuthAuthentication.password(PIN)
BIOMETRY = PowerAuthAuthentication.biometry(BIOMETRY_KEY)
WRONG = PowerAuthAuthentication.password("0000")


@dataclass
class Program:
    """Each ``start`` is one of the program, with nothing in memory of the one before."""

    url: str
    release: ApplicationVersion
    directory: Path
    version: Version = Version.V3_3
    wire: Wire = field(default_factory=Wire)
    entries: dict[str, str] = field(default_factory=dict, repr=False)
    """What is in the machine's keychain."""

    def __post_init__(self) -> None:
        # Beside the wire, where nobody counts what is sent.
        self._api = httpx.Client(base_url=self.url, transport=transport())
        self._started: list[Any] = [self._api]

    def configuration(self, url: str = "") -> PowerAuthConfiguration:
        """``url``: another than the server's."""
        return PowerAuthConfiguration.from_sdk_configuration(
            sdk_configuration(self.release),
            url or self.url,
            enable_unsecure_traffic=True,
            protocol_version=self.version,
        )

    def file_keychain(self) -> EncryptedFileKeychain:
        """For a machine without another."""
        return EncryptedFileKeychain(self.directory / "keychain")

    def start(self, instance_id: str = "field-app", *, url: str = "", **arguments: Any) -> PowerAuth:
        """The client as the program makes it. ``arguments``: others than are usual here."""
        http_client = httpx.Client(transport=self.wire)
        configuration = arguments.pop("configuration", None) or self.configuration(url)
        given = {
            "keychain": MemoryKeychain(self.entries),
            "directory": self.directory / "state",
            "http_client": http_client,
            **arguments,
        }
        power_auth = PowerAuth(instance_id, configuration, **given)
        self._started += [power_auth, http_client]
        return power_auth

    def activated(self, user: User, instance_id: str = "field-app", **arguments: Any) -> PowerAuth:
        """One whose device is ``user``'s, and needs nobody to commit it."""
        power_auth = self.start(instance_id, **arguments)
        power_auth.activate(new_code(user, self.release), PIN)
        return power_auth

    def get(self, header: PowerAuthHeader | str) -> int:
        """What the server's API answers to whoever has the header, or the header's value."""
        name, value = ("X-PowerAuth-Token", header) if isinstance(header, str) else (header.key, header.value)
        return self._api.get(SITES, headers={name: value}).status_code

    def close(self) -> None:
        for each in self._started:
            each.close()
        self.wire.end()


def new_code(user: User, release: ApplicationVersion) -> str:
    return lifecycle.create(user, release.application, commit_at_once=True).code


def stored() -> Activation:
    """The server's row."""
    return Activation.objects.get()


def refused_token(power_auth: PowerAuth, name: str = "sites") -> PowerAuthError:
    """Why there is no token of two factors, of which nothing is kept either."""
    with pytest.raises(PowerAuthError) as refused:
        power_auth.token_store.request_access_token(name, KNOWLEDGE)
    assert power_auth.token_store.has_local_token(name) is False
    return refused.value


def reasons(count: int = 1) -> list[str]:
    """Why the server refused, as soon as it has noted ``count`` refusals: it does so after the answer."""
    refused = TokenLogin.objects.filter(success=False).order_by("pk").values_list("reason", flat=True)
    deadline = time.monotonic() + PATIENCE
    while len(found := list(refused.all())) < count and time.monotonic() < deadline:
        time.sleep(0.005)
    return found


def parsed(header: PowerAuthHeader) -> TokenHeader:
    """The header as the server reads it."""
    assert header.key == "X-PowerAuth-Token"
    return TokenHeader.parse(header.value)

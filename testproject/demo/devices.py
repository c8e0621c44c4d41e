"""A device: activated with a code, let in by a token, refused what it sends twice, blocked, and removed."""

import re
import secrets
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.core.management.base import CommandError
from django.test import Client
from django.test.utils import override_settings
from django.urls import reverse

from testproject.accounts.models import User
from testproject.demo.requests import USER_AGENT, Request, indented
from testproject.demo.steps import PATIENCE, UnexpectedError, manage, show
from tokenauth.client import (
    EncryptedFileKeychain,
    PowerAuth,
    PowerAuthAuthentication,
    PowerAuthConfiguration,
    PowerAuthError,
)
from tokenauth.devices.applications import create_application, create_version, sdk_configuration
from tokenauth.devices.models import ApplicationVersion, DeviceApplication
from tokenauth.models import TokenLogin

SITES = "/inventory-service/sites"
APPLICATION = "Demo: field app"
# What devices may do in the sample, for as long as the demo takes.
SCOPES = {"DEVICE_TOKEN_SCOPES": {"possession": ["read:sites"]}}


def devices_may_read_sites() -> override_settings:
    """Which the settings of the sample do not let them, in this process until the block ends."""
    return override_settings(TOKENAUTH={**settings.TOKENAUTH, **SCOPES})


def walk_through_a_device(base_url: str, alice: User, operator: User, write: Callable[[str], object]) -> int:
    """Take a device through its life, say what happens, and count what was not as expected.

    The server has to be one for which ``devices_may_read_sites``.
    """
    write("A device of alice's comes and goes\n")
    release = _release()
    configuration = sdk_configuration(release)
    write(f"   Its app was built with what createdeviceapplication prints:\n\n   {configuration}\n")
    write("   The sample gives devices no scope. For as long as the demo runs, one is in its settings:\n")
    write(f"   TOKENAUTH |= {SCOPES}\n")
    with (
        # What the device keeps goes with it.
        TemporaryDirectory(prefix="tokenauth-demo-") as folder,
        # The server is on this machine, and its lines about the device would stand in between.
        httpx.Client(headers={"User-Agent": USER_AGENT}, trust_env=False) as http_client,
        PowerAuth(
            "demo",
            PowerAuthConfiguration.from_sdk_configuration(
                configuration, base_url, enable_unsecure_traffic=True
            ),
            keychain=EncryptedFileKeychain(Path(folder, "keychain")),
            directory=Path(folder),
            http_client=http_client,
        ) as power_auth,
    ):
        try:
            _Walk(base_url, write, power_auth, release.application).take(alice, operator)
        except (UnexpectedError, PowerAuthError, CommandError) as error:
            write(f"   NOT AS EXPECTED: {error}\n")
            return 1
    return 0


def steps_of_ones_own(base_url: str) -> str:
    """What somebody types at another terminal to have a device at the server of this process."""
    program = Path(sys.executable)
    here = Path.cwd()
    python = shlex.quote(str(program.relative_to(here) if program.is_relative_to(here) else program))
    client = f"{python} -m tokenauth.client"
    # The one without a name is for whoever goes on with the how-to.
    instance = "--instance demo"
    server = f"--url {base_url} --enable-unsecure-traffic"
    lines = [
        f"{python} manage.py activatedevice alice --application '{APPLICATION}' --commit-at-once",
        f"{client} activate {instance} {server} --sdk-configuration {sdk_configuration(_release())}",
        f"{client} token request {instance} sites",
        f'curl -i -H "$({client} token header {instance} sites)" {base_url}{SITES}',
        f"{client} remove {instance}",
    ]
    return "\n".join(f"   $ {line}" for line in lines)


def _release() -> ApplicationVersion:
    """The first version of an application, which is there from the second time on."""
    application = DeviceApplication.objects.filter(name=APPLICATION).first()
    application = application or create_application(APPLICATION)
    return application.versions.first() or create_version(application, "1.0")


@dataclass
class _Walk:
    base_url: str
    write: Callable[[str], object]
    power_auth: PowerAuth
    application: DeviceApplication
    steps: int = 0

    def take(self, alice: User, operator: User) -> None:
        """:raises UnexpectedError, PowerAuthError, CommandError: a step is not as it should be."""
        admin = _browser(self.base_url, operator)
        code = self._code(admin, alice)
        self._title("The device takes the code, and alice chooses a PIN. Of Python, that is one line:")
        device = self._call(f"power_auth.activate({code!r}, '2468', name='Demo: tablet')")
        self._commit(admin, device.activation_identifier, device.activation_fingerprint)

        self._title("It asks for a token, by the keys that it has. A token is made once, and kept:")
        self._call(
            "power_auth.token_store.request_access_token('sites', PowerAuthAuthentication.possession())"
        )

        self._title("By the token it makes a header for each request: alice's sites.")
        request = self._request()
        self._expect(request, 200)
        self._title("The same request again: somebody has listened, or has copied a line from here.")
        self._expect(request, 401, "device_replayed")

        identifier = device.activation_identifier
        self._title("The tablet is lost, and the operator blocks it. A new header is of no use:")
        manage(f"blockdevice {identifier} --reason 'left on a train'", self.write)
        self._expect(self._request(), 401, "device_blocked")
        self._title("It was found. The same token works again:")
        manage(f"unblockdevice {identifier}", self.write)
        self._expect(self._request(), 200)

        self._title("It is removed for good:")
        manage(f"removedevice {identifier} --yes", self.write)
        self._expect(self._request(), 401, "device_unknown")
        self._title("The device asks how it stands, is told, and forgets what it had:")
        if self._call("power_auth.fetch_activation_status()").state.name != "REMOVED":
            raise UnexpectedError("it should have been removed.")
        self._call("power_auth.remove_activation_local()")

    def _code(self, admin: Client, alice: User) -> str:
        url = reverse("admin:tokenauth_devices_activation_add")
        self._title("An operator makes a code for alice in the admin, whose answer shows it once:")
        self.write(f"   {self.base_url}{url}\n")
        answer = admin.post(url, {"owner": alice.get_username(), "application": str(self.application.pk)})
        found = re.search(r'id="activation-code"[^>]* value="([A-Z2-7-]+)"', answer.content.decode())
        if found is None:
            raise UnexpectedError("the admin shows no code.")
        self.write(f"   {found[1]}\n")
        return found[1]

    def _commit(self, admin: Client, identifier: str, fingerprint: str) -> None:
        url = reverse("admin:tokenauth_devices_activation_change", args=[identifier])
        self._title(f"The operator sees the same {fingerprint} on its page in the admin, and commits it:")
        self.write(f"   {self.base_url}{url}\n")
        if not re.search(rf"\b{fingerprint}\b", admin.get(url).content.decode()):
            raise UnexpectedError("the admin shows another fingerprint.")
        manage(f"commitdevice {identifier} --yes", self.write)

    def _call(self, line: str) -> Any:
        """Run a line of Python as it is shown."""
        names = {"power_auth": self.power_auth, "PowerAuthAuthentication": PowerAuthAuthentication}
        value = eval(line, names)  # noqa: S307 - lines of this module
        shown = "" if value is None else f"{indented(repr(value))}\n"
        self.write(f"   >>> {line}\n{shown}")
        return value

    def _request(self) -> Request:
        """With a header of now, and an id by which it is found in the log."""
        header = self.power_auth.token_store.generate_header_for_token("sites")
        headers = {header.key: header.value, "X-Request-ID": f"demo-{secrets.token_hex(4)}"}
        return Request(self.base_url + SITES, headers)

    def _expect(self, request: Request, status: int, logged: str | None = None) -> None:
        """Send it. Why it is refused, the log alone says."""
        if show(request, self.write).status != status:
            raise UnexpectedError(f"it should have been {status}.")
        if logged is None:
            return
        reason = _reason(request)
        self.write(f"   The device is told no more. The login log has: {reason}\n")
        if reason != logged:
            raise UnexpectedError(f"it should have been {logged}.")

    def _title(self, title: str) -> None:
        self.steps += 1
        self.write(f"{self.steps}. {title}\n")


def _browser(base_url: str, operator: User) -> Client:
    """Somebody's, who has signed in to the admin."""
    parts = urlsplit(base_url)
    browser = Client(SERVER_NAME=parts.hostname or "", SERVER_PORT=str(parts.port))
    browser.force_login(operator)
    return browser


def _reason(request: Request) -> str:
    """Why ``request`` was refused: the row is written once it was answered.

    :raises UnexpectedError: there is none.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        row = TokenLogin.objects.filter(request_id=request.headers["X-Request-ID"], success=False).first()
        if row is not None:
            return str(row.reason)
        time.sleep(0.05)
    raise UnexpectedError("the login log has nothing of it.")

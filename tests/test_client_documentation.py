"""The pages on a device in Python: each example does what it says, against a server; each call has a page."""

from __future__ import annotations

import ast
import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx
import keyring
import pytest
from cryptography.fernet import Fernet
from django.urls import clear_url_caches, include, path
from keyring.backends.null import Keyring as NoKeyring
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.response import Response

import tokenauth.client
from tests.devices.device import application_version
from tests.test_documentation import CLIENT, DEVICES, DOCS, ROOT, example, run
from tokenauth.client import (
    PowerAuth,
    PowerAuthAuthentication,
    PowerAuthConfiguration,
    PowerAuthErrorCode,
    PowerAuthToken,
    TimeSynchronizationService,
    TokenStore,
)
from tokenauth.devices import lifecycle
from tokenauth.devices.applications import sdk_configuration
from tokenauth.devices.authentication import SignatureAuthentication
from tokenauth.devices.decorators import device_signature
from tokenauth.devices.fingerprints import fingerprint_of
from tokenauth.devices.models import Activation, DeviceToken
from tokenauth.permissions import HasScopes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import ModuleType

    from pytest_django.live_server_helper import LiveServer

    from testproject.accounts.models import User
    from tokenauth.devices.models import ApplicationVersion

    Namespace = dict[str, Any]

# What devices spend is committed, in a transaction of its own.
pytestmark = pytest.mark.django_db(transaction=True)

PAGES = {page.stem: page for page in (DOCS / "client").glob("*.md") if page.stem != "index"}
INDEX = DOCS / "client" / "index.md"
PASSWORD, ANOTHER = "2468", "8642"

# Where an example begins: before there is an activation, or before it is persisted. Else, at an active one.
BEFORE_ACTIVATION = {"create-activation", "activate", "can-start-activation"}
BEFORE_PERSISTING = {"persist-activation", "has-pending-activation"}
# They ask for nothing but the time, or for nothing at all.
WITHOUT_ACTIVATION = {
    *("configure", "is-configured", "is-time-synchronized", "current-time", "local-time-adjustment"),
    *("local-time-adjustment-precision", "synchronize-time", "reset-time-synchronization"),
    *("start-time-synchronization-task", "complete-time-synchronization-task"),
}

# For PowerAuthToken, which is another module's.
OF_THE_PACKAGE = {"is_of_this_activation", "header_of"}


@device_signature("/visits")
@api_view(["GET"])
@authentication_classes([SignatureAuthentication])
@permission_classes([HasScopes.of("read:reports")])
def signed_visits(request: Any) -> Response:
    return Response({"for": request.user.get_username()})


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A person's directories, on a system that has no keychain, and whose network leads to this machine."""
    # What makes a password slow to guess is slow to test.
    monkeypatch.setattr("tokenauth.client.factor_keys._SCRYPT_COST", 2)
    for name in ("XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("NO_PROXY", "*")
    found = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]
    yield tmp_path
    keyring.set_keyring(found)


@pytest.fixture
def release(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApplicationVersion]:
    """Of an application whose server has the views of the page on devices."""
    monkeypatch.setenv("DEVICE_ENCRYPTION_KEY", "d" * 48)
    before = run(example(ROOT / "README.md", "settings.py"), INSTALLED_APPS=[], MIDDLEWARE=[])
    names = ("INSTALLED_APPS", "REST_FRAMEWORK", "TOKENAUTH")
    given = run(example(DEVICES, "settings.py: devices"), **{name: before[name] for name in names})
    settings.TOKENAUTH = given["TOKENAUTH"]
    views = run(example(DEVICES, "views.py: devices"))
    urlconf: ModuleType = type(pytest)("urlconf")
    urlconf.urlpatterns = [  # type: ignore[attr-defined]
        path("", include("tokenauth.devices.urls")),
        path("visits", views["visits"]),
        path("new-visit", views["new_visit"]),
        path("signed-visits", signed_visits),
    ]
    settings.ROOT_URLCONF = urlconf
    clear_url_caches()
    yield application_version()
    clear_url_caches()


@pytest.fixture
def prepared(
    here: Path, release: ApplicationVersion, live_server: LiveServer, alice: User
) -> Callable[[str], Namespace]:
    """What the examples of a page find."""

    def prepare(page: str) -> Namespace:
        made = lifecycle.create(alice, release.application, commit_at_once=True)
        configuration = PowerAuthConfiguration.from_sdk_configuration(
            sdk_configuration(release), live_server.url, enable_unsecure_traffic=True
        )
        # As the examples name it, which begin with nothing each time.
        shutil.rmtree(here / "xdg_data_home", ignore_errors=True)
        shutil.rmtree(here / "xdg_state_home", ignore_errors=True)
        power_auth = PowerAuth("com.example.field", None if page == "is-configured" else configuration)
        auth = PowerAuthAuthentication.password(PASSWORD)
        names: Namespace = {
            "httpx": httpx,
            "configuration": configuration,
            "power_auth": power_auth,
            "auth": auth,
            "activation_code": made.qr_text,
            "base_url": live_server.url,
            "url": live_server.url + URLS.get(page, "/visits"),
            "made": made.activation,
        }
        names |= {name: getattr(tokenauth.client, name) for name in tokenauth.client.__all__}
        if page in BEFORE_PERSISTING:
            power_auth.create_activation(names["PowerAuthActivation"].with_activation_code(made.code))
        elif page in WITHOUT_ACTIVATION:
            if page != "is-configured":
                power_auth.time_synchronization_service.synchronize_time()
        elif page not in BEFORE_ACTIVATION:
            power_auth.activate(made.code, PASSWORD)
            if page != "request-access-token":
                names["token"] = power_auth.token_store.request_access_token("visits", auth)
        if page == "synchronize-time":
            power_auth.time_synchronization_service.reset_time_synchronization()
        return names

    return prepare


URLS = {"request-signature": "/new-visit", "request-get-signature": "/signed-visits"}


def blocks(page: Path, title: str) -> list[str]:
    """The examples that have this title."""
    return re.findall(rf'^```python title="{title}"\n(.*?)^```', page.read_text(), re.DOTALL | re.MULTILINE)


def run_asynchronously(source: str, names: Namespace) -> Namespace:
    """Run an example that awaits."""
    code = compile(source, "example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    async def main() -> None:
        await eval(code, names)  # noqa: S307 - of our own pages

    asyncio.run(main())
    return names


def status_of(page: str, names: Namespace) -> int:
    """That of a request with the header of an example, sent by it or else here."""
    if "answer" in names:
        return int(names["answer"].status_code)
    with httpx.Client() as client:
        if "request" in names:
            return client.send(names["request"]).status_code
        header, is_post = names["header"], page == "request-signature"
        request = httpx.Request(
            "POST" if is_post else "GET",
            names["url"],
            content=b'{"site": 7}' if is_post else None,
            params={"site": "7"} if page == "request-get-signature" else None,
            headers={header.key: header.value},
        )
        return client.send(request).status_code


def stored(names: Namespace) -> Activation:
    activation: Activation = Activation.objects.get(pk=names["made"].pk)
    return activation


def has_token(names: Namespace) -> tuple[bool, int]:
    """Whether it is here, and how many the server has."""
    is_here = names["power_auth"].token_store.has_local_token("visits")
    return is_here, DeviceToken.objects.filter(activation=names["made"].pk).count()


def is_activated(names: Namespace) -> bool:
    return bool(names["power_auth"].has_valid_activation())


def is_answered(page: str) -> Callable[[Namespace], bool]:
    return lambda names: status_of(page, names) == 200


def service(names: Namespace) -> TimeSynchronizationService:
    found: TimeSynchronizationService = names["power_auth"].time_synchronization_service
    return found


# What is so once the example of a page was run.
AFTERWARDS: Mapping[str, Callable[[Namespace], bool]] = {
    "configure": lambda names: names["power_auth"].is_configured(),
    "is-configured": lambda names: names["power_auth"].is_configured(),
    "close": is_activated,
    "has-valid-activation": lambda names: names["is_activated"] is True,
    "can-start-activation": is_activated,
    "has-pending-activation": is_activated,
    "create-activation": lambda names: (
        names["power_auth"].has_pending_activation()
        and names["result"].activation_fingerprint == fingerprint_of(stored(names))
    ),
    "persist-activation": is_activated,
    "activate": lambda names: (
        is_activated(names) and names["result"].activation_identifier == str(names["made"].pk)
    ),
    "get-activation-identifier": lambda names: names["identifier"] == str(names["made"].pk),
    "get-activation-fingerprint": lambda names: names["fingerprint"] == fingerprint_of(stored(names)),
    "fetch-activation-status": lambda names: names["status"].state == "ACTIVE",
    "request-signature": is_answered("request-signature"),
    "request-get-signature": is_answered("request-get-signature"),
    # The one tries a wrong one, the other a right one.
    "validate-password": lambda names: (
        stored(names).failed_attempts == 1 if names["is_synchronous"] else stored(names).counter == 2
    ),
    "change-password": lambda names: names["power_auth"].validate_password(ANOTHER) is None,
    "unsafe-change-password": lambda names: names["power_auth"].validate_password(ANOTHER) is None,
    "remove-activation-with-authentication": lambda names: (
        not is_activated(names) and stored(names).status == Activation.Status.REMOVED
    ),
    "remove-activation-local": lambda names: (
        not is_activated(names) and stored(names).status == Activation.Status.ACTIVE
    ),
    "can-request-for-access-token": lambda names: names["can_request"] is True,
    "request-access-token": lambda names: (
        has_token(names) == (True, 1) and names["token"].token_name == "visits"
    ),
    "has-local-token": lambda names: names["is_here"] is True,
    "get-local-token": lambda names: DeviceToken.objects.filter(pk=names["token"].token_identifier).exists(),
    "generate-header-for-token": is_answered("generate-header-for-token"),
    "remove-access-token": lambda names: has_token(names) == (False, 0),
    "remove-local-token": lambda names: has_token(names) == (False, 1),
    "remove-all-local-tokens": lambda names: has_token(names) == (False, 1),
    "cancel-all-requests": lambda names: has_token(names) == (True, 1),
    "local-token-names": lambda names: names["names"] == ["visits"],
    "token-is-valid": lambda names: names["is_valid"] is True,
    "token-can-generate-header": lambda names: names["can_generate"] is True,
    "token-generate-header": is_answered("token-generate-header"),
    "is-time-synchronized": lambda names: names["is_known"] is True,
    "current-time": lambda names: abs(names["milliseconds"] - time.time() * 1000) < 60_000,
    "local-time-adjustment": lambda names: names["milliseconds"] == 0,
    "local-time-adjustment-precision": lambda names: 0 <= names["milliseconds"] < 16_000,
    "synchronize-time": lambda names: service(names).is_time_synchronized(),
    "reset-time-synchronization": lambda names: not service(names).is_time_synchronized(),
    "start-time-synchronization-task": lambda names: service(names).complete_time_synchronization_task(
        names["task"], time.time_ns() // 1_000_000
    ),
    "complete-time-synchronization-task": lambda names: names["is_known"] is True,
}


@pytest.mark.parametrize("page", sorted(PAGES))
def test_the_examples_of_a_call(page: str, prepared: Callable[[str], Namespace]) -> None:
    (of_python,) = blocks(PAGES[page], "Python")
    for source in (of_python, *blocks(PAGES[page], "Python, asynchronous")):
        names = prepared(page)
        of_the_fixture = names["power_auth"]
        names["is_synchronous"] = source == of_python
        try:
            names = run(source, **names) if source == of_python else run_asynchronously(source, names)
            assert AFTERWARDS[page](names), source
        finally:
            of_the_fixture.close()
            names["power_auth"].close()


def calls() -> dict[str, bool]:
    """The page of each public method, and whether there is a twin for asynchronous code."""
    found = {}
    for of_class, prefix in (
        (PowerAuth, ""),
        (TokenStore, ""),
        (PowerAuthToken, "token_"),
        (TimeSynchronizationService, ""),
    ):
        names = [name for name in vars(of_class) if callable(getattr(of_class, name)) and name[0] != "_"]
        for name in names:
            is_twin = name[0] == "a" and name[1:] in names
            if not is_twin and name not in OF_THE_PACKAGE:
                found[f"{prefix}{name}".replace("_", "-")] = f"a{name}" in names
    return found


def test_each_call_has_a_page_and_each_page_is_in_the_table() -> None:
    assert {page: bool(blocks(path, "Python, asynchronous")) for page, path in PAGES.items()} == calls()
    linked = re.findall(r"^\|.*\| \[`[\w.]+`\]\(([\w-]+)\.md\) \|$", INDEX.read_text(), re.MULTILINE)
    assert sorted(linked) == sorted(PAGES)
    assert set(AFTERWARDS) == set(PAGES)


def test_the_names_in_the_examples(
    prepared: Callable[[str], Namespace], release: ApplicationVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = prepared("is-configured")
    (source,) = blocks(INDEX, "Names in the examples")
    source = source.replace("base_url)", "base_url, enable_unsecure_traffic=True)")
    made = run(source, sdk_configuration=sdk_configuration(release), base_url=names["base_url"])
    with made["power_auth"] as power_auth:
        assert power_auth.can_start_activation()
    assert set(re.findall(r"^    (\w+),$", source, re.MULTILINE)) <= set(tokenauth.client.__all__)


def raised(page: Path) -> set[str]:
    """The codes that the first column of a table names."""
    rows = re.findall(r"^\| (`[A-Z][^|]*) \|", page.read_text(), re.MULTILINE)
    return {code for row in rows for code in re.findall(r"`([A-Z_]+)`", row)} - {"ERR_ACTIVATION"}


def test_the_errors_are_those_that_are_raised() -> None:
    of_sdks = (ROOT / "tokenauth" / "client").glob("*.py")
    # What merely tells of a code raises none.
    sources = [
        file.read_text() for file in of_sdks if file.name not in ("exceptions.py", "error_messages.py")
    ]
    named = {code for source in sources for code in re.findall(r"PowerAuthErrorCode\.([A-Z_]+)", source)}
    # KeychainError's, where it is given no other.
    assert raised(CLIENT) == named | {"UNKNOWN_ERROR"}
    for page in (*PAGES.values(), INDEX):
        assert raised(page) <= set(PowerAuthErrorCode) & raised(CLIENT), page.name


def test_the_page(
    here: Path,
    release: ApplicationVersion,
    live_server: LiveServer,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = lifecycle.create(alice, release.application)
    monkeypatch.setenv("SDK_CONFIGURATION", sdk_configuration(release))
    monkeypatch.setattr("builtins.input", lambda prompt: made.code)
    monkeypatch.setattr("getpass.getpass", lambda prompt: PASSWORD)

    def step(name: str, **names: Any) -> Namespace:
        source = example(CLIENT, name)
        source = re.sub(
            r'"https://api\.example\.com"(?=\n\)\n)', r"\g<0>, enable_unsecure_traffic=True", source
        )
        source = source.replace("https://api.example.com", live_server.url)
        return run(source.replace("/var/lib/kiosk", str(here)), **names)

    names = step("activate")
    with names["power_auth"] as power_auth:
        assert fingerprint_of(Activation.objects.get()) in capsys.readouterr().out
        assert step("status", **names)["status"].state == "PENDING_COMMIT"
        lifecycle.commit(made.activation)
        # A second time, there is one.
        monkeypatch.delattr("builtins.input")
        with step("activate")["power_auth"] as again:
            assert again.get_activation_identifier() == power_auth.get_activation_identifier()
        step("a token", **names)
        assert "X-PowerAuth-Token PowerAuth " in capsys.readouterr().out
        for visits in (step("httpx", **names)["visits"], step("requests", **names)["visits"]):
            assert (visits.status_code, visits.json()["for"]) == (200, "alice")
        read = step("asynchronous", **names)["read_visits"]
        assert asyncio.run(read()).status_code == 200
        assert step("signed", **names)["answer"].json() == {"by": "possession_knowledge"}
        assert "said" not in step("errors", **names)
        power_auth.token_store.remove_access_token("visits")
        assert step("errors", **names)["said"] == "Request the token first."
    monkeypatch.setenv("KIOSK_KEY", Fernet.generate_key().decode())
    with step("a keychain", **names)["power_auth"] as kiosk:
        assert kiosk.can_start_activation()


def of_a_program() -> dict[str, str]:
    """The environment of the clone's command line, on a system that has no keychain."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }


# For somebody who sits there: what is typed is on standard input here, and the server is on this machine.
TYPED = {
    " activate ": " activate - --password-stdin --enable-unsecure-traffic ",
    " sign ": " sign --password-stdin ",
    "client remove": "client remove --yes --password-stdin",
}


def test_the_command_line(
    here: Path, release: ApplicationVersion, live_server: LiveServer, alice: User
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: the lines of the page were not run. Install curl to run them.")
    section = CLIENT.read_text().partition("## At the command line\n")[2].partition("\n## ")[0]
    lines = "".join(re.findall(r"^```sh\n(.*?)^```", section, re.DOTALL | re.MULTILINE)).splitlines()
    made = lifecycle.create(alice, release.application)
    (here / "app.env").write_text(f"APPLICATION_KEY=…\nSDK_CONFIGURATION={sdk_configuration(release)}\n")
    said: list[str] = []
    for line in lines:
        command = line.replace("https://api.example.com", live_server.url)
        for before, after in TYPED.items():
            command = command.replace(before, after)
        done = subprocess.run(  # noqa: S602 - of our own page
            command.replace("python -m", f"{sys.executable} -m"),
            shell=True,
            cwd=here,
            env=of_a_program(),
            input=f"{made.code}\n{PASSWORD}\n" if " activate " in line else f"{PASSWORD}\n",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, line + done.stdout + done.stderr
        said.append(done.stdout)
        if " activate " in line:
            assert fingerprint_of(Activation.objects.get()) in done.stdout
            lifecycle.commit(made.activation)
    statuses = [text.split()[1] for text in said if text.startswith("HTTP/")]
    assert statuses == ["200", "200"]
    assert "ACTIVE" in said[1]
    assert Activation.objects.get().status == Activation.Status.REMOVED
    assert "--help" in section


def test_the_command_line_beside_a_program(
    here: Path,
    release: ApplicationVersion,
    live_server: LiveServer,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configuration = PowerAuthConfiguration.from_sdk_configuration(
        sdk_configuration(release), live_server.url, enable_unsecure_traffic=True
    )
    monkeypatch.setenv("KIOSK_KEY", Fernet.generate_key().decode())
    program = example(CLIENT, "a keychain").replace("/var/lib/kiosk", str(here))
    with run(program, configuration=configuration)["power_auth"] as power_auth:
        power_auth.activate(lifecycle.create(alice, release.application, commit_at_once=True).code, PASSWORD)
        (here / "app.env").write_text(f"SDK_CONFIGURATION={sdk_configuration(release)}\n")
        section = CLIENT.read_text().partition("## At the command line, beside a program\n")[2]
        lines = section.partition("```sh\n")[2].partition("```")[0]
        lines = lines.replace("/var/lib/kiosk", str(here)).replace("python -m", f"{sys.executable} -m")
        done = subprocess.run(  # noqa: S602 - of our own page
            lines.replace("https://api.example.com", f"{live_server.url} --enable-unsecure-traffic"),
            shell=True,
            cwd=here,
            env=of_a_program(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert power_auth.get_activation_identifier() in done.stdout
        assert "ACTIVE" in done.stdout

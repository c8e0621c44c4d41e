"""Each command against a live server: what it does, and what it refuses to."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from cryptography.fernet import Fernet

from tests.client.command_line import PIN, SITES, WRONG_PIN, CommandLine, command_line
from tokenauth.client.command_line.options import (
    APP_SECRET_VARIABLE,
    KEY_VARIABLE,
    SDK_CONFIGURATION_VARIABLE,
)
from tokenauth.client.encrypted_file_keychain import EncryptedFileKeychain
from tokenauth.client.error_messages import OF_AN_UNKNOWN_OUTCOME
from tokenauth.devices import lifecycle
from tokenauth.devices.fingerprints import fingerprint_of
from tokenauth.devices.models import Activation, DeviceToken
from tokenauth.devices.protocol.sdk_configuration import SdkConfiguration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["command_line"]

pytestmark = pytest.mark.django_db(transaction=True)

VALIDATE = ("/pa/v3/signature/validate", "/pa/signature/validate")


def status_of(url: str, header: str, method: str = "GET", body: bytes | None = None) -> int:
    """That of the answer to a request with a header as it was printed."""
    name, _, value = header.removesuffix("\n").partition(": ")
    headers = {name: value, "Content-Type": "application/json"}
    request = Request(url, body, headers, method=method)  # noqa: S310
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=30) as response:
            return int(response.status)
    except HTTPError as error:
        with error:
            return error.code


@pytest.fixture
def nobody_there() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def silence() -> Iterator[str]:
    """A server that takes what is sent, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


# activate


def test_from_the_code_to_the_end(command_line: CommandLine) -> None:
    new = command_line.code()
    activated = command_line(
        *("activate", "-", "--name", "Gate 4", "--password-stdin", *command_line.server()),
        lines=(new.code, PIN),
    )
    activation = Activation.objects.get()
    shown = fingerprint_of(activation)
    assert activated.done() == f"activation id  {activation.pk}\nfingerprint    {shown}\n"
    assert activation.name == "Gate 4"
    assert "Compare the fingerprint" in activated.err

    waiting = command_line("status")
    assert waiting.done().splitlines()[0] == "state          PENDING_COMMIT"
    assert shown in waiting.out
    assert "waits to be committed" in waiting.err
    # None is left to count before that, which would look like a device that is blocked.
    assert "attempts" not in waiting.out
    assert command_line("token", "request", "sync").code == "AUTHENTICATION_ERROR"

    lifecycle.commit(activation)
    active = command_line("status")
    assert "attempts left  5 of 5" in active.done()
    assert active.err == ""
    made = command_line("token", "request", "sync")
    assert made.done() == f"{DeviceToken.objects.get().pk}\n"

    header = command_line("token", "header", "sync")
    assert re.fullmatch(r"X-PowerAuth-Token: PowerAuth [^\n]+\n", header.done())
    assert header.err == ""
    assert status_of(command_line.url + SITES, header.out) == 200
    assert status_of(command_line.url + SITES, header.out) == 401

    removed = command_line("remove", "--yes", "--password-stdin", lines=(PIN,))
    assert removed.done() == ""
    activation.refresh_from_db()
    assert activation.status == Activation.Status.REMOVED
    assert command_line("status").code == "MISSING_ACTIVATION"
    # With the code alone: the server is known.
    again = command_line.code(commit_at_once=True)
    activated = command_line("activate", "-", "--password-stdin", lines=(again.qr_text, PIN))
    assert activated.done().startswith(f"activation id  {again.activation.pk}\n")


def test_a_code_is_good_once(command_line: CommandLine) -> None:
    new = command_line.code(commit_at_once=True)
    words = ("activate", "-", "--password-stdin")
    command_line(*words, *command_line.server(), lines=(new.code, PIN)).done()

    second = command_line(*words, "--instance", "2", *command_line.server(), lines=(new.code, PIN))

    assert second.code == "RESPONSE_ERROR"
    assert "Ask its operator for a new code." in second.advice
    assert command_line("status", "--instance", "2").code == "MISSING_ACTIVATION"


def test_a_code_that_is_none_and_one_of_another_server(command_line: CommandLine) -> None:
    words = ("activate", "-", "--password-stdin", *command_line.server())
    assert command_line(*words, lines=("AAAAA-BBBBB-CCCCC-DDDDD", PIN)).code == "INVALID_ACTIVATION_CODE"
    new = command_line.code()
    forged = f"{new.code}#{new.signature[::-1]}"
    assert command_line(*words, lines=(forged, PIN)).code == "INVALID_ACTIVATION_CODE"
    command_line(*words, lines=(new.qr_text.replace(new.code, new.code.lower()), PIN)).done()


def test_a_second_activation_beside_and_in_place(command_line: CommandLine) -> None:
    first = command_line.activate()
    new = command_line.code(commit_at_once=True)
    words = ("activate", "-", "--password-stdin", *command_line.server())

    # Before anything is asked.
    assert command_line(*words, "--protocol-version", "3.1").code == "INVALID_ACTIVATION_STATE"
    # Nor was its configuration changed.
    assert "by PowerAuth 3.3" in command_line("configure").err
    command_line(*words, "--instance", "Gate 5", lines=(new.code, PIN)).done()

    assert str(first.pk) in command_line("status").done()
    assert str(new.activation.pk) in command_line("status", "--instance", "Gate 5").done()


@pytest.mark.parametrize("version", ["3.1", "3.2", "3.3"])
def test_a_version_of_the_protocol(command_line: CommandLine, version: str) -> None:
    command_line.activate("--protocol-version", version)
    command_line("token", "request", "sync").done()
    header = command_line("token", "header", "sync").done()
    assert f'version="{version}"' in header
    assert status_of(command_line.url + SITES, header) == 200


def test_where_the_configuration_is_from(command_line: CommandLine, tmp_path: Path) -> None:
    parts = SdkConfiguration.parse(command_line.configuration)
    release = command_line.application.versions.get()
    three = ("--app-key", parts.application_key, "--master-public-key", release.application.master_public_key)
    file = tmp_path / "app.env"
    file.write_text(f"APPLICATION_ID=7\nSDK_CONFIGURATION={command_line.configuration}\n")
    alone = tmp_path / "alone"
    alone.write_text(f"{command_line.configuration}\n")
    address = ("--url", f"{command_line.url}/", "--enable-unsecure-traffic")

    def configure(*words: str) -> None:
        command_line("configure", *address, *words).done()
        command_line("remove", "--local", "--yes", "--forget-server").done()

    configure("--sdk-configuration-file", str(file))
    configure("--sdk-configuration-file", str(alone))
    configure(*three, "--app-secret", parts.application_secret)
    assert "go together" in command_line("configure", *address, *three).usage()
    command_line.monkeypatch.setenv(APP_SECRET_VARIABLE, parts.application_secret)
    configure(*three)
    assert "is needed" in command_line("configure", *address).usage()
    command_line.monkeypatch.setenv(SDK_CONFIGURATION_VARIABLE, command_line.configuration)
    configure()
    both = command_line("configure", *address, *three, "--sdk-configuration-file", str(file))
    assert "give either" in both.usage()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--url", "http://api.example.com"),
            "--url is not https. For tests, set --enable-unsecure-traffic.",
        ),
        (("--url", "api.example.com"), "--url is the address before /pa/v3"),
        (("--url", "https://api.example.com?x"), "--url is the address before /pa/v3"),
        (("--url", "https://api.example.com", "--app-key", "x", "--master-public-key", "x"), "--app-key"),
    ],
)
def test_a_configuration_that_does_not_fit(
    command_line: CommandLine, words: tuple[str, ...], said: str
) -> None:
    if "--app-key" in words:
        command_line.monkeypatch.setenv(APP_SECRET_VARIABLE, "x")
    else:
        command_line.monkeypatch.setenv(SDK_CONFIGURATION_VARIABLE, command_line.configuration)
    refused = command_line("configure", *words)
    assert refused.code == "WRONG_PARAMETER"
    assert said in refused.err
    assert command_line("status").code == "INSTANCE_NOT_CONFIGURED"


def test_a_configuration_file_that_is_none(command_line: CommandLine, tmp_path: Path) -> None:
    words = ("configure", "--url", "https://api.example.com", "--sdk-configuration-file")
    missing = command_line(*words, str(tmp_path / "missing"))
    assert missing.status == 1
    assert "missing cannot be read: No such file or directory." in missing.err
    (tmp_path / "other").write_text("something else")
    assert command_line(*words, str(tmp_path / "other")).code == "WRONG_PARAMETER"
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert "it is not a text" in command_line(*words, str(tmp_path / "binary")).err


def test_a_server_that_has_moved(command_line: CommandLine, nobody_there: str) -> None:
    command_line.activate()
    command_line("configure", "--url", nobody_there, "--enable-unsecure-traffic").done()
    assert command_line("status").code == "NETWORK_ERROR"
    # Another address has to be said to be without TLS again.
    assert command_line("configure", "--url", command_line.url).code == "WRONG_PARAMETER"
    command_line("configure", "--url", command_line.url, "--enable-unsecure-traffic").done()
    assert "ACTIVE" in command_line("status").done()


def test_no_line_for_the_code_or_the_pin(command_line: CommandLine) -> None:
    words = ("activate", "-", "--password-stdin", *command_line.server())
    assert "no line for the activation code" in command_line(*words).err
    new = command_line.code()
    nothing = command_line(*words, lines=(new.code,))
    assert (nothing.status, nothing.out) == (1, "")
    assert "no line for the PIN" in nothing.err
    # Nobody chooses one for what is no code.
    assert command_line(*words, lines=(new.code[:-1],)).code == "INVALID_ACTIVATION_CODE"
    assert "no line for the PIN" in command_line(*words, lines=(new.code, "")).err
    command_line(*words, lines=(new.code, PIN)).done()


# status


def test_status_for_a_program(command_line: CommandLine) -> None:
    activation = command_line.activate()
    told = json.loads(command_line("status", "--json").done())
    assert told == {
        "instance": "default",
        "state": "ACTIVE",
        "activation_id": str(activation.pk),
        "fingerprint": fingerprint_of(activation),
        "failed_attempts": 0,
        "max_failed_attempts": 5,
        "remaining_attempts": 5,
    }


def test_a_wrong_pin_costs_an_attempt(command_line: CommandLine) -> None:
    command_line.activate()
    words = ("token", "request", "sync", "--factors", "possession_knowledge", "--password-stdin")

    refused = command_line(*words, lines=(WRONG_PIN,))
    assert refused.code == "AUTHENTICATION_ERROR"
    assert "the PIN is wrong" in refused.advice
    assert "attempts left  4 of 5" in command_line("status").done()
    assert not DeviceToken.objects.exists()

    command_line(*words, lines=(PIN,)).done()
    assert DeviceToken.objects.get().signature_type == "possession_knowledge"
    assert "attempts left  5 of 5" in command_line("status").done()


def test_blocked_and_removed_by_the_server(command_line: CommandLine) -> None:
    activation = command_line.activate()
    command_line("token", "request", "sync").done()

    def used() -> int:
        return status_of(command_line.url + SITES, command_line("token", "header", "sync").done())

    lifecycle.block(activation)
    blocked = command_line("status")
    assert "BLOCKED" in blocked.done()
    assert "unblocks it" in blocked.err
    assert used() == 401
    lifecycle.unblock(activation)
    assert used() == 200
    lifecycle.remove(activation)
    removed = command_line("status")
    assert "REMOVED" in removed.done()
    assert "remove --local" in removed.err
    assert used() == 401


def test_nothing_is_there(command_line: CommandLine) -> None:
    commands: list[tuple[str, ...]] = [
        ("status",),
        ("token", "request", "sync"),
        ("token", "header", "sync"),
        ("sign", "POST", "/visits", "--possession"),
        ("remove", "--yes"),
    ]
    for words in commands:
        refused = command_line(*words)
        assert refused.code == "INSTANCE_NOT_CONFIGURED", words
        assert f"no instance default in {command_line.file}, which is not there." in refused.err
    assert "It is not activated yet." in command_line("configure", *command_line.server()).err
    assert (
        f"no instance another in {command_line.file}." in command_line("status", "--instance", "another").err
    )
    codes = [command_line(*words).code for words in commands]
    missing = "MISSING_ACTIVATION"
    assert codes == [missing, missing, "LOCAL_TOKEN_NOT_AVAILABLE", missing, missing]


# token


def test_tokens_by_their_names(command_line: CommandLine) -> None:
    command_line.activate()
    empty = command_line("token", "list")
    assert (empty.done(), empty.err) == ("", "0 tokens\n")
    assert json.loads(command_line("token", "list", "--json").done()) == []

    first = command_line("token", "request", "sync").done().strip()
    second = command_line("token", "request", "night run").done().strip()
    again = command_line("token", "request", "sync")
    assert again.done().strip() == first
    assert "was there already" in again.err
    assert DeviceToken.objects.count() == 2
    other = command_line(
        "token", "request", "sync", "--factors", "possession_knowledge", "--password-stdin", lines=(PIN,)
    )
    assert other.code == "WRONG_PARAMETER"

    listed = command_line("token", "list")
    assert listed.done() == f"NAME       ID\nsync       {first}\nnight run  {second}\n"
    assert listed.err == "2 tokens\n"
    assert json.loads(command_line("token", "list", "--json").done()) == [
        {"name": "sync", "id": first},
        {"name": "night run", "id": second},
    ]

    command_line("token", "remove", "sync").done()
    assert [str(token.pk) for token in DeviceToken.objects.all()] == [second]
    left = command_line("token", "remove", "night run", "--local")
    assert "left on the server" in left.err
    assert DeviceToken.objects.count() == 1
    assert command_line("token", "header", "night run").code == "LOCAL_TOKEN_NOT_AVAILABLE"
    assert command_line("token", "remove", "night run").code == "INVALID_TOKEN"
    nothing = command_line("token", "remove", "night run", "--local")
    assert (nothing.done(), nothing.err) == ("", "There was none of that name.\n")


def test_the_line_to_type_next(command_line: CommandLine) -> None:
    command_line.activate(instance="Gate 5")
    made = command_line("token", "request", "night run", "--instance", "Gate 5")
    line = f"token header 'night run' --instance 'Gate 5' --keychain-file {command_line.file}"
    assert f'curl -H "$(python -m tokenauth.client {line})" URL' in made.err


def test_a_damaged_token_hides_no_other(command_line: CommandLine) -> None:
    command_line.activate()
    command_line("token", "request", "sync").done()
    kept = command_line("token", "request", "kept").done().strip()
    entry = f"token.{b'sync'.hex()}@default"
    keychain = EncryptedFileKeychain(command_line.file)
    assert keychain.read(entry)
    keychain.write(entry, "{}")
    # By other means than the client's own, which would say that something has changed.
    for stamp in command_line.file.parent.rglob("*.stamp"):
        stamp.unlink()

    assert command_line("token", "header", "sync").code == "INVALID_TOKEN"
    listed = json.loads(command_line("token", "list", "--json").done())
    assert listed == [{"name": "sync", "id": None}, {"name": "kept", "id": kept}]
    command_line("token", "remove", "sync", "--local").done()
    command_line("token", "request", "sync").done()
    command_line("token", "header", "sync").done()


@pytest.mark.parametrize("name", ["", "a\x1b[2J", "two\nlines", "\udcff"])
def test_a_name_that_cannot_be_shown(command_line: CommandLine, name: str) -> None:
    assert "cannot be printed" in command_line("token", "request", name).usage()


# sign


def test_a_signature_of_a_body(command_line: CommandLine, tmp_path: Path) -> None:
    command_line.activate()
    path, uri_id = VALIDATE
    body = tmp_path / "body"
    body.write_bytes(b'{"by": "\xc3\xa9"}\n')
    words = ("sign", "post", uri_id, "--body-file", str(body), "--password-stdin")

    signed = command_line(*words, lines=(PIN,))
    assert re.fullmatch(r"X-PowerAuth-Authorization: PowerAuth [^\n]+\n", signed.done())
    assert signed.err == ""
    assert status_of(command_line.url + path, signed.out, "POST", b"something else") == 401
    assert status_of(command_line.url + path, signed.out, "POST", body.read_bytes()) == 200
    assert status_of(command_line.url + path, signed.out, "POST", body.read_bytes()) == 401
    wrong = command_line(*words, lines=(WRONG_PIN,)).done()
    assert status_of(command_line.url + path, wrong, "POST", body.read_bytes()) == 401

    piped = command_line(
        "sign", "POST", uri_id, "--body-file", "-", "--possession", lines=('{"piped": true}',)
    )
    assert status_of(command_line.url + path, piped.done(), "POST", b'{"piped": true}\n') == 200


def test_a_signature_of_a_query(command_line: CommandLine) -> None:
    command_line.activate()
    path, uri_id = VALIDATE
    words = ("sign", "GET", uri_id, "--possession", "--query")
    signed = command_line(*words, "?b=2&a=%C3%A9%20x").done()
    assert status_of(f"{command_line.url}{path}?a=1", signed) == 401
    assert status_of(f"{command_line.url}{path}?b=2&a=%C3%A9%20x", signed) == 200

    assert "has no =" in command_line(*words, "a=1&b").err
    assert "malformed escape" in command_line(*words, "a=%zz").err
    of_post = command_line("sign", "POST", uri_id, "--possession", "--query", "a=1")
    assert "the body is signed" in of_post.usage()


def test_what_cannot_be_signed(command_line: CommandLine, tmp_path: Path) -> None:
    command_line.activate()
    missing = command_line("sign", "POST", "/x", "--possession", "--body-file", str(tmp_path / "none"))
    assert "none cannot be read: No such file or directory." in missing.err
    both = command_line("sign", "POST", "/x", "--body-file", "-", "--password-stdin", lines=(PIN,))
    assert "the PIN's or the body's" in both.usage()
    of_possession = command_line("sign", "POST", "/x", "--possession", "--password-stdin", lines=(PIN,))
    assert "--password-stdin is for factors" in of_possession.usage()


# remove


def test_removing_asks_first(command_line: CommandLine) -> None:
    activation = command_line.activate()
    asked = command_line("remove", "--password-stdin", lines=(PIN,))
    assert asked.status == 1
    assert f"would end the activation {activation.pk}" in asked.err
    assert "Add --yes to do it." in asked.err
    wrong = command_line("remove", "--yes", "--password-stdin", lines=(WRONG_PIN,))
    assert wrong.code == "AUTHENTICATION_ERROR"
    assert "ACTIVE" in command_line("status").done()


def test_removing_here_alone(command_line: CommandLine) -> None:
    activation = command_line.activate()
    command_line("token", "request", "sync").done()
    removed = command_line("remove", "--local", "--yes")
    assert removed.done() == ""
    assert "somebody is to remove it there." in removed.err
    activation.refresh_from_db()
    assert activation.status == Activation.Status.ACTIVE
    assert command_line("token", "list").err == "0 tokens\n"
    assert command_line("status").code == "MISSING_ACTIVATION"
    # Nobody is asked of what is not there.
    assert command_line("remove", "--local").err == "There was no activation here.\n"
    command_line("remove", "--local", "--yes", "--forget-server").done()
    assert command_line("status").code == "INSTANCE_NOT_CONFIGURED"


# What is around it.


def test_a_server_that_is_not_there(command_line: CommandLine, nobody_there: str) -> None:
    new = command_line.code()
    words = ("activate", "-", "--password-stdin", *command_line.server(nobody_there))
    refused = command_line(*words, lines=(new.code, PIN))
    assert refused.code == "NETWORK_ERROR"
    assert re.search(r"cannot be reached: \S+ \(.*refused\)", refused.err)
    assert "--url" in refused.advice
    # Nothing of it is left that would be in the way.
    command_line(*words[:3], *command_line.server(), lines=(new.code, PIN)).done()


def test_a_server_that_says_nothing(command_line: CommandLine, silence: str) -> None:
    command_line.activate()
    command_line("configure", "--url", silence, "--enable-unsecure-traffic").done()
    waited = command_line("status", "--timeout", "0.2")
    assert waited.code == "NETWORK_ERROR"
    assert "no answer" in waited.err
    # Nothing is done by asking.
    assert OF_AN_UNKNOWN_OUTCOME not in waited.err


def test_what_is_no_server_of_this_kind(command_line: CommandLine) -> None:
    command_line.activate()
    command_line(
        *("configure", "--url", f"{command_line.url}/nothing-here", "--enable-unsecure-traffic")
    ).done()
    refused = command_line("status")
    assert refused.code == "RESPONSE_ERROR"
    assert "before its /pa/v3" in refused.advice


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "601", "soon"])
def test_a_time_that_is_none(command_line: CommandLine, timeout: str) -> None:
    assert "a number of seconds" in command_line("status", "--timeout", timeout).usage()


def test_a_keychain_with_a_key_of_its_own(command_line: CommandLine) -> None:
    key = Fernet.generate_key().decode()
    command_line.secrets.add(key)
    command_line.monkeypatch.setenv(KEY_VARIABLE, key)
    command_line.activate()
    assert PIN.encode() not in command_line.file.read_bytes()
    assert not list(command_line.file.parent.glob("*.key"))
    command_line("status").done()

    command_line.monkeypatch.setenv(KEY_VARIABLE, Fernet.generate_key().decode())
    before = command_line.file.read_bytes()
    assert command_line("status").code == "INVALID_ACTIVATION_DATA"
    assert command_line.file.read_bytes() == before
    command_line.monkeypatch.setenv(KEY_VARIABLE, "none")
    refused = command_line("status")
    assert (refused.status, refused.out) == (1, "")
    assert refused.err.startswith(f"error: {KEY_VARIABLE}: ")


@pytest.mark.skipif(os.name != "posix", reason="rights of files are POSIX's")
def test_a_keychain_that_others_read(command_line: CommandLine) -> None:
    command_line.activate()
    assert stat.S_IMODE(command_line.file.stat().st_mode) == 0o600
    command_line.file.chmod(0o644)
    assert command_line("status").code == "INSUFFICIENT_KEYCHAIN_PROTECTION"
    command_line.file.chmod(0o600)
    command_line("status").done()


def test_a_keychain_that_does_not_open(command_line: CommandLine) -> None:
    command_line.activate()
    command_line.file.write_bytes(b"damaged")
    for words in (("status",), ("remove", "--local", "--yes")):
        refused = command_line(*words)
        assert refused.code == "INVALID_ACTIVATION_DATA"
        assert f"{command_line.file} cannot be opened" in refused.err
        assert "--local" not in refused.advice
        assert "TOKENAUTH_CLIENT_KEYCHAIN_KEY" in refused.advice
        assert "move file and key away" in refused.advice
    # As it says.
    for file in (command_line.file, command_line.file.with_name("keychain.key")):
        file.rename(file.with_suffix(".away"))
    command_line.activate()
    assert "ACTIVE" in command_line("status").done()


def test_what_a_program_has_activated(command_line: CommandLine) -> None:
    command_line.activate()
    keychain = EncryptedFileKeychain(command_line.file)
    # It says where the server is each time.
    keychain.delete("configuration@default")
    for stamp in command_line.file.parent.rglob("*.stamp"):
        stamp.unlink()
    refused = command_line("status")
    assert refused.code == "INSTANCE_NOT_CONFIGURED"
    assert "Instance default is activated here; which server it is of is not kept." in refused.err
    assert "not activated" not in command_line("configure", *command_line.server()).err
    assert "ACTIVE" in command_line("status").done()


def test_a_directory_for_the_locks(
    command_line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").write_text("no directory")
    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    new = command_line.code(commit_at_once=True)
    words = ("activate", "-", "--password-stdin", *command_line.server())
    refused = command_line(*words, lines=(new.code, PIN))
    assert refused.code == "UNKNOWN_ERROR"
    assert "which is for locks, cannot be written: Not a directory." in refused.err
    assert "Name another directory." in refused.err
    locks = tmp_path / "locks of this"
    activated = command_line(*words, "--directory", str(locks), lines=(new.code, PIN))
    assert f"status --keychain-file {command_line.file} --directory '{locks}'" in activated.err
    assert "ACTIVE" in command_line("status", "--directory", str(locks)).done()
    assert sorted(file.suffix for file in locks.iterdir()) == [".lock", ".stamp"]


def test_a_damaged_configuration_is_said_again(command_line: CommandLine) -> None:
    command_line.activate()
    keychain = EncryptedFileKeychain(command_line.file)
    keychain.write("configuration@default", "{}")
    for stamp in command_line.file.parent.rglob("*.stamp"):
        stamp.unlink()
    refused = command_line("status")
    assert refused.code == "INVALID_ACTIVATION_DATA"
    assert "with configure" in refused.err
    assert command_line("configure").code == "INVALID_ACTIVATION_DATA"
    command_line("configure", *command_line.server()).done()
    assert "ACTIVE" in command_line("status").done()


def test_what_is_typed_wrongly_is_not_repeated(command_line: CommandLine) -> None:
    request = ("token", "request", "sync")
    assert "no option --pin" in command_line(*request, f"--pin={PIN}").usage()
    # Nor taken for --password-stdin.
    assert "no option --password" in command_line(*request, "--password", PIN).usage()
    assert "too many arguments" in command_line(*request, PIN).usage()
    of_system = command_line("status", "--keychain", "system")
    assert "--keychain-file is of --keychain file" in of_system.usage()


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("activate",),
        ("status",),
        ("remove",),
        ("token",),
        *[("token", name) for name in ("request", "list", "header", "remove")],
        ("sign",),
        ("configure",),
    ],
    ids=" ".join,
)
def test_help(command_line: CommandLine, words: tuple[str, ...]) -> None:
    command_line.monkeypatch.setenv("COLUMNS", "80")
    shown = command_line(*words, "--help").done()
    assert shown.startswith(f"usage: python -m tokenauth.client {' '.join(words)}".rstrip())
    assert all(len(line) <= 110 for line in shown.splitlines())

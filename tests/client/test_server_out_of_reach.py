"""A server that is not there, takes long, or is another than was configured."""

from __future__ import annotations

import socket
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.client.program import CREATE, KNOWLEDGE, PIN, Program, new_code, refused_token, stored
from tests.client.spoiling_server import SpoilingServer, answered
from tests.devices.device import application_version
from tokenauth.client import PowerAuthError, PowerAuthErrorCode
from tokenauth.client.transport import Transport
from tokenauth.devices.models import Activation, DeviceToken
from tokenauth.devices.protocol.versions import Version

if TYPE_CHECKING:
    import httpx

    from testproject.accounts.models import User
    from tokenauth.client import PowerAuth

Code = PowerAuthErrorCode

# In seconds. Without a bound it would wait for minutes.
TIMEOUT, BOUND = 2, 30


def assert_nothing_was_counted(power_auth: PowerAuth, signed: int = 0) -> None:
    """What was never sent is not; ``signed`` was, before."""
    power_auth.validate_password(PIN)
    assert stored().counter == signed + 1


def test_nobody_is_there(program: Program, power_auth: PowerAuth, unused_url: str) -> None:
    error = refused_token(program.start(url=unused_url))
    assert (error.code, error.is_outcome_unknown) == (Code.NETWORK_ERROR, False)
    assert not DeviceToken.objects.exists()


def test_nobody_is_there_any_more(program: Program, power_auth: PowerAuth, alice: User) -> None:
    with SpoilingServer(program.url) as server:
        behind = program.start(url=server.url)
        token = behind.token_store.request_access_token("first", KNOWLEDGE)
    for act in (
        lambda: behind.token_store.request_access_token("sites", KNOWLEDGE),
        lambda: behind.token_store.remove_access_token("first"),
        lambda: behind.validate_password(PIN),
        lambda: behind.change_password(PIN, "2468"),
        lambda: behind.remove_activation_with_authentication(KNOWLEDGE),
        behind.fetch_activation_status,
    ):
        with pytest.raises(PowerAuthError) as error:
            act()
        assert (error.value.code, error.value.is_outcome_unknown) == (Code.NETWORK_ERROR, False)
    # Of all that, nothing was done.
    assert behind.token_store.get_local_token("first") == token
    assert program.get(behind.token_store.generate_header_for_token("first")) == 200
    # Nor was anything counted that was never sent.
    power_auth.validate_password(PIN)
    assert (stored().counter, stored().failed_attempts) == (2, 0)


@pytest.mark.parametrize("host", ["api..example.com", f"{'a' * 64}.example.com", "-é-.example.com"])
def test_a_host_that_can_be_none(program: Program, power_auth: PowerAuth, host: str) -> None:
    elsewhere = program.start(url=f"https://{host}")
    error = refused_token(elsewhere)
    assert (error.code, error.is_outcome_unknown) == (Code.NETWORK_ERROR, False)
    with pytest.raises(PowerAuthError) as refused:
        elsewhere.validate_password(PIN)
    assert refused.value.code == Code.NETWORK_ERROR
    assert_nothing_was_counted(power_auth)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks://127.0.0.1:1080"),
        ("ALL_PROXY", "socks5://127.0.0.1:1080"),
        ("HTTPS_PROXY", "http://127.0.0.1:port"),
        ("SSL_CERT_FILE", "/nowhere/certificates.pem"),
    ],
)
def test_an_environment_that_cannot_be_used(
    program: Program, power_auth: PowerAuth, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    power_auth.token_store.request_access_token("first", KNOWLEDGE)
    monkeypatch.setenv(name, value)
    restarted = program.start(http_client=None)
    error = refused_token(restarted)
    assert (error.code, error.is_outcome_unknown) == (Code.WRONG_PARAMETER, False)
    assert name in error.message
    # What asks no server goes on.
    assert restarted.token_store.local_token_names() == ["first"]
    with pytest.raises(PowerAuthError, match=name):
        restarted.validate_password(PIN)
    assert_nothing_was_counted(power_auth, signed=1)


def test_what_was_closed(program: Program, power_auth: PowerAuth) -> None:
    closed = program.start(http_client=None)
    closed.close()
    for _ in range(2):
        assert refused_token(closed).code == Code.INVALID_NATIVE_OBJECT
    with pytest.raises(PowerAuthError) as refused:
        closed.validate_password(PIN)
    assert refused.value.code == Code.INVALID_NATIVE_OBJECT
    power_auth.validate_password(PIN)
    assert stored().counter == 1


def test_what_is_closed_just_then(
    program: Program, power_auth: PowerAuth, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, connected = program.start(http_client=None), Transport._connected

    def connected_and_closed(transport: Transport) -> httpx.Client:
        client = connected(transport)
        closed.close()
        return client

    with monkeypatch.context() as patched:
        patched.setattr(Transport, "_connected", connected_and_closed)
        with pytest.raises(PowerAuthError) as refused:
            closed.validate_password(PIN)
    assert refused.value.code == Code.INVALID_NATIVE_OBJECT
    assert_nothing_was_counted(power_auth)


def test_a_proxy_that_lets_nothing_through(
    program: Program, power_auth: PowerAuth, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy, ThreadPoolExecutor(1) as thread:

        def refuse() -> None:
            connection, _ = proxy.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

        thread.submit(refuse)
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        with pytest.raises(PowerAuthError, match="403") as error:
            program.start(url="https://api.example.com", http_client=None).validate_password(PIN)
    assert (error.value.code, error.value.is_outcome_unknown) == (Code.NETWORK_ERROR, False)
    assert_nothing_was_counted(power_auth)


def test_nothing_is_told_of_a_proxys_password(
    program: Program, power_auth: PowerAuth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://petra:xyzzy#7391@127.0.0.1:3128")
    error = refused_token(program.start(http_client=None))
    assert error.code == Code.WRONG_PARAMETER
    assert "xyzzy" not in "".join(traceback.format_exception(error))


def test_no_header_without_the_time(program: Program, power_auth: PowerAuth, unused_url: str) -> None:
    power_auth.token_store.request_access_token("sites", KNOWLEDGE)
    alone = program.start(url=unused_url)
    with pytest.raises(PowerAuthError) as error:
        alone.token_store.generate_header_for_token("sites")
    assert error.value.code == Code.CANNOT_GENERATE_TOKEN
    assert isinstance(error.value.__cause__, PowerAuthError)
    assert alone.token_store.has_local_token("sites") is True


@pytest.mark.parametrize("way", ["never", "headers", "body"])
def test_an_answer_that_takes_long(
    program: Program, power_auth: PowerAuth, spoiling_server: SpoilingServer, way: str
) -> None:
    impatient = program.start(url=spoiling_server.url, timeout=TIMEOUT)
    # What else is asked for comes at once, and is known.
    impatient.time_synchronization_service.synchronize_time()
    spoiling_server.spoil(
        CREATE,
        {
            "never": spoiling_server.never,
            "headers": spoiling_server.drop_by_drop(b"HTTP/1.1 200 OK\r\n", b"X-Slow: yes\r\n"),
            "body": spoiling_server.drop_by_drop(answered(200, b" ", Content_Length="5000"), b" "),
        }[way],
    )
    start = time.monotonic()
    error = refused_token(impatient)
    assert time.monotonic() - start < BOUND
    assert (error.code, error.is_outcome_unknown) == (Code.NETWORK_ERROR, True)


@pytest.mark.parametrize("version", [Version.V3_1, Version.V3_2, Version.V3_3])
def test_an_application_of_another_server(program: Program, alice: User) -> None:
    code = new_code(alice, program.release)
    theirs = program.configuration()
    program.release = application_version("Another")
    # Of this one it is known, and of the other it has the keys.
    mixed = replace(theirs, master_server_public_key=program.configuration().master_server_public_key)
    for configuration in (program.configuration(), mixed):
        power_auth = program.start(configuration=configuration)
        with pytest.raises(PowerAuthError) as error:
            power_auth.activate(code, PIN)
        assert error.value.code in (Code.ENCRYPTION_ERROR, Code.RESPONSE_ERROR)
        assert error.value.is_outcome_unknown is False
        assert power_auth.can_start_activation() is True
    # It was not even shown to the other.
    assert stored().status == Activation.Status.CREATED

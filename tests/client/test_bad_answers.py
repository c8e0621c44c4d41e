"""A server, or what stands before it, that answers what no server of the protocol does."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from tests.client.program import CREATE, KNOWLEDGE, PIN, REMOVE, STATUS, new_code, refused_token, stored
from tests.client.spoiling_server import SpoilingServer, answered
from tokenauth.client import PowerAuthError, PowerAuthErrorCode
from tokenauth.devices.models import Activation, DeviceToken

if TYPE_CHECKING:
    from testproject.accounts.models import User
    from tests.client.program import Program
    from tokenauth.client import PowerAuth

Code = PowerAuthErrorCode

ACTIVATION_STATUS = "/pa/v3/activation/status"
PAGE = b"<html><title>Sign in to the network</title></html>"
# More than anything that a server of the protocol answers.
MUCH = b'{"encryptedData": "' + b"A" * 2_000_000 + b'"}'


def test_an_answer_that_grows_when_it_is_read(spoilt: PowerAuth, spoiling_server: SpoilingServer) -> None:
    body = gzip.compress(gzip.compress(b" " * 64 * 2**20))
    assert len(body) < 1000
    spoiling_server.spoil(CREATE, answered(200, body, Content_Encoding="gzip, gzip"))
    tracemalloc.start()
    try:
        error = refused_token(spoilt)
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()
    assert (error.code, error.http_status, error.is_outcome_unknown) == (Code.RESPONSE_ERROR, 200, True)


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b"", Code.NETWORK_ERROR),
        (b"SSH-2.0-OpenSSH_9.6\r\n", Code.NETWORK_ERROR),
        (answered(200, b'{"encryptedData": "', Content_Length="800"), Code.NETWORK_ERROR),
        (answered(200, PAGE), Code.RESPONSE_ERROR),
        (answered(200, b""), Code.RESPONSE_ERROR),
        (answered(200, b"[]"), Code.RESPONSE_ERROR),
        (answered(200, b"\xff\xfe\x00"), Code.RESPONSE_ERROR),
        (answered(200, b"[" * 100_000), Code.RESPONSE_ERROR),
        (answered(200, b'{"n": ' + b"9" * 10_000 + b"}"), Code.RESPONSE_ERROR),
        (answered(200, b'{"status": "ERROR"}'), Code.RESPONSE_ERROR),
        (answered(200, MUCH), Code.RESPONSE_ERROR),
        (answered(200, b"\x1f\x8b no gzip", Content_Encoding="gzip"), Code.RESPONSE_ERROR),
        (answered(204, b""), Code.RESPONSE_ERROR),
        (answered(200, b"{}"), Code.ENCRYPTION_ERROR),
        (answered(200, b'{"encryptedData": 7, "mac": null}'), Code.ENCRYPTION_ERROR),
        (answered(200, b'{"encryptedData": "AAAA", "mac": "AAAA"}'), Code.ENCRYPTION_ERROR),
    ],
    ids=[
        *("nothing", "another protocol", "cut", "a page", "no text", "a list", "no UTF-8", "nested"),
        *("a long number", "an error", "too much", "no gzip", "another status"),
        *("no member", "no text as member", "no ciphertext"),
    ],
)
def test_an_answer_that_is_none(
    program: Program, spoilt: PowerAuth, spoiling_server: SpoilingServer, octets: bytes, code: Code
) -> None:
    spoiling_server.spoil(CREATE, octets)
    error = refused_token(spoilt)
    # The server has made one, of which whoever asked is told.
    assert (error.code, error.is_outcome_unknown) == (code, True)
    assert DeviceToken.objects.count() == 2
    spoiling_server.mend()
    assert program.get(spoilt.token_store.request_access_token("sites", KNOWLEDGE).generate_header()) == 200


@pytest.mark.parametrize(
    ("status", "code", "is_outcome_unknown"),
    [
        (302, Code.RESPONSE_ERROR, False),
        (400, Code.RESPONSE_ERROR, False),
        (401, Code.AUTHENTICATION_ERROR, False),
        (404, Code.RESPONSE_ERROR, False),
        (407, Code.RESPONSE_ERROR, False),
        (429, Code.RESPONSE_ERROR, False),
        (500, Code.RESPONSE_ERROR, True),
        (502, Code.RESPONSE_ERROR, True),
    ],
)
def test_a_page_of_a_proxy(
    program: Program,
    spoilt: PowerAuth,
    spoiling_server: SpoilingServer,
    status: int,
    code: Code,
    is_outcome_unknown: bool,
) -> None:
    spoiling_server.spoil(CREATE, answered(status, PAGE, Location=f"{program.url}{STATUS}"))
    before = len(program.wire.paths)
    error = refused_token(spoilt)
    assert (error.code, error.http_status) == (code, status)
    assert error.is_outcome_unknown is is_outcome_unknown
    assert (error.server_code, error.server_message) == ("", "")
    assert "Sign in" not in str(error)
    # Nobody was followed anywhere.
    assert program.wire.paths[before:].count(CREATE) == 1
    assert program.wire.paths[-1] == CREATE


@pytest.mark.parametrize("path", [STATUS, "/pa/v3/keystore/create", ACTIVATION_STATUS])
def test_a_question_that_is_not_answered_leaves_nothing_unknown(
    program: Program, power_auth: PowerAuth, spoiling_server: SpoilingServer, path: str
) -> None:
    behind = program.start(url=spoiling_server.url)
    spoiling_server.spoil(path, answered(502, PAGE))
    if path == ACTIVATION_STATUS:
        with pytest.raises(PowerAuthError) as raised:
            behind.fetch_activation_status()
        error = raised.value
    else:
        error = refused_token(behind)
    assert (error.code, error.http_status) == (Code.RESPONSE_ERROR, 502)
    assert error.is_outcome_unknown is False
    assert not DeviceToken.objects.exists()


def test_what_an_error_says_is_shown_as_far_as_a_terminal_can(
    spoilt: PowerAuth, spoiling_server: SpoilingServer
) -> None:
    told = {"code": "\x1b[2J" * 3, "message": "x" * 100_000}
    body = json.dumps({"status": "ERROR", "responseObject": told}).encode()
    spoiling_server.spoil(CREATE, answered(400, body))
    error = refused_token(spoilt)
    assert (error.code, error.server_code) == (Code.RESPONSE_ERROR, "")
    assert len(str(error)) < 500
    assert str(error).isprintable()


def test_an_answer_to_somebody_else(
    program: Program, spoilt: PowerAuth, spoiling_server: SpoilingServer, bob: User
) -> None:
    other = program.activated(bob, "another", url=spoiling_server.url)
    other.token_store.request_access_token("sites", KNOWLEDGE)
    path, body = spoiling_server.answers[-1]
    assert path == CREATE
    spoiling_server.spoil(CREATE, answered(200, body))
    error = refused_token(spoilt)
    assert (error.code, error.is_outcome_unknown) == (Code.ENCRYPTION_ERROR, True)
    # Nor one to oneself, of before.
    spoiling_server.mend()
    spoilt.token_store.request_access_token("second", KNOWLEDGE)
    spoiling_server.spoil(CREATE, answered(200, spoiling_server.answers[-1][1]))
    assert refused_token(spoilt).code == Code.ENCRYPTION_ERROR


def test_the_status_of_somebody_else(
    program: Program, spoilt: PowerAuth, spoiling_server: SpoilingServer, bob: User
) -> None:
    other = program.activated(bob, "another", url=spoiling_server.url)
    for teller in (other, spoilt):
        spoiling_server.mend()
        teller.fetch_activation_status()
        path, body = spoiling_server.answers[-1]
        assert path == ACTIVATION_STATUS
        # That of another, and one's own of before.
        spoiling_server.spoil(ACTIVATION_STATUS, answered(200, body))
        with pytest.raises(PowerAuthError) as error:
            spoilt.fetch_activation_status()
        assert error.value.code == Code.INVALID_ACTIVATION_DATA


@pytest.mark.parametrize(
    "told",
    [
        "{}",
        '{"serverTime": "1800000000000"}',
        '{"serverTime": true}',
        '{"serverTime": -1}',
        '{"serverTime": 1e400}',
        '{"serverTime": 1.5}',
        '{"serverTime": 5}',
        f'{{"serverTime": {10**15}}}',
        f'{{"serverTime": {2**63 - 1}}}',
        f'{{"serverTime": {"9" * 30}}}',
        "7",
    ],
)
def test_a_time_that_is_none(
    program: Program, power_auth: PowerAuth, spoiling_server: SpoilingServer, told: str
) -> None:
    power_auth.token_store.request_access_token("sites", KNOWLEDGE)
    body = f'{{"status": "OK", "responseObject": {told}}}'.encode()
    spoiling_server.spoil(STATUS, answered(200, body))
    behind = program.start(url=spoiling_server.url)
    with pytest.raises(PowerAuthError) as error:
        behind.time_synchronization_service.synchronize_time()
    assert error.value.code in (Code.TIME_SYNCHRONIZATION, Code.RESPONSE_ERROR)
    with pytest.raises(PowerAuthError) as error:
        behind.token_store.generate_header_for_token("sites")
    assert error.value.code == Code.CANNOT_GENERATE_TOKEN
    spoiling_server.mend()
    assert program.get(behind.token_store.generate_header_for_token("sites")) == 200


@pytest.mark.parametrize("body", [b"{}", b'{"error": "maintenance"}', b'{"status": "FAIL"}'])
def test_an_object_of_somebody_else_is_no_yes(
    spoilt: PowerAuth, spoiling_server: SpoilingServer, body: bytes
) -> None:
    tokens = spoilt.token_store
    for path in (REMOVE, "/pa/v3/signature/validate", "/pa/v3/activation/remove"):
        spoiling_server.spoil(path, answered(200, body))
    for act in (
        lambda: tokens.remove_access_token("first"),
        lambda: spoilt.validate_password("0000"),
        lambda: spoilt.change_password("0000", "2468"),
        lambda: spoilt.remove_activation_with_authentication(KNOWLEDGE),
    ):
        with pytest.raises(PowerAuthError) as error:
            act()
        assert (error.value.code, error.value.is_outcome_unknown) == (Code.RESPONSE_ERROR, True)
    spoiling_server.mend()
    # Two of these the server has done; here, nothing was.
    assert spoilt.has_valid_activation() is True
    assert tokens.has_local_token("first") is True


def test_a_password_stays_where_nobody_has_said_that_it_is_right(
    spoilt: PowerAuth, spoiling_server: SpoilingServer
) -> None:
    spoiling_server.spoil("/pa/v3/signature/validate", answered(200, b"{}"))
    with pytest.raises(PowerAuthError):
        spoilt.change_password("0000", "2468")
    spoiling_server.mend()
    spoilt.validate_password(PIN)


def test_an_answer_that_was_lost_on_removing(
    program: Program, spoilt: PowerAuth, spoiling_server: SpoilingServer
) -> None:
    spoiling_server.spoil(REMOVE, b"")
    with pytest.raises(PowerAuthError) as error:
        spoilt.token_store.remove_access_token("first")
    assert (error.value.code, error.value.is_outcome_unknown) == (Code.NETWORK_ERROR, True)
    assert not DeviceToken.objects.exists()
    # It is kept until the server has said so, which it says of what is gone as well.
    assert spoilt.token_store.has_local_token("first") is True
    spoiling_server.mend()
    spoilt.token_store.remove_access_token("first")
    assert spoilt.token_store.has_local_token("first") is False


def test_an_answer_that_was_lost_on_activating(
    program: Program, spoiling_server: SpoilingServer, alice: User
) -> None:
    power_auth = program.start(url=spoiling_server.url)
    spoiling_server.spoil("/pa/v3/activation/create", b"")
    with pytest.raises(PowerAuthError) as error:
        power_auth.activate(new_code(alice, program.release), PIN)
    assert (error.value.code, error.value.is_outcome_unknown) == (Code.NETWORK_ERROR, True)
    assert power_auth.can_start_activation() is True
    # The code is used up: with another, it goes on.
    assert stored().status != Activation.Status.CREATED
    spoiling_server.mend()
    power_auth.activate(new_code(alice, program.release), PIN)
    assert power_auth.has_valid_activation() is True


def test_a_code_that_is_none_is_not_sent(program: Program, alice: User) -> None:
    power_auth = program.start()
    code = new_code(alice, program.release)
    mistyped = code[:-1] + ("A" if code[-1] != "A" else "B")
    for wrong in ("", "x", mistyped, code.replace("-", ""), f"{code}#AAAA", f"{code}#"):
        with pytest.raises(PowerAuthError) as error:
            power_auth.activate(wrong, PIN)
        assert error.value.code == Code.INVALID_ACTIVATION_CODE
        assert code not in str(error.value)
    assert program.wire.paths == []

"""Several processes with one activation, of which one may be killed at any time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.client.processes import CLIENT, ended, heard, run, say, started
from tests.client.program import CREATE, KNOWLEDGE, PIN, POSSESSION, new_code, stored
from tokenauth.client import (
    PowerAuthActivation,
    PowerAuthAuthentication,
    PowerAuthError,
    PowerAuthErrorCode,
)
from tokenauth.devices.models import Activation, DeviceToken

if TYPE_CHECKING:
    from testproject.accounts.models import User
    from tests.client.program import Program
    from tokenauth.client import PowerAuth

# Requests each name that it is told, and prints what it gets, as soon as it is told to.
REQUEST = f"""{CLIENT}
with start() as power_auth:
    print("ready", flush=True)
    for name in sys.stdin:
        token = power_auth.token_store.request_access_token(name.strip(), possession)
        print(json.dumps([token.token_identifier, token.generate_header().value]), flush=True)
"""

# Is gone as soon as it writes something after an answer to ``path`` has come.
KILLED = f"""{CLIENT}
import os
answered = []
class Noting(httpx.HTTPTransport):
    def handle_request(self, request):
        response = super().handle_request(request)
        response.read()
        answered.append(request.url.path)
        return response
class Deadly(EncryptedFileKeychain):
    def write(self, name, text):
        if told["path"] in answered:
            os._exit(9)
        super().write(name, text)
with httpx.Client(transport=Noting(), trust_env=False) as http_client:
    power_auth = start(keychain=Deadly(Path(told["directory"], "keychain")), http_client=http_client)
    if told["code"]:
        power_auth.activate(told["code"], told["pin"])
    else:
        power_auth.token_store.request_access_token("sites", possession)
"""


@pytest.fixture
def power_auth(program: Program, alice: User) -> PowerAuth:
    return program.activated(alice, keychain=program.file_keychain())


def test_two_that_request_the_same_name(program: Program, power_auth: PowerAuth) -> None:
    processes = [started(REQUEST, program) for _ in range(2)]
    try:
        assert [heard(process) for process in processes] == ["ready", "ready"]
        for number in range(5):
            for process in processes:
                say(process, f"token {number}")
            (one, header), (other, another) = (json.loads(heard(process)) for process in processes)
            assert one == other
            assert DeviceToken.objects.count() == number + 1
            assert [program.get(header), program.get(another)] == [200, 200]
            # And this one as well has it by now.
            assert power_auth.token_store.get_local_token(f"token {number}").token_identifier == one
    finally:
        for process in processes:
            ended(process)
    assert [process.returncode for process in processes] == [0, 0]
    assert stored().counter == 5


def test_two_that_request_different_names(program: Program, power_auth: PowerAuth) -> None:
    processes = [started(REQUEST, program) for _ in range(2)]
    try:
        assert [heard(process) for process in processes] == ["ready", "ready"]
        for number in range(5):
            for process, whose in zip(processes, ("one's", "the other's"), strict=True):
                say(process, f"{whose} {number}")
        for process in processes:
            for _ in range(5):
                assert program.get(json.loads(heard(process))[1]) == 200
    finally:
        for process in processes:
            ended(process)
    assert len(power_auth.token_store.local_token_names()) == DeviceToken.objects.count() == 10
    assert stored().counter == 10
    power_auth.validate_password(PIN)
    assert stored().counter == 11


def kill(program: Program, path: str, code: str = "") -> None:
    process = started(KILLED, program, path=path, code=code, pin=PIN)
    _, errors = ended(process)
    assert process.returncode == 9, errors


def test_of_a_token_that_was_made_and_not_kept_the_next_is_told(
    program: Program, power_auth: PowerAuth
) -> None:
    power_auth.token_store.request_access_token("kept", KNOWLEDGE)
    kill(program, CREATE)
    lost = DeviceToken.objects.order_by("created_at").last()
    restarted = program.start(keychain=program.file_keychain()).token_store
    assert restarted.has_local_token("sites") is False
    # Other names are not touched by it.
    assert restarted.local_token_names() == ["kept"]
    restarted.request_access_token("events", POSSESSION)
    with pytest.raises(PowerAuthError) as told:
        restarted.request_access_token("sites", POSSESSION)
    assert (told.value.code, told.value.is_outcome_unknown) == (PowerAuthErrorCode.OPERATION_CANCELED, True)
    assert "sites" in told.value.message
    assert DeviceToken.objects.count() == 3
    token = restarted.request_access_token("sites", POSSESSION)
    assert token.token_identifier != str(lost and lost.pk)
    assert program.get(token.generate_header()) == 200
    assert DeviceToken.objects.count() == 4


def test_of_an_activation_that_was_given_and_not_kept_the_next_is_told(program: Program, alice: User) -> None:
    kill(program, "/pa/v3/activation/create", new_code(alice, program.release))
    assert stored().status == Activation.Status.ACTIVE
    restarted = program.start(keychain=program.file_keychain())
    assert restarted.has_valid_activation() is False
    code = new_code(alice, program.release)
    with pytest.raises(PowerAuthError) as told:
        restarted.activate(code, PIN)
    assert (told.value.code, told.value.is_outcome_unknown) == (PowerAuthErrorCode.OPERATION_CANCELED, True)
    restarted.activate(code, PIN)
    assert restarted.has_valid_activation() is True


def test_two_that_activate_at_once(program: Program, alice: User) -> None:
    one, other = program.start(), program.start()
    made = [PowerAuthActivation.with_activation_code(new_code(alice, program.release)) for _ in range(2)]
    of_one = one.create_activation(made[0])
    with pytest.raises(PowerAuthError) as told:
        other.create_activation(made[1])
    assert (told.value.code, told.value.is_outcome_unknown) == (PowerAuthErrorCode.OPERATION_CANCELED, True)
    assert of_one.activation_identifier in told.value.message
    of_other = other.create_activation(made[1])
    one.persist_activation(PowerAuthAuthentication.persist_with_password(PIN))
    with pytest.raises(PowerAuthError) as late:
        other.persist_activation(PowerAuthAuthentication.persist_with_password(PIN))
    assert (late.value.code, late.value.is_outcome_unknown) == (
        PowerAuthErrorCode.INVALID_ACTIVATION_STATE,
        True,
    )
    assert of_other.activation_identifier in late.value.message
    # Both have the one that was persisted, and what was told is not told again.
    assert other.get_activation_identifier() == of_one.activation_identifier
    other.validate_password(PIN)
    one.remove_activation_local()
    assert other.can_start_activation() is True
    other.activate(new_code(alice, program.release), PIN)


def test_what_another_has_created_since_is_told_of_until_it_is_persisted(
    program: Program, alice: User
) -> None:
    one, other = program.start(), program.start()
    one.create_activation(PowerAuthActivation.with_activation_code(new_code(alice, program.release)))
    code = PowerAuthActivation.with_activation_code(new_code(alice, program.release))
    with pytest.raises(PowerAuthError):
        other.create_activation(code)
    left = other.create_activation(code)
    one.persist_activation(PowerAuthAuthentication.persist_with_password(PIN))
    # That one has gone, and so has what it would have persisted.
    assert left.activation_identifier in program.entries["unfinished@field-app"]


def test_who_is_killed_holds_nobody_up(program: Program, power_auth: PowerAuth) -> None:
    kill(program, "/pa/v3/status")
    # It had the lock, and was gone before anything was signed.
    assert stored().counter == 0
    printed = run(
        f"""{CLIENT}
with start() as power_auth:
    print(power_auth.token_store.request_access_token("events", possession).token_identifier)
""",
        program,
    )
    assert power_auth.token_store.get_local_token("events").token_identifier == printed.strip()


def test_a_clock_that_is_an_hour_off(program: Program, power_auth: PowerAuth) -> None:
    code = f"""{CLIENT}
import time_machine
from datetime import timedelta, datetime, timezone
with time_machine.travel(datetime.now(timezone.utc) + timedelta(hours=told["hours"])):
    with start() as power_auth:
        token = power_auth.token_store.request_access_token(f"off by {{told['hours']}}", possession)
        print(token.generate_header().value)
"""
    for hours in (1, -1):
        assert program.get(run(code, program, hours=hours).strip()) == 200

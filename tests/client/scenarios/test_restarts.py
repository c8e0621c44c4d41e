"""What was kept is there for the next start of the program, and for another that shares it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.client.program import CREATE, KNOWLEDGE, PIN, POSSESSION, stored
from tokenauth.devices.models import DeviceToken

if TYPE_CHECKING:
    from testproject.accounts.models import User
    from tests.client.program import Program
    from tokenauth.client import PowerAuth


@pytest.fixture
def power_auth(program: Program, alice: User) -> PowerAuth:
    """With a keychain that outlives the process indeed."""
    return program.activated(alice, keychain=program.file_keychain())


def test_07_18_tokens_outlive_the_program(program: Program, power_auth: PowerAuth) -> None:
    asked = {"weak": POSSESSION, "strong": KNOWLEDGE}
    before = [power_auth.token_store.request_access_token(*each) for each in asked.items()]
    power_auth.close()
    restarted = program.start(keychain=program.file_keychain())
    assert restarted.has_valid_activation()
    tokens = restarted.token_store
    assert [tokens.has_local_token(name) for name in asked] == [True, True]
    after = [tokens.request_access_token(*each) for each in asked.items()]
    assert after == before
    assert program.wire.paths.count(CREATE) == DeviceToken.objects.count() == 2
    assert [program.get(token.generate_header()) for token in after] == [200, 200]
    # Nor has it forgotten how far it had counted.
    counted = stored().counter
    restarted.validate_password(PIN)
    assert stored().counter == counted + 1


def test_17_a_header_by_name_alone(program: Program, power_auth: PowerAuth) -> None:
    power_auth.token_store.request_access_token("sites", POSSESSION)
    power_auth.close()
    restarted = program.start(keychain=program.file_keychain())
    header = asyncio.run(restarted.token_store.agenerate_header_for_token("sites"))
    assert program.get(header) == 200


def test_23_two_that_share_one_activation(program: Program, power_auth: PowerAuth) -> None:
    first, second = power_auth.token_store, program.start(keychain=program.file_keychain()).token_store
    assert second.has_local_token("t1") is False
    made = first.request_access_token("t1", POSSESSION)
    assert second.has_local_token("t1") is True
    found = second.request_access_token("t1", POSSESSION)
    assert found.token_identifier == made.token_identifier
    assert found is not made
    second.request_access_token("t2", KNOWLEDGE)
    assert first.has_local_token("t2") is True
    assert first.get_local_token("t2") == second.get_local_token("t2")
    headers = [tokens.generate_header_for_token(name) for tokens in (first, second) for name in ("t1", "t2")]
    assert [program.get(header) for header in headers] == [200] * 4
    second.remove_access_token("t1")
    first.remove_access_token("t2")
    assert not any(tokens.has_local_token(name) for tokens in (first, second) for name in ("t1", "t2"))
    assert not DeviceToken.objects.exists()

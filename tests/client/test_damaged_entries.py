"""A keychain that has something else than was put there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.client.program import KNOWLEDGE, PIN, POSSESSION, new_code
from tokenauth.client import PowerAuthError, PowerAuthErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User
    from tests.client.program import Program
    from tokenauth.client import PowerAuth

Code = PowerAuthErrorCode


def junk(_: str) -> str:
    return "junk"


def empty(_: str) -> str:
    return ""


def no_members(text: str) -> str:
    return json.dumps({**json.loads(text), "members": {}})


def another_secret(text: str) -> str:
    whole = json.loads(text)
    return json.dumps({**whole, "members": {**whole["members"], "sec": "AAAA"}})


def nested(_: str) -> str:
    return "[" * 100_000


@pytest.mark.parametrize("damage", [junk, empty, no_members, another_secret, nested])
def test_a_token_that_cannot_be_read(
    program: Program, power_auth: PowerAuth, damage: Callable[[str], str]
) -> None:
    power_auth.token_store.request_access_token("kept", KNOWLEDGE)
    power_auth.token_store.request_access_token("sites", KNOWLEDGE)
    (name,) = [name for name, text in program.entries.items() if '"name": "sites"' in text]
    program.entries[name] = damage(program.entries[name])
    assert_token_is_invalid(program, name)


def test_a_token_of_another_instance(program: Program, power_auth: PowerAuth, bob: User) -> None:
    other = program.activated(bob, "another").token_store
    power_auth.token_store.request_access_token("kept", KNOWLEDGE)
    for tokens in (power_auth.token_store, other):
        tokens.request_access_token("sites", KNOWLEDGE)
    name, its = [name for name, text in program.entries.items() if '"name": "sites"' in text]
    assert name.partition("@")[0] == its.partition("@")[0]
    program.entries[name] = program.entries[its]
    assert_token_is_invalid(program, name)
    assert program.get(other.generate_header_for_token("sites")) == 200


def assert_token_is_invalid(program: Program, entry: str) -> None:
    """And stays so, until it is removed here; nothing else is."""
    there = program.entries[entry]
    tokens = program.start().token_store
    for act in (
        lambda: tokens.has_local_token("sites"),
        lambda: tokens.get_local_token("sites"),
        lambda: tokens.generate_header_for_token("sites"),
        lambda: tokens.request_access_token("sites", KNOWLEDGE),
        lambda: tokens.remove_access_token("sites"),
    ):
        with pytest.raises(PowerAuthError) as error:
            act()
        assert error.value.code == Code.INVALID_TOKEN
    assert program.entries[entry] == there
    assert program.get(tokens.generate_header_for_token("kept")) == 200
    tokens.remove_local_token("sites")
    assert tokens.has_local_token("sites") is False
    assert program.get(tokens.request_access_token("sites", KNOWLEDGE).generate_header()) == 200


def test_a_token_of_another_activation_is_gone(program: Program, power_auth: PowerAuth, alice: User) -> None:
    power_auth.token_store.request_access_token("sites", KNOWLEDGE)
    left = dict(program.entries)
    power_auth.remove_activation_local()
    # As where a backup was restored, or a program was killed on its way.
    program.entries.update({name: text for name, text in left.items() if name.startswith("token")})
    again = program.start()
    again.activate(new_code(alice, program.release), PIN)
    program.entries.update({name: text for name, text in left.items() if name.startswith("token")})
    tokens = program.start().token_store
    assert tokens.has_local_token("sites") is False
    assert not any('"name": "sites"' in text for text in program.entries.values())
    assert program.get(tokens.request_access_token("sites", POSSESSION).generate_header()) == 200


@pytest.mark.parametrize("damage", [junk, empty, no_members, nested])
def test_an_activation_that_cannot_be_read(
    program: Program, power_auth: PowerAuth, alice: User, damage: Callable[[str], str]
) -> None:
    power_auth.token_store.request_access_token("sites", KNOWLEDGE)
    (entry,) = [name for name in program.entries if name.startswith("activation@")]
    program.entries[entry] = there = damage(program.entries[entry])
    restarted, code = program.start(), new_code(alice, program.release)
    for act in (
        restarted.has_valid_activation,
        restarted.can_start_activation,
        lambda: restarted.activate(code, PIN),
        lambda: restarted.validate_password(PIN),
        restarted.fetch_activation_status,
        lambda: restarted.token_store.request_access_token("events", KNOWLEDGE),
        lambda: restarted.token_store.generate_header_for_token("sites"),
    ):
        with pytest.raises(PowerAuthError) as error:
            act()
        assert error.value.code == Code.INVALID_ACTIVATION_DATA
    assert program.entries[entry] == there
    restarted.remove_activation_local()
    restarted.activate(code, PIN)
    assert restarted.token_store.has_local_token("sites") is False
    restarted.validate_password(PIN)

"""A keychain that has something else than was put there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.client.memory_keychain import MemoryKeychain
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


def no_count(text: str) -> str:
    return text.replace('"count": 1', '"count": 1e999')


@pytest.mark.parametrize("damage", [junk, empty, no_members, another_secret, nested])
def test_a_token_that_cannot_be_read(
    program: Program, power_auth: PowerAuth, damage: Callable[[str], str]
) -> None:
    power_auth.token_store.request_access_token("kept", KNOWLEDGE)
    power_auth.token_store.request_access_token("sites", KNOWLEDGE)
    (name,) = [name for name, text in program.entries.items() if '"name": "sites"' in text]
    program.entries[name] = damage(program.entries[name])
    assert_token_is_invalid(program, name)


def of_unknown_factors(program: Program) -> str:
    """Make the one token one that whoever kept it did not know the factors of; the entry's name."""
    (entry,) = [name for name in program.entries if name.startswith("token.")]
    program.entries[entry] = program.entries[entry].replace('"af": 3', '"af": 0')
    assert '"af": 0' in program.entries[entry]
    return entry


def test_a_token_of_unknown_factors_is_of_those_that_are_asked_for_first(
    program: Program, power_auth: PowerAuth
) -> None:
    token = power_auth.token_store.request_access_token("sites", KNOWLEDGE)
    of_unknown_factors(program)
    assert program.start().token_store.request_access_token("sites", POSSESSION) == token
    with pytest.raises(PowerAuthError) as error:
        program.start().token_store.request_access_token("sites", KNOWLEDGE)
    assert error.value.code is Code.WRONG_PARAMETER


def test_and_comes_not_back_where_another_program_removes_it_meanwhile(
    program: Program, power_auth: PowerAuth
) -> None:
    token = power_auth.token_store.request_access_token("sites", KNOWLEDGE)
    entry, other = of_unknown_factors(program), program.start().token_store

    class Meanwhile(MemoryKeychain):
        is_first = True

        def read(self, name: str) -> str | None:
            text = super().read(name)
            if name == entry and self.is_first:
                self.is_first = False
                other.remove_access_token("sites")
            return text

    tokens = program.start(keychain=Meanwhile(program.entries)).token_store
    new = tokens.request_access_token("sites", POSSESSION)
    assert new != token
    assert program.get(new.generate_header()) == 200


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


@pytest.mark.parametrize("damage", [junk, empty, nested])
def test_where_the_list_of_names_cannot_be_read(
    program: Program, power_auth: PowerAuth, damage: Callable[[str], str]
) -> None:
    power_auth.token_store.request_access_token("sites", KNOWLEDGE)
    (entry,) = [name for name in program.entries if name.startswith("tokens@")]
    program.entries[entry] = damage(program.entries[entry])
    tokens = program.start().token_store
    # What is there is good yet.
    assert program.get(tokens.generate_header_for_token("sites")) == 200
    with pytest.raises(PowerAuthError) as error:
        tokens.local_token_names()
    assert error.value.code == Code.INVALID_ACTIVATION_DATA
    tokens.remove_all_local_tokens()
    assert tokens.has_local_token("sites") is False
    with pytest.raises(PowerAuthError) as error:
        tokens.generate_header_for_token("sites")
    assert error.value.code == Code.LOCAL_TOKEN_NOT_AVAILABLE
    assert program.get(tokens.request_access_token("sites", POSSESSION).generate_header()) == 200


@pytest.mark.parametrize("damage", [junk, empty, no_members, nested, no_count])
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

"""A keychain that is locked or missing, or refuses in the middle of something."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import keyring
import pytest
from cryptography.fernet import Fernet
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked

from tests.client.memory_keychain import MemoryKeychain
from tests.client.program import CREATE, KNOWLEDGE, PIN, POSSESSION, REMOVE, new_code, stored
from tokenauth.client import (
    EncryptedFileKeychain,
    KeychainError,
    PowerAuthActivation,
    PowerAuthAuthentication,
    PowerAuthError,
    PowerAuthErrorCode,
    SystemKeychain,
)
from tokenauth.devices.models import Activation, DeviceToken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from testproject.accounts.models import User
    from tests.client.program import Program
    from tokenauth.client import PowerAuth

Code = PowerAuthErrorCode


class Full(MemoryKeychain):
    """Asks ``refuses`` before each write."""

    def __init__(self, entries: dict[str, str], refuses: Callable[[str], bool]) -> None:
        super().__init__(entries)
        self.refuses = refuses

    def write(self, name: str, text: str) -> None:
        if self.refuses(name):
            raise KeychainError("The keychain takes nothing.")
        super().write(name, text)


class Locked(Full):
    """Before each change."""

    def delete(self, name: str) -> None:
        if self.refuses(name):
            raise KeychainError("The keychain takes nothing.")
        super().delete(name)


class LockedKeyring(NoKeyring):
    """The system's, before somebody has typed its password."""

    priority = 5

    def get_password(self, service: str, username: str, password: str | None = None) -> None:
        raise KeyringLocked("Locked.")

    set_password = delete_password = get_password


def locked(_: Any) -> Any:
    return LockedKeyring(), SystemKeychain()


def missing(_: Any) -> Any:
    return NoKeyring(), SystemKeychain()


def wrong_key(directory: Path) -> Any:
    EncryptedFileKeychain(directory / "k", Fernet.generate_key()).write("a", "b")
    return None, EncryptedFileKeychain(directory / "k", Fernet.generate_key())


def damaged(directory: Path) -> Any:
    EncryptedFileKeychain(directory / "k").write("a", "b")
    (directory / "k").write_bytes(b"junk")
    return None, EncryptedFileKeychain(directory / "k")


@pytest.mark.parametrize("make", [locked, missing, wrong_key, damaged])
def test_what_does_not_open_is_not_taken_for_an_empty_one(
    program: Program,
    alice: User,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path], Any],
) -> None:
    system, keychain = make(tmp_path)
    if system is not None:
        monkeypatch.setattr(keyring, "get_keyring", lambda: system)
        monkeypatch.setattr(keyring.core, "_keyring_backend", system)
    power_auth = program.start(keychain=keychain)
    tokens, code = power_auth.token_store, new_code(alice, program.release)
    for act in (
        power_auth.has_valid_activation,
        power_auth.can_start_activation,
        power_auth.get_activation_identifier,
        power_auth.fetch_activation_status,
        power_auth.remove_activation_local,
        lambda: power_auth.activate(code, PIN),
        lambda: power_auth.validate_password(PIN),
        tokens.can_request_for_access_token,
        tokens.remove_all_local_tokens,
        lambda: tokens.has_local_token("sites"),
        lambda: tokens.get_local_token("sites"),
        lambda: tokens.generate_header_for_token("sites"),
        lambda: tokens.request_access_token("sites", POSSESSION),
        lambda: tokens.remove_access_token("sites"),
        lambda: tokens.remove_local_token("sites"),
        lambda: asyncio.run(tokens.ahas_local_token("sites")),
    ):
        with pytest.raises(KeychainError) as error:
            act()
        assert PIN not in str(error.value)
        assert code not in str(error.value)
    # The code is good yet.
    assert program.wire.paths == []
    assert stored().status == Activation.Status.CREATED


def test_an_activation_that_cannot_be_kept_is_persisted_later(program: Program, alice: User) -> None:
    is_locked = [False]
    power_auth = program.start(keychain=Locked(program.entries, lambda name: is_locked[0]))
    created = power_auth.create_activation(
        PowerAuthActivation.with_activation_code(new_code(alice, program.release), "Petra's tablet")
    )
    authentication = PowerAuthAuthentication.persist_with_password(PIN)
    is_locked[0] = True
    with pytest.raises(KeychainError):
        power_auth.persist_activation(authentication)
    assert power_auth.has_valid_activation() is False
    assert power_auth.has_pending_activation() is True
    is_locked[0] = False
    power_auth.persist_activation(authentication)
    assert power_auth.get_activation_identifier() == created.activation_identifier == str(stored().pk)
    power_auth.validate_password(PIN)


def test_what_the_server_holds_beside_another_is_told_all_the_same(program: Program, alice: User) -> None:
    is_locked = [False]
    late = program.start(keychain=Locked(program.entries, lambda name: is_locked[0]))
    created = late.create_activation(
        PowerAuthActivation.with_activation_code(new_code(alice, program.release))
    )
    other = program.start()
    with pytest.raises(PowerAuthError):
        other.activate(new_code(alice, program.release), PIN)
    other.activate(new_code(alice, program.release), PIN)
    # As of one that was killed.
    program.entries["unfinished@field-app"] = json.dumps(
        {"instance": "field-app", "entry": "unfinished", "members": {"activationId": ""}}
    )
    is_locked[0] = True
    with pytest.raises(PowerAuthError, match=created.activation_identifier):
        late.persist_activation(PowerAuthAuthentication.persist_with_password(PIN))


def test_an_activation_is_not_lost_for_want_of_a_note(program: Program, alice: User) -> None:
    def is_locked(name: str) -> bool:
        return name.startswith("unfinished@") and "/pa/v3/activation/create" in program.wire.paths

    power_auth = program.start(keychain=Full(program.entries, is_locked))
    power_auth.activate(new_code(alice, program.release), PIN)
    power_auth.validate_password(PIN)
    # Nor is anything said of it when another is made.
    power_auth.remove_activation_local()
    again = program.start()
    again.activate(new_code(alice, program.release), PIN)


def test_what_has_ended_on_the_server_alone_is_said(program: Program, power_auth: PowerAuth) -> None:
    is_locked = [False]

    def refuses(name: str) -> bool:
        # What is signed is counted.
        return is_locked[0] and not name.startswith("activation@")

    stubborn = program.start(keychain=Locked(program.entries, refuses))
    stubborn.token_store.request_access_token("sites", KNOWLEDGE)
    is_locked[0] = True
    for act, row in (
        (lambda: stubborn.token_store.remove_access_token("sites"), DeviceToken.objects.all()),
        (
            lambda: stubborn.remove_activation_with_authentication(KNOWLEDGE),
            Activation.objects.exclude(status=Activation.Status.REMOVED),
        ),
    ):
        with pytest.raises(KeychainError, match="has ended on the server, and could not be removed here"):
            act()
        assert not row.exists()
    is_locked[0] = False
    stubborn.remove_activation_local()
    assert stubborn.can_start_activation() is True


def test_what_cannot_be_counted_is_not_sent(program: Program, power_auth: PowerAuth) -> None:
    readable = program.start(keychain=Locked(program.entries, lambda name: True))
    before = len(program.wire.paths)
    for act in (
        lambda: readable.token_store.request_access_token("sites", KNOWLEDGE),
        lambda: readable.validate_password(PIN),
        lambda: readable.change_password(PIN, "2468"),
        lambda: readable.remove_activation_with_authentication(KNOWLEDGE),
    ):
        with pytest.raises(KeychainError):
            act()
    sent = program.wire.paths[before:]
    assert set(sent) <= {"/pa/v3/status", "/pa/v3/keystore/create"}
    assert stored().counter == 0
    power_auth.validate_password(PIN)
    assert stored().counter == 1


def test_a_token_that_cannot_be_kept_is_ended_on_the_server(program: Program, power_auth: PowerAuth) -> None:
    is_locked = [True]
    keychain = Full(program.entries, lambda name: is_locked[0] and name.startswith("token."))
    refusing = program.start(keychain=keychain)
    with pytest.raises(KeychainError) as error:
        refusing.token_store.request_access_token("sites", KNOWLEDGE)
    assert error.value.is_outcome_unknown is False
    assert (program.wire.paths.count(CREATE), program.wire.paths.count(REMOVE)) == (1, 1)
    assert not DeviceToken.objects.exists()
    is_locked[0] = False
    assert refusing.token_store.has_local_token("sites") is False
    assert program.get(refusing.token_store.request_access_token("sites", KNOWLEDGE).generate_header()) == 200


def test_a_note_that_stays_beside_a_token_is_no_harm(program: Program, power_auth: PowerAuth) -> None:
    def is_late(name: str) -> bool:
        return name.startswith("tokens@") and any(each.startswith("token.") for each in program.entries)

    is_full = [True]
    tokens = program.start(
        keychain=Full(program.entries, lambda name: is_full[0] and is_late(name))
    ).token_store
    token = tokens.request_access_token("sites", KNOWLEDGE)
    assert program.get(token.generate_header()) == 200
    is_full[0] = False
    restarted = program.start().token_store
    assert restarted.request_access_token("sites", KNOWLEDGE) == token
    restarted.remove_access_token("sites")
    assert restarted.request_access_token("sites", KNOWLEDGE) != token


def test_what_is_not_put_back_hides_no_reason(
    program: Program, power_auth: PowerAuth, unused_url: str
) -> None:
    """The counter of what was never sent: the server looks ahead."""
    written: list[str] = []

    def is_full(name: str) -> bool:
        written.append(name)
        return written.count("activation@field-app") > 1

    offline = program.start(url=unused_url, keychain=Full(program.entries, is_full))
    with pytest.raises(PowerAuthError) as error:
        offline.validate_password(PIN)
    assert error.value.code == Code.NETWORK_ERROR
    power_auth.validate_password(PIN)


def test_nor_does_a_note_of_an_activation(program: Program, alice: User) -> None:
    is_locked = [False]
    power_auth = program.start(keychain=Locked(program.entries, lambda name: is_locked[0]))
    code = new_code(alice, program.release)
    power_auth.activate(code, PIN)
    power_auth.remove_activation_local()
    create = program.wire.hold("/pa/v3/activation/create")
    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(power_auth.activate, code, PIN)
        create.wait_for_one()
        is_locked[0] = True
        create.let_through()
        error = asking.exception()
    assert isinstance(error, PowerAuthError)
    assert error.server_code == "ERR_ACTIVATION"


def test_and_where_that_fails_whoever_asked_is_told_which(program: Program, power_auth: PowerAuth) -> None:
    refusing = program.start(keychain=Full(program.entries, lambda name: name.startswith("token.")))
    program.wire.lost.add(REMOVE)
    with pytest.raises(KeychainError) as error:
        refusing.token_store.request_access_token("sites", KNOWLEDGE)
    assert error.value.is_outcome_unknown is True
    assert (program.wire.paths.count(CREATE), program.wire.paths.count(REMOVE)) == (1, 1)
    assert refusing.token_store.has_local_token("sites") is False


def test_a_keychain_that_is_locked_meanwhile(program: Program, power_auth: PowerAuth) -> None:
    keychain = Locked(program.entries, lambda name: CREATE in program.wire.paths)
    refusing = program.start(keychain=keychain)
    with pytest.raises(KeychainError) as error:
        refusing.token_store.request_access_token("sites", KNOWLEDGE)
    # Without a count that is kept, nothing can be signed: not the removal either.
    assert error.value.is_outcome_unknown is True
    assert DeviceToken.objects.get().pk
    assert str(DeviceToken.objects.get().pk) in error.value.message
    keychain.refuses = lambda name: False
    # It was noted before, and is said once more.
    with pytest.raises(PowerAuthError) as again:
        refusing.token_store.request_access_token("sites", KNOWLEDGE)
    assert again.value.code == Code.OPERATION_CANCELED
    assert program.get(refusing.token_store.request_access_token("sites", KNOWLEDGE).generate_header()) == 200

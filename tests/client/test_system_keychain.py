"""``SystemKeychain``, ``default_keychain``: whatever a keyring raises is one error that says what to do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import chainer, fail, null
from keyring.errors import (
    InitError,
    KeyringError,
    KeyringLocked,
    NoKeyringError,
    PasswordDeleteError,
    PasswordSetError,
)

from tests.client.other_processes import output
from tokenauth.client.chosen_keychain import default_keychain
from tokenauth.client.encrypted_file_keychain import EncryptedFileKeychain
from tokenauth.client.exceptions import KeychainError
from tokenauth.client.system_keychain import SystemKeychain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECRET = "not to be seen"


class MemoryKeyring(KeyringBackend):
    # Found by no other test.
    viable = False
    priority = 5

    def __init__(self) -> None:
        super().__init__()
        self.passwords: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.passwords.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.passwords[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.passwords.pop((service, username), None) is None:
            raise PasswordDeleteError("not there")


class RefusingKeyring(KeyringBackend):
    viable = False
    priority = 5

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def get_password(self, service: str, username: str) -> str | None:
        raise self.error

    def set_password(self, service: str, username: str, password: str) -> None:
        raise self.error

    def delete_password(self, service: str, username: str) -> None:
        raise self.error


class ForgetfulKeyring(MemoryKeyring):
    """As KWallet's, which does not look at what it is answered."""

    viable = False

    def set_password(self, service: str, username: str, password: str) -> None:
        pass

    def delete_password(self, service: str, username: str) -> None:
        pass


class ReadOnlyKeyring(MemoryKeyring):
    viable = False

    def delete_password(self, service: str, username: str) -> None:
        raise PasswordDeleteError("You may not")


class PlainKeyring(MemoryKeyring):
    """As that of keyrings.alt, which is a file in clear."""

    viable = False
    priority = 0.5


class SilentKeyring(MemoryKeyring):
    """That does not say how good it is."""

    viable = False

    @property
    def priority(self) -> float:
        raise NotImplementedError


class PlatformError(Exception):
    """What only a platform's library raises."""


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


@pytest.fixture
def memory() -> MemoryKeyring:
    memory = MemoryKeyring()
    keyring.set_keyring(memory)
    return memory


ACTS: dict[str, Callable[[SystemKeychain], object]] = {
    "read": lambda keychain: keychain.read("entry"),
    "write": lambda keychain: keychain.write("entry", SECRET),
    "delete": lambda keychain: keychain.delete("entry"),
}


@pytest.fixture(params=ACTS)
def act(request: pytest.FixtureRequest) -> Callable[[SystemKeychain], object]:
    return ACTS[request.param]


def test_keeps_texts_by_their_names(memory: MemoryKeyring) -> None:
    keychain = SystemKeychain()
    assert keychain.read("a@1") is None
    keychain.write("a@1", "1")
    keychain.write("a@1", "2")
    keychain.write("b@1", "3")
    assert (keychain.read("a@1"), keychain.read("b@1")) == ("2", "3")
    keychain.delete("a@1")
    keychain.delete("a@1")
    assert (keychain.read("a@1"), keychain.read("b@1")) == (None, "3")
    assert repr(keychain) == "SystemKeychain('tokenauth.client')"


def test_services_do_not_share(memory: MemoryKeyring) -> None:
    SystemKeychain("one").write("a", "1")
    SystemKeychain("two").write("a", "2")
    assert (SystemKeychain("one").read("a"), SystemKeychain("two").read("a")) == ("1", "2")
    assert SystemKeychain().read("a") is None


def test_each_entry_has_a_service_of_its_own(memory: MemoryKeyring) -> None:
    # Windows keeps one name for a service, and moves it away for the next: not at once.
    for name in ("a", "b"):
        SystemKeychain().write(name, "text")
    services = [service for service, _ in memory.passwords]
    assert len(set(services)) == 2


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyringLocked("no"), "The system's keychain is locked. Unlock it, and try again."),
        (NoKeyringError("none"), "This system has no keychain"),
        (InitError("no bus"), "The system's keychain refuses: InitError: no bus"),
        (KeyringError("-25308"), "The system's keychain refuses: KeyringError: -25308"),
        (OSError(111, "Connection refused"), "The system's keychain refuses: ConnectionRefusedError: "),
        (RuntimeError("no loop"), "The system's keychain refuses: RuntimeError: no loop"),
        (PlatformError("gone"), "The system's keychain refuses: PlatformError: gone"),
    ],
)
def test_what_a_keyring_raises_is_told(
    act: Callable[[SystemKeychain], object], error: Exception, message: str
) -> None:
    keyring.set_keyring(RefusingKeyring(error))
    with pytest.raises(KeychainError) as raised:
        act(SystemKeychain())
    assert raised.value.message.startswith(message)
    assert raised.value.__cause__ is error


def test_what_cannot_be_written_is_told() -> None:
    keyring.set_keyring(RefusingKeyring(PasswordSetError("too long")))
    with pytest.raises(KeychainError, match="refuses: PasswordSetError: too long"):
        SystemKeychain().write("entry", SECRET)


@pytest.mark.parametrize(
    "error",
    [
        PlatformError(f"cannot put {SECRET}"),
        PasswordSetError(f"{SECRET}?"),
        UnicodeEncodeError("utf-16", f"<{SECRET}>", 0, 1, "no"),
    ],
)
def test_what_was_to_be_written_is_in_no_error(error: Exception) -> None:
    keyring.set_keyring(RefusingKeyring(error))
    with pytest.raises(KeychainError, match=rf"refuses: {type(error).__name__}\.") as raised:
        SystemKeychain().write("entry", SECRET)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    assert SECRET not in repr(raised.value)


@pytest.mark.parametrize("backend", [fail.Keyring, null.Keyring])
def test_no_keychain_is_told(act: Callable[[SystemKeychain], object], backend: type[KeyringBackend]) -> None:
    keyring.set_keyring(backend())
    with pytest.raises(KeychainError, match=r"no keychain.* use EncryptedFileKeychain"):
        act(SystemKeychain())


def test_a_chain_of_nothing_is_no_keychain(
    act: Callable[[SystemKeychain], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chainer.ChainerBackend, "backends", [])
    keyring.set_keyring(chainer.ChainerBackend())
    with pytest.raises(KeychainError, match="no keychain"):
        act(SystemKeychain())


def test_what_is_not_kept_is_no_success() -> None:
    keyring.set_keyring(ForgetfulKeyring())
    with pytest.raises(KeychainError, match="did not keep"):
        SystemKeychain().write("entry", SECRET)


@pytest.mark.parametrize("backend", [ForgetfulKeyring, ReadOnlyKeyring])
def test_what_is_not_deleted_is_no_success(memory: MemoryKeyring, backend: type[MemoryKeyring]) -> None:
    SystemKeychain().write("entry", SECRET)
    other = backend()
    other.passwords = memory.passwords
    keyring.set_keyring(other)
    with pytest.raises(KeychainError, match="did not delete") as raised:
        SystemKeychain().delete("entry")
    assert (str(raised.value.__cause__) == "You may not") is (backend is ReadOnlyKeyring)
    SystemKeychain().delete("nothing")


# The default.


def test_the_default_is_the_systems(memory: MemoryKeyring) -> None:
    keychain = default_keychain()
    assert isinstance(keychain, SystemKeychain)
    keychain.write("entry", SECRET)
    assert list(memory.passwords.values()) == [SECRET]


def test_the_default_is_the_systems_though_it_is_locked() -> None:
    keyring.set_keyring(RefusingKeyring(KeyringLocked()))
    keychain = default_keychain()
    with pytest.raises(KeychainError, match="locked"):
        keychain.read("entry")


@pytest.mark.parametrize("backend", [fail.Keyring, null.Keyring, PlainKeyring, SilentKeyring])
def test_the_default_is_a_file_where_the_system_has_none(
    backend: type[KeyringBackend], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformdirs.user_data_path", lambda name, **_: tmp_path / name)
    keyring.set_keyring(backend())
    keychain = default_keychain()
    assert isinstance(keychain, EncryptedFileKeychain)
    assert keychain.path == tmp_path / "tokenauth" / "keychain"


@pytest.mark.parametrize(
    ("chained", "kind"),
    [
        ([MemoryKeyring(), PlainKeyring()], SystemKeychain),
        ([PlainKeyring()], EncryptedFileKeychain),
        ([], EncryptedFileKeychain),
    ],
)
def test_a_chain_is_as_good_as_its_best(
    chained: list[KeyringBackend], kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chainer.ChainerBackend, "backends", chained)
    keyring.set_keyring(chainer.ChainerBackend())
    assert isinstance(default_keychain(), kind)


# Real processes, without a session to ask.

SESSIONLESS = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere", "XDG_RUNTIME_DIR": "/nowhere"}

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a keychain")


@linux
def test_without_a_session_there_is_a_file(tmp_path: Path) -> None:
    printed = output(
        """
        from tokenauth.client.chosen_keychain import default_keychain
        from tokenauth.client.exceptions import KeychainError
        from tokenauth.client.system_keychain import SystemKeychain

        keychain = default_keychain()
        keychain.write("entry", "text")
        print(keychain.path, keychain.read("entry"))
        try:
            SystemKeychain().read("entry")
        except KeychainError as error:
            print(error.message)
        """,
        **SESSIONLESS,
        HOME=str(tmp_path),
        XDG_DATA_HOME=str(tmp_path / "data"),
    )
    first, second = printed.splitlines()
    assert first == f"{tmp_path}/data/tokenauth/keychain text"
    assert second.startswith("This system has no keychain, or it cannot be reached from here.")


@linux
@pytest.mark.parametrize("configured", ["keyring.backends.SecretService.Keyring", "no_such.Keyring", "", "x"])
def test_a_keyring_that_is_configured_and_not_there_is_told(tmp_path: Path, configured: str) -> None:
    printed = output(
        """
        from tokenauth.client.chosen_keychain import default_keychain
        from tokenauth.client.exceptions import KeychainError

        try:
            default_keychain()
        except KeychainError as error:
            print(error.message)
        """,
        **SESSIONLESS,
        HOME=str(tmp_path),
        PYTHON_KEYRING_BACKEND=configured,
    )
    assert printed.startswith("The keyring that is configured cannot be loaded: see PYTHON_KEYRING_BACKEND")


@linux
def test_a_session_that_ended_is_told(tmp_path: Path) -> None:
    pytest.importorskip("secretstorage")
    printed = output(
        """
        import keyring
        from keyring.backends import SecretService
        from tokenauth.client.exceptions import KeychainError
        from tokenauth.client.system_keychain import SystemKeychain

        keyring.set_keyring(SecretService.Keyring())
        keychain = SystemKeychain()
        for act, *arguments in ((keychain.read, "a"), (keychain.write, "a", "b"), (keychain.delete, "a")):
            try:
                act(*arguments)
            except KeychainError as error:
                print(error.message)
        """,
        **SESSIONLESS,
        HOME=str(tmp_path),
    )
    assert printed.count("The system's keychain refuses: ") == 3


# The extra.


@pytest.mark.parametrize(
    ("missing", "module"),
    [
        ("keyring", "system_keychain"),
        ("keyring", "chosen_keychain"),
        ("filelock", "encrypted_file_keychain"),
        ("filelock", "instance_storage"),
        ("platformdirs", "instance_storage"),
        ("platformdirs", "chosen_keychain"),
    ],
)
def test_what_is_missing_says_how_to_install_it(missing: str, module: str) -> None:
    printed = output(
        """
        import importlib
        sys.modules[sys.argv[1]] = None
        try:
            importlib.import_module(f"tokenauth.client.{sys.argv[2]}")
        except ImportError as error:
            print(error)
        """,
        missing,
        module,
    )
    assert printed == f"{missing} is missing. Install it: pip install 'drf-tokenauth[client]'"


def test_the_package_itself_needs_none_of_it() -> None:
    printed = output(
        """
        import tokenauth.client
        print(sorted({"keyring", "filelock", "platformdirs"} & set(sys.modules)))
        """
    )
    assert printed == "[]"

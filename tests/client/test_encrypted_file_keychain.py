"""``EncryptedFileKeychain``: whole or not there, for its owner alone, and for all processes at once."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet

from tests.client.other_processes import line_of, output, running, tell
from tests.client.unprivileged import directory_of_somebody
from tokenauth.client import encrypted_file_keychain
from tokenauth.client.encrypted_file_keychain import EncryptedFileKeychain
from tokenauth.client.exceptions import KeychainError, PowerAuthError, PowerAuthErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET = "not to be seen"

posix = pytest.mark.skipif(os.name != "posix", reason="rights of files are POSIX's")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "keychain"


@pytest.fixture
def keychain(path: Path) -> EncryptedFileKeychain:
    """With one entry."""
    keychain = EncryptedFileKeychain(path)
    keychain.write("entry", SECRET)
    return keychain


def key_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.key")


def contents(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir() if file.suffix != ".lock"}


def each_refuses(keychain: EncryptedFileKeychain, code: PowerAuthErrorCode) -> None:
    """And leaves the files as they are."""
    before = contents(keychain.path.parent)
    acts: list[Callable[[], object]] = [
        lambda: keychain.read("entry"),
        lambda: keychain.write("other", "text"),
        lambda: keychain.delete("entry"),
    ]
    for act in acts:
        with pytest.raises(KeychainError) as raised:
            act()
        assert raised.value.code == code
        assert SECRET not in repr(raised.value)
    assert contents(keychain.path.parent) == before


def test_keeps_texts_by_their_names(path: Path) -> None:
    keychain = EncryptedFileKeychain(path)
    assert keychain.read("a") is None
    keychain.write("a", "1")
    keychain.write("b@ä", "ß\n\ud800")
    keychain.write("a", "2")
    other = EncryptedFileKeychain(str(path))
    assert (other.read("a"), other.read("b@ä"), other.read("c")) == ("2", "ß\n\ud800", None)
    other.delete("a")
    other.delete("a")
    assert (keychain.read("a"), keychain.read("b@ä")) == (None, "ß\n\ud800")


def test_delete_from_nothing_makes_no_file(path: Path) -> None:
    EncryptedFileKeychain(path).delete("a")
    assert contents(path.parent) == {}


def test_nothing_is_in_clear(keychain: EncryptedFileKeychain, path: Path) -> None:
    for content in contents(path.parent).values():
        assert SECRET.encode() not in content
        assert b"entry" not in content
    assert sorted(contents(path.parent)) == ["keychain", "keychain.key"]


def test_a_key_from_elsewhere_is_not_written(path: Path) -> None:
    key = Fernet.generate_key()
    EncryptedFileKeychain(path, key).write("entry", SECRET)
    assert list(contents(path.parent)) == ["keychain"]
    assert EncryptedFileKeychain(path, key).read("entry") == SECRET
    assert json.loads(Fernet(key).decrypt(path.read_bytes())) == {"entry": SECRET}


@pytest.mark.parametrize("key", [b"", b"short", b"?" * 44])
def test_what_is_no_key_is_refused(path: Path, key: bytes) -> None:
    with pytest.raises(PowerAuthError) as raised:
        EncryptedFileKeychain(path, key)
    assert raised.value.code == PowerAuthErrorCode.WRONG_PARAMETER
    assert not path.parent.exists()


def test_shows_no_key(path: Path) -> None:
    key = Fernet.generate_key()
    keychain = EncryptedFileKeychain(path, key)
    assert key.decode() not in repr(keychain) + repr(vars(keychain))
    assert repr(keychain) == f"EncryptedFileKeychain({str(path)!r})"


@posix
def test_files_are_their_owners_alone_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        EncryptedFileKeychain(path).write("entry", SECRET)
    finally:
        os.umask(before)
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == {"keychain": 0o600, "keychain.key": 0o600, "keychain.lock": 0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
@pytest.mark.parametrize("of", ["keychain", "keychain.key"])
def test_what_others_may_read_is_not_used(
    keychain: EncryptedFileKeychain, path: Path, of: str, mode: int
) -> None:
    path.with_name(of).chmod(mode)
    each_refuses(keychain, PowerAuthErrorCode.INSUFFICIENT_KEYCHAIN_PROTECTION)
    path.with_name(of).chmod(0o600)
    assert keychain.read("entry") == SECRET


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="root alone gives files to others")
@pytest.mark.parametrize("of", ["keychain", "keychain.key"])
def test_what_is_anothers_is_not_used(keychain: EncryptedFileKeychain, path: Path, of: str) -> None:
    os.chown(path.with_name(of), 12345, 12345)
    each_refuses(keychain, PowerAuthErrorCode.INSUFFICIENT_KEYCHAIN_PROTECTION)


def test_another_key_does_not_open_it(keychain: EncryptedFileKeychain, path: Path) -> None:
    other = EncryptedFileKeychain(path, Fernet.generate_key())
    each_refuses(other, PowerAuthErrorCode.INVALID_ACTIVATION_DATA)


@pytest.mark.parametrize("damage", ["emptied", "cut", "changed", "garbage"])
def test_a_damaged_file_is_left(keychain: EncryptedFileKeychain, path: Path, damage: str) -> None:
    whole = path.read_bytes()
    changed = whole[:50] + bytes([whole[50] ^ 1]) + whole[51:]
    path.write_bytes({"emptied": b"", "cut": whole[:-9], "changed": changed, "garbage": b"\xff\x00"}[damage])
    each_refuses(keychain, PowerAuthErrorCode.INVALID_ACTIVATION_DATA)


@pytest.mark.parametrize("text", [b"[]", b"{", f'"{SECRET}"'.encode(), SECRET.encode(), b"\xff"])
def test_what_is_something_else_under_the_same_key_is_left(
    keychain: EncryptedFileKeychain, path: Path, text: bytes
) -> None:
    path.write_bytes(Fernet(key_of(path).read_bytes()).encrypt(text))
    each_refuses(keychain, PowerAuthErrorCode.INVALID_ACTIVATION_DATA)


@pytest.mark.parametrize("damage", ["removed", "emptied", "garbage"])
def test_no_other_key_is_made_for_what_is_there(
    keychain: EncryptedFileKeychain, path: Path, damage: str
) -> None:
    key = key_of(path)
    if damage == "removed":
        key.unlink()
    else:
        key.write_bytes(b"" if damage == "emptied" else b"\xff" * 44)
    each_refuses(keychain, PowerAuthErrorCode.INVALID_ACTIVATION_DATA)


def test_an_editors_newline_after_the_key_is_no_damage(keychain: EncryptedFileKeychain, path: Path) -> None:
    key_of(path).write_bytes(key_of(path).read_bytes() + b"\n")
    assert keychain.read("entry") == SECRET


def test_a_directory_is_no_keychain(path: Path) -> None:
    path.mkdir(parents=True)
    keychain = EncryptedFileKeychain(path)
    each_refuses_for_the_path(keychain)
    assert path.is_dir()


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    each_refuses_for_the_path(EncryptedFileKeychain(tmp_path / "file" / "keychain"))
    assert (tmp_path / "file").read_text() == "mine"


def each_refuses_for_the_path(keychain: EncryptedFileKeychain) -> None:
    with pytest.raises(KeychainError, match="cannot be read"):
        keychain.read("entry")
    with pytest.raises(KeychainError, match="cannot be"):
        keychain.write("entry", SECRET)
    with pytest.raises(KeychainError, match="cannot be"):
        keychain.delete("entry")


def test_a_link_stays_one(keychain: EncryptedFileKeychain, path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(path)
    EncryptedFileKeychain(link).write("other", "text")
    assert link.is_symlink()
    assert (keychain.read("entry"), keychain.read("other")) == (SECRET, "text")


def test_a_relative_path_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    keychain = EncryptedFileKeychain("keychain")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    keychain.write("entry", SECRET)
    assert (tmp_path / "keychain").exists()


@posix
def test_what_can_only_be_read_is_read() -> None:
    with directory_of_somebody() as directory:
        keychain = EncryptedFileKeychain(directory / "keychain")
        keychain.write("entry", SECRET)
        (directory / "keychain.lock").unlink()
        directory.chmod(0o500)
        before = contents(directory)
        assert keychain.read("entry") == SECRET
        with pytest.raises(KeychainError, match="cannot be locked: Permission denied"):
            keychain.write("entry", "other")
        with pytest.raises(KeychainError, match="cannot be locked: Permission denied"):
            keychain.delete("entry")
        assert contents(directory) == before
        directory.chmod(0o700)


@posix
def test_what_may_not_be_read_is_told() -> None:
    with directory_of_somebody() as directory:
        keychain = EncryptedFileKeychain(directory / "keychain")
        keychain.write("entry", SECRET)
        (directory / "keychain").chmod(0)
        with pytest.raises(KeychainError, match="cannot be read: Permission denied"):
            keychain.read("entry")


@posix
def test_a_full_disk_leaves_the_old_file(keychain: EncryptedFileKeychain, path: Path) -> None:
    before = contents(path.parent)
    refused = output(
        """
        import resource
        from tokenauth.client.encrypted_file_keychain import EncryptedFileKeychain
        from tokenauth.client.exceptions import KeychainError

        # As a disk does that has that much room.
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            EncryptedFileKeychain(sys.argv[1]).write("entry", "x" * 5000)
        except KeychainError as error:
            print(error.message)
        """,
        path,
    )
    assert refused == f"{path} cannot be written: File too large. It is as it was."
    assert contents(path.parent) == before


def test_threads_lose_nothing(path: Path) -> None:
    def write(number: int) -> None:
        EncryptedFileKeychain(path).write(str(number), str(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    keychain = EncryptedFileKeychain(path)
    assert [keychain.read(str(number)) for number in range(40)] == [str(number) for number in range(40)]


WRITER = """
from tokenauth.client.encrypted_file_keychain import EncryptedFileKeychain
print(flush=True)
for path in sys.stdin:
    EncryptedFileKeychain(path.strip()).write(sys.argv[1], "text of " + sys.argv[1])
    print(flush=True)
"""


def test_processes_that_begin_at_once_make_one_key(tmp_path: Path) -> None:
    names = ["a", "b", "c"]
    with ExitStack() as stack:
        writers = [stack.enter_context(running(WRITER, name)) for name in names]
        for writer in writers:
            line_of(writer)
        for turn in range(15):
            path = tmp_path / str(turn) / "keychain"
            for writer in writers:
                tell(writer, path)
            for writer in writers:
                line_of(writer)
            keychain = EncryptedFileKeychain(path)
            assert [keychain.read(name) for name in names] == [f"text of {name}" for name in names]


KILLED = """
import os, signal
from tokenauth.client.encrypted_file_keychain import EncryptedFileKeychain

def killed(descriptor):
    os.kill(os.getpid(), signal.SIGKILL)

# The lock is held, and what is new is written beside the old.
os.fsync = killed
EncryptedFileKeychain(sys.argv[1]).write("entry", "half")
"""


@posix
@pytest.mark.parametrize("began", [True, False])
def test_a_killed_process_leaves_the_old_and_no_lock(path: Path, began: bool) -> None:
    keychain = EncryptedFileKeychain(path)
    if began:
        keychain.write("entry", SECRET)
    with running(KILLED, path) as process:
        assert process.wait(60) == -signal.SIGKILL
    half = "keychain.new" if began else "keychain.key.new"
    assert half in contents(path.parent)
    assert path.with_name(half).stat().st_mode & 0o777 == 0o600
    assert keychain.read("entry") == (SECRET if began else None)
    keychain.write("other", "text")
    assert keychain.read("entry") == (SECRET if began else None)
    assert sorted(contents(path.parent)) == ["keychain", "keychain.key"]


HOLDER = """
from pathlib import Path
from tokenauth.client.process_lock import ProcessLock
with ProcessLock(Path(sys.argv[1])).held(10):
    print(flush=True)
    sys.stdin.readline()
"""


def test_who_holds_it_for_ever_is_not_waited_for(
    keychain: EncryptedFileKeychain, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encrypted_file_keychain, "TIMEOUT", 0.05)
    before = contents(path.parent)
    with running(HOLDER, path.with_name("keychain.lock")) as holder:
        line_of(holder)
        with pytest.raises(KeychainError) as raised:
            keychain.write("entry", "other")
        assert raised.value.code == PowerAuthErrorCode.EXTERNAL_PENDING_OPERATION
        assert contents(path.parent) == before
        assert os.name != "posix" or keychain.read("entry") == SECRET
        tell(holder)
        holder.wait(60)
        keychain.write("entry", "other")
    assert keychain.read("entry") == "other"

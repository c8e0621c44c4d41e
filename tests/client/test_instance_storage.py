"""``InstanceStorage``: what one instance keeps, as every thread and process of the user has it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.client.other_processes import line_of, output, running, tell
from tests.client.unprivileged import directory_of_somebody
from tokenauth.client.change_stamp import ChangeStamp
from tokenauth.client.encrypted_file_keychain import EncryptedFileKeychain
from tokenauth.client.exceptions import (
    CorruptedEntryError,
    KeychainError,
    PowerAuthError,
    PowerAuthErrorCode,
)
from tokenauth.client.instance_storage import InstanceStorage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET = "not to be seen"

posix = pytest.mark.skipif(os.name != "posix", reason="rights of files are POSIX's")


class CountedKeychain:
    """In memory. It counts how often it is read, and refuses where ``refusal`` is set."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.reads = 0
        self.refusal: KeychainError | None = None
        self.refuses_after_writing = False

    def read(self, name: str) -> str | None:
        self.reads += 1
        return self.texts.get(name)

    def write(self, name: str, text: str) -> None:
        if self.refusal is not None and not self.refuses_after_writing:
            raise self.refusal
        self.texts[name] = text
        if self.refusal is not None:
            raise self.refusal

    def delete(self, name: str) -> None:
        if self.refusal is not None and not self.refuses_after_writing:
            raise self.refusal
        self.texts.pop(name, None)
        if self.refusal is not None:
            raise self.refusal


@pytest.fixture
def keychain() -> CountedKeychain:
    return CountedKeychain()


@pytest.fixture
def storage(keychain: CountedKeychain, tmp_path: Path) -> InstanceStorage:
    return InstanceStorage(keychain, "one", tmp_path)


@pytest.fixture
def other(keychain: CountedKeychain, tmp_path: Path) -> InstanceStorage:
    """Another object of the same instance, as another process has it."""
    return InstanceStorage(keychain, "one", tmp_path)


@pytest.fixture
def on_disk(tmp_path: Path) -> InstanceStorage:
    """Whose keychain other processes have as well."""
    return InstanceStorage(EncryptedFileKeychain(tmp_path / "keychain"), "one", tmp_path / "state")


def in_thread(act: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(act).result(60)


# Entries.


def test_keeps_members_by_the_entrys_name(storage: InstanceStorage, other: InstanceStorage) -> None:
    assert storage.read("a") is None
    storage.write("a", {"number": 1, "text": "ä\ud800", "list": [None, True], "inner": {"x": 1.5}})
    storage.write("b", {})
    for each in (storage, other):
        assert each.read("a") == {"number": 1, "text": "ä\ud800", "list": [None, True], "inner": {"x": 1.5}}
        assert each.read("b") == {}
    storage.delete("a")
    storage.delete("a")
    for each in (storage, other):
        assert (each.read("a"), each.read("b")) == (None, {})


def test_instances_do_not_share(keychain: CountedKeychain, storage: InstanceStorage, tmp_path: Path) -> None:
    two = InstanceStorage(keychain, "two", tmp_path)
    storage.write("a", {"of": "one"})
    two.write("a", {"of": "two"})
    assert (storage.read("a"), two.read("a")) == ({"of": "one"}, {"of": "two"})
    assert sorted(keychain.texts) == ["a@one", "a@two"]


def test_what_is_read_is_the_callers_own(storage: InstanceStorage, other: InstanceStorage) -> None:
    written = {"list": [1]}
    storage.write("a", written)
    written["list"].append(2)
    for each in (storage, other):
        read = each.read("a")
        assert read == {"list": [1]}
        read["list"].append(3)
        assert each.read("a") == {"list": [1]}


@pytest.mark.parametrize("member", [b"bytes", float("nan"), object(), {1, 2}])
def test_what_json_cannot_hold_changes_nothing(
    storage: InstanceStorage, keychain: CountedKeychain, member: object
) -> None:
    storage.write("a", {"x": 1})
    with pytest.raises((TypeError, ValueError)):
        storage.write("a", {"x": member})
    assert storage.read("a") == {"x": 1}
    assert len(keychain.texts) == 1


@pytest.mark.parametrize("instance_id", ["", "x" * 256, "a\nb", "\x00", "\x7f", "a\x85", "\ud800"])
def test_an_instance_id_is_a_line_of_text(
    keychain: CountedKeychain, tmp_path: Path, instance_id: str
) -> None:
    with pytest.raises(PowerAuthError) as raised:
        InstanceStorage(keychain, instance_id, tmp_path)
    assert raised.value.code == PowerAuthErrorCode.WRONG_PARAMETER


@pytest.mark.parametrize("instance_id", ["x", "x" * 255, "../../etc/passwd", "a@b@c", "ä ☃", "CON", "."])
def test_any_other_instance_id_works(keychain: CountedKeychain, tmp_path: Path, instance_id: str) -> None:
    InstanceStorage(keychain, instance_id, tmp_path / "state").write("a", {"x": 1})
    assert InstanceStorage(keychain, instance_id, tmp_path / "state").read("a") == {"x": 1}
    assert list(tmp_path.iterdir()) == [tmp_path / "state"]


def wrapped(**changed: object) -> str:
    return json.dumps({"instance": "one", "entry": "a", "members": {"x": SECRET}, **changed})


@pytest.mark.parametrize(
    "text",
    [
        "",
        SECRET,
        "{",
        "[" * 100_000,
        "null",
        "1",
        json.dumps({"x": SECRET}),
        json.dumps([SECRET]),
        wrapped(instance="two"),
        wrapped(instance=None),
        wrapped(entry="b"),
        wrapped(entry=["a"]),
        wrapped(members=[SECRET]),
        wrapped(members=None),
    ],
)
def test_what_was_not_put_there_for_this_is_told(
    storage: InstanceStorage, keychain: CountedKeychain, text: str
) -> None:
    keychain.texts["a@one"] = text
    for _ in range(2):
        with pytest.raises(CorruptedEntryError) as raised:
            storage.read("a")
        assert raised.value.code == PowerAuthErrorCode.INVALID_ACTIVATION_DATA
        assert SECRET not in repr(raised.value)
        assert raised.value.__cause__ is None
    assert keychain.texts["a@one"] == text
    storage.delete("a")
    assert storage.read("a") is None
    assert keychain.texts == {}


def test_a_corrupted_entry_can_be_written_anew(storage: InstanceStorage, keychain: CountedKeychain) -> None:
    keychain.texts["a@one"] = SECRET
    storage.write("a", {"x": 1})
    assert storage.read("a") == {"x": 1}


def test_shows_nothing(storage: InstanceStorage) -> None:
    storage.write("a", {"x": SECRET})
    assert repr(storage) == "InstanceStorage('one')"


# What is kept in memory.


def noted(call: Callable[..., Any], calls: list[str]) -> Callable[..., Any]:
    """``call``, and its name in ``calls``."""

    def noted_call(*arguments: Any, **named: Any) -> Any:
        calls.append(call.__name__)
        return call(*arguments, **named)

    return noted_call


@pytest.mark.parametrize("there", [True, False])
def test_what_was_read_costs_one_stat(
    storage: InstanceStorage,
    other: InstanceStorage,
    keychain: CountedKeychain,
    there: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if there:
        other.write("a", {"x": 1})
    expected = {"x": 1} if there else None
    assert storage.read("a") == expected
    keychain.reads = 0
    calls: list[str] = []
    for name in ("stat", "lstat", "open", "utime", "replace", "unlink", "mkdir"):
        monkeypatch.setattr(os, name, noted(getattr(os, name), calls))
    assert storage.read("a") == expected
    monkeypatch.undo()
    assert calls == ["stat"]
    assert keychain.reads == 0


def test_who_wrote_need_not_read(storage: InstanceStorage, keychain: CountedKeychain) -> None:
    storage.write("a", {"x": 1})
    storage.write("b", {"x": 2})
    storage.delete("c")
    assert [storage.read(entry) for entry in "abc"] == [{"x": 1}, {"x": 2}, None]
    assert keychain.reads == 0


def test_what_another_wrote_is_read_anew(
    storage: InstanceStorage, other: InstanceStorage, keychain: CountedKeychain
) -> None:
    storage.write("a", {"x": 1})
    other.write("a", {"x": 2})
    assert storage.read("a") == {"x": 2}
    other.delete("a")
    assert storage.read("a") is None
    other.write("b", {"x": 3})
    storage.write("c", {"x": 4})
    other.write("c", {"x": 5})
    assert (storage.read("b"), storage.read("c")) == ({"x": 3}, {"x": 5})
    # And after that, not any more.
    keychain.reads = 0
    assert (storage.read("b"), storage.read("c")) == ({"x": 3}, {"x": 5})
    assert keychain.reads == 0


def test_writing_keeps_nothing_of_before_anothers_change(
    storage: InstanceStorage, other: InstanceStorage
) -> None:
    storage.write("a", {"x": 1})
    other.write("a", {"x": 2})
    storage.write("b", {"x": 3})
    assert storage.read("a") == {"x": 2}


def test_changes_in_quick_succession_are_seen(storage: InstanceStorage, other: InstanceStorage) -> None:
    for number in range(100):
        other.write("a", {"x": number})
        assert storage.read("a") == {"x": number}
        # The file of the stamp may have the same number then as when it was read.
        other.write("a", {"x": -1})
        other.write("a", {"x": -number})
        assert storage.read("a") == {"x": -number}


def test_a_stamp_does_not_lean_on_the_clock(tmp_path: Path) -> None:
    # Within a tick, all would be one.
    stamp = ChangeStamp(tmp_path / "stamp")
    moments = {moment for moment, _ in filter(None, [stamp.renew() for _ in range(50)])}
    assert len(moments) == 50
    now = time.time_ns()
    assert not [moment for moment in moments if abs(moment - now) < 60 * 10**9]


def test_a_stamp_that_was_cleaned_away_costs_a_read(
    storage: InstanceStorage, keychain: CountedKeychain, tmp_path: Path
) -> None:
    storage.write("a", {"x": 1})
    shutil.rmtree(tmp_path)
    for _ in range(2):
        assert storage.read("a") == {"x": 1}
    assert keychain.reads == 1


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("act", ["write", "delete"])
def test_what_failed_is_read_anew(
    storage: InstanceStorage, other: InstanceStorage, keychain: CountedKeychain, act: str, after: bool
) -> None:
    storage.write("a", {"x": 1})
    assert other.read("a") == {"x": 1}
    keychain.refusal = KeychainError("locked")
    keychain.refuses_after_writing = after
    with pytest.raises(KeychainError, match="locked"):
        storage.write("a", {"x": 2}) if act == "write" else storage.delete("a")
    there = ({"x": 2} if act == "write" else None) if after else {"x": 1}
    assert (storage.read("a"), other.read("a")) == (there, there)
    keychain.refusal = None
    storage.write("a", {"x": 3})
    assert (storage.read("a"), other.read("a")) == ({"x": 3}, {"x": 3})


def test_what_is_read_while_another_writes_is_not_kept(
    storage: InstanceStorage,
    other: InstanceStorage,
    keychain: CountedKeychain,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    storage.write("a", {"x": 1})
    seen = []
    write = keychain.write

    def slow_write(name: str, text: str) -> None:
        seen.append(in_thread(lambda: (other.read("a"), storage.read("a"))))
        write(name, text)
        seen.append(in_thread(lambda: (other.read("a"), storage.read("a"))))

    monkeypatch.setattr(keychain, "write", slow_write)
    storage.write("a", {"x": 2})
    assert seen == [({"x": 1}, {"x": 1}), ({"x": 2}, {"x": 2})]
    assert (storage.read("a"), other.read("a")) == ({"x": 2}, {"x": 2})


def test_what_changes_while_it_is_read_is_read_again(
    storage: InstanceStorage,
    other: InstanceStorage,
    keychain: CountedKeychain,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other.write("a", {"x": 1})
    read = keychain.read

    def slow_read(name: str) -> str | None:
        text = read(name)
        monkeypatch.undo()
        in_thread(lambda: other.write("a", {"x": 2}))
        return text

    monkeypatch.setattr(keychain, "read", slow_read)
    assert storage.read("a") == {"x": 1}
    assert storage.read("a") == {"x": 2}


# One at a time.


def test_a_thread_that_has_it_may_take_it_again(storage: InstanceStorage, other: InstanceStorage) -> None:
    with storage.exclusive(), storage.exclusive(0), other.exclusive(0):
        storage.write("a", {"x": 1})
        assert other.read("a") == {"x": 1}
    assert in_thread(lambda: taken(storage))


def taken(storage: InstanceStorage) -> bool:
    """Whether it can be had at once."""
    try:
        with storage.exclusive(0):
            return True
    except PowerAuthError as error:
        if error.code != PowerAuthErrorCode.EXTERNAL_PENDING_OPERATION:
            raise
        return False


def test_threads_have_it_one_at_a_time(
    storage: InstanceStorage, other: InstanceStorage, keychain: CountedKeychain, tmp_path: Path
) -> None:
    two = InstanceStorage(keychain, "two", tmp_path)
    with storage.exclusive():
        with storage.exclusive():
            pass
        assert [in_thread(lambda each=each: taken(each)) for each in (storage, other, two)] == [
            False,
            False,
            True,
        ]
    assert in_thread(lambda: taken(other))


def test_who_waits_gets_it(storage: InstanceStorage, other: InstanceStorage) -> None:
    begun = threading.Event()

    def wait() -> bool:
        begun.set()
        with other.exclusive(60):
            return True

    with ThreadPoolExecutor(1) as pool:
        with storage.exclusive():
            waiting = pool.submit(wait)
            assert begun.wait(60)
            assert not waiting.done()
        assert waiting.result(60)


def test_an_error_within_is_the_callers_own(storage: InstanceStorage) -> None:
    for error in (TimeoutError("mine"), PermissionError(13, "mine")):
        with pytest.raises(type(error)) as raised, storage.exclusive():
            raise error
        assert raised.value is error
    assert in_thread(lambda: taken(storage))


def test_threads_lose_nothing(on_disk: InstanceStorage, tmp_path: Path) -> None:
    def count(number: int) -> None:
        with on_disk.exclusive():
            found = on_disk.read("count") or {"count": 0}
            on_disk.write("count", {"count": found["count"] + 1})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(80)))
    assert on_disk.read("count") == {"count": 80}


# Other processes.

OPENED = """
import os, signal
from tokenauth.client.encrypted_file_keychain import EncryptedFileKeychain
from tokenauth.client.instance_storage import InstanceStorage

keychain = EncryptedFileKeychain(sys.argv[1] + "/keychain")
storage = InstanceStorage(keychain, "one", sys.argv[1] + "/state")
"""

COUNT = f"""
{OPENED}
print(flush=True)
sys.stdin.readline()
for _ in range(25):
    with storage.exclusive():
        found = storage.read("count") or {{"count": 0}}
        storage.write("count", {{"count": found["count"] + 1}})
"""


def test_processes_lose_nothing(on_disk: InstanceStorage, tmp_path: Path) -> None:
    with ExitStack() as stack:
        processes = [stack.enter_context(running(COUNT, tmp_path)) for _ in range(3)]
        for process in processes:
            line_of(process)
        for process in processes:
            tell(process)
        for _ in range(25):
            with on_disk.exclusive():
                found = on_disk.read("count") or {"count": 0}
                on_disk.write("count", {"count": found["count"] + 1})
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert on_disk.read("count") == {"count": 100}


def test_what_another_process_wrote_is_seen(on_disk: InstanceStorage, tmp_path: Path) -> None:
    on_disk.write("a", {"x": 1})
    program = f"{OPENED}\nprint(storage.read('a'))\nstorage.write('a', {{'x': 2}})"
    assert output(program, tmp_path) == "{'x': 1}"
    assert on_disk.read("a") == {"x": 2}
    output(f"{OPENED}\nstorage.delete('a')", tmp_path)
    assert on_disk.read("a") is None


HOLD = f"""
{OPENED}
with storage.exclusive():
    print(flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("killed", [True, False])
def test_what_another_process_holds_is_free_once_it_is_gone(
    on_disk: InstanceStorage, tmp_path: Path, killed: bool
) -> None:
    on_disk.write("a", {"x": 1})
    with running(HOLD, tmp_path) as process:
        line_of(process)
        assert not taken(on_disk)
        # Reading is no matter of turns.
        assert on_disk.read("a") == {"x": 1}
        if killed:
            process.kill()
        else:
            tell(process)
        process.wait(60)
        assert taken(on_disk)
        on_disk.write("a", {"x": 2})


KILLED = f"""
{OPENED}
class Killed:
    def write(self, name, text):
        if sys.argv[2] == "after":
            keychain.write(name, text)
        os.kill(os.getpid(), signal.SIGKILL)

InstanceStorage(Killed(), "one", sys.argv[1] + "/state").write("a", {{"x": 2}})
"""


@posix
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_a_killed_process_wrote_is_seen(on_disk: InstanceStorage, tmp_path: Path, when: str) -> None:
    on_disk.write("a", {"x": 1})
    assert on_disk.read("a") == {"x": 1}
    with running(KILLED, tmp_path, when) as process:
        assert process.wait(60) == -signal.SIGKILL
    there = {"x": 2 if when == "after" else 1}
    assert on_disk.read("a") == there
    assert taken(on_disk)
    on_disk.write("b", {"x": 3})
    assert on_disk.read("a") == there


FORKED = f"""
{OPENED}
import threading
from tokenauth.client.exceptions import PowerAuthError

def taken(timeout):
    try:
        with storage.exclusive(timeout):
            return True
    except PowerAuthError as error:
        return error.code.value

held, released = threading.Event(), threading.Event()

def hold():
    with storage.exclusive():
        held.set()
        released.wait(60)

threading.Thread(target=hold).start()
held.wait(60)
go_on, told_to_go_on = os.pipe()
tried, told_that_tried = os.pipe()
child = os.fork()
if child == 0:
    print("child", taken(0), flush=True)
    os.write(told_that_tried, b".")
    os.read(go_on, 1)
    print("child", taken(60), flush=True)
    os._exit(0)
os.read(tried, 1)
print("parent", taken(0), flush=True)
released.set()
os.write(told_to_go_on, b".")
os.waitpid(child, 0)
print("parent", taken(60), flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_the_child_of_a_fork_waits_like_any_other(tmp_path: Path) -> None:
    lines = output(FORKED, tmp_path, PYTHONWARNINGS="ignore").splitlines()
    assert [line for line in lines if line.startswith("child")] == [
        "child EXTERNAL_PENDING_OPERATION",
        "child True",
    ]
    assert [line for line in lines if line.startswith("parent")] == [
        "parent EXTERNAL_PENDING_OPERATION",
        "parent True",
    ]


# The directory.


def test_the_users_state_directory_is_the_default(tmp_path: Path) -> None:
    output(
        """
        import os, platformdirs
        from tokenauth.client.encrypted_file_keychain import EncryptedFileKeychain
        from tokenauth.client.instance_storage import InstanceStorage

        InstanceStorage(EncryptedFileKeychain(sys.argv[1] + "/keychain"), "one").write("a", {})
        state = platformdirs.user_state_path("tokenauth", appauthor=False)
        assert len([name for name in os.listdir(state) if name.endswith((".lock", ".stamp"))]) == 2
        """,
        tmp_path,
        HOME=str(tmp_path),
        LOCALAPPDATA=str(tmp_path),
        XDG_STATE_HOME=str(tmp_path / "state"),
    )


@posix
def test_files_are_their_owners_alone_whatever_the_umask(keychain: CountedKeychain, tmp_path: Path) -> None:
    state = tmp_path / "state"
    before = os.umask(0)
    try:
        InstanceStorage(keychain, "one", state).write("a", {"x": SECRET})
    finally:
        os.umask(before)
    assert {file.stat().st_mode & 0o777 for file in state.iterdir()} == {0o600}
    assert state.stat().st_mode & 0o777 == 0o700
    assert not any(SECRET.encode() in file.read_bytes() for file in state.iterdir())


@posix
def test_a_directory_that_cannot_be_written_is_told_first(keychain: CountedKeychain) -> None:
    with directory_of_somebody() as directory:
        storage = InstanceStorage(keychain, "one", directory)
        storage.write("a", {"x": 1})
        before = dict(keychain.texts)
        directory.chmod(0o500)
        for act in (lambda: storage.write("a", {"x": 2}), lambda: storage.delete("a")):
            with pytest.raises(KeychainError, match=r"written: Permission denied\. Nothing was changed"):
                act()
        assert keychain.texts == before
        assert storage.read("a") == {"x": 1}
        assert InstanceStorage(keychain, "two", directory).read("a") is None
        with pytest.raises(KeychainError), InstanceStorage(keychain, "two", directory).exclusive():
            pass
        directory.chmod(0o700)


def test_a_file_is_no_directory(keychain: CountedKeychain, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    storage = InstanceStorage(keychain, "one", tmp_path / "file")
    assert storage.read("a") is None
    with pytest.raises(KeychainError, match="Nothing was changed"):
        storage.write("a", {"x": 1})
    assert keychain.texts == {}

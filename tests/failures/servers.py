"""Servers of a test's own, to be stopped and started: none of the machine's is touched."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# In seconds: for a machine that is busy with something else. Nothing here takes a tenth of it.
DEADLINE = 60


def until(holds: Callable[[], object], what: str) -> None:
    """Wait for it; ``what`` is said where it does not come."""
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline, f"Within {DEADLINE} seconds: not {what}."
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Redis:
    """A server that keeps nothing on disk."""

    def __init__(self, program: str) -> None:
        self.port = free_port()
        self._arguments = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._arguments, stdout=subprocess.DEVNULL)  # noqa: S603
        until(lambda: answers(self.port), "Redis is there")

    def start_if_stopped(self) -> None:
        if self._process is None:
            self.start()

    def hang(self) -> None:
        """Take connections, and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(DEADLINE)
            self._process = None


@contextmanager
def own_redis() -> Iterator[Redis]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("the cache stopped: there is no redis-server. Run it with Debian's package of that name.")
    server = Redis(program)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class PostgreSQL:
    """A server on a directory of its own, which does not wait for the disk."""

    def __init__(self, programs: Path, directory: Path) -> None:
        self._programs, self._data, self.port = programs, directory / "data", free_port()
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            # It runs as anybody but root.
            who = _somebody_else()
            os.chown(directory, who.pw_uid, who.pw_gid)
            self._as = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
        self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8")
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off "
            f"-c unix_socket_directories={self._data}"
        )
        self._run("pg_ctl", "start", "--wait", "--log", str(self._data / "log"), "-o", options)

    def stop(self) -> None:
        """Throw everybody out, and wait until it is down."""
        self._run("pg_ctl", "stop", "--wait", "--mode=fast")

    def stop_if_running(self) -> None:
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "--wait", "--mode=immediate")

    def _run(self, program: str, *arguments: str) -> None:
        # Its output is not read through a pipe, which the server would hold open.
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.run(  # noqa: S603
                [self._programs / program, "--pgdata", self._data, *arguments],
                cwd="/",
                stdout=said,
                stderr=said,
                timeout=DEADLINE,
                check=False,
                **self._as,
            )
            said.seek(0)
            assert done.returncode == 0, said.read()


@contextmanager
def own_postgresql() -> Iterator[PostgreSQL]:
    programs = _postgresql_programs()
    if programs is None:
        pytest.skip("the database stopped: there is no initdb. Run it with Debian's package postgresql.")
    # Not below pytest's own directory, which nobody else may enter.
    directory = Path(tempfile.mkdtemp(prefix="tokenauth-postgresql-"))
    try:
        server = PostgreSQL(programs, directory)
        try:
            server.start()
            yield server
        finally:
            server.stop_if_running()
    finally:
        shutil.rmtree(directory)


def _postgresql_programs() -> Path | None:
    # Debian keeps them out of the path, by version.
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path))
    return found[-1].parent if found else None


def _somebody_else() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.skip("the database stopped: PostgreSQL does not run as root, and there is nobody else here.")

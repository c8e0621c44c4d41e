"""What one thread of one process does at a time."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from tokenauth.client.extra import of_the_extra

with of_the_extra():
    from filelock import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# In seconds. Who waits for another process asks as often.
POLL_INTERVAL = 0.01


class _Turn:
    """Who has the lock among the threads of this process, and how often."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self.thread_lock = threading.RLock()
        self.depth = 0
        self.file_lock: FileLock | None = None


_turns: WeakValueDictionary[Path, _Turn] = WeakValueDictionary()
_turns_lock = threading.Lock()


class ProcessLock:
    """By a file at ``path``, which is absolute and whose directory is there when it is taken.

    Locks of one path are one lock. A thread that has it may take it again. What a process held that is gone,
    killed or not, is free.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _turns_lock:
            self._turn = _turns.setdefault(path, _Turn())

    @contextmanager
    def held(self, timeout: float) -> Iterator[None]:
        """Have it, after ``timeout`` seconds at most.

        :raises TimeoutError: another has it all that while.
        :raises OSError: there can be no such file.
        """
        deadline = time.monotonic() + timeout
        turn = self._turn
        if not turn.thread_lock.acquire(timeout=max(timeout, 0)):
            raise TimeoutError
        try:
            if turn.depth == 0:
                # One that was there before a fork is of no use after it.
                turn.file_lock = FileLock(self._path, mode=0o600)
                turn.file_lock.acquire(
                    timeout=max(deadline - time.monotonic(), 0), poll_interval=POLL_INTERVAL
                )
            turn.depth += 1
            try:
                yield
            finally:
                turn.depth -= 1
                if turn.depth == 0 and turn.file_lock is not None:
                    turn.file_lock.release()
        finally:
            turn.thread_lock.release()


def _begin_anew() -> None:
    """In the child of a fork, which has none of the threads that held something."""
    global _turns_lock  # noqa: PLW0603
    _turns_lock = threading.Lock()
    for turn in list(_turns.values()):
        turn.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)

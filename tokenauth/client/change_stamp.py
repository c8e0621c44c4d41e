"""Whether another process wrote since, for the price of one ``os.stat``."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

# In seconds since 1970: 1987 to 2038, which every file system can keep.
_EARLIEST, _LATEST = 2**29, 2**31
_SECOND = 10**9

Stamp: TypeAlias = tuple[int, int]


class ChangeStamp:
    """A file that is another after each change. While there is none, something is being written, or a process
    was killed that did: nothing that is read then may be kept.

    Its time is random. A true one would not do: within a tick of the clock, the next file has the same time
    and the number of the last but one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def current(self) -> Stamp | None:
        """Which it is; None = there is none."""
        try:
            status = os.stat(self._path)
        except OSError:
            # Not there, or not to be read: without a stamp nothing is kept, and so nothing is wrong.
            return None
        return status.st_mtime_ns, status.st_ino

    def remove(self) -> None:
        """Before a change.

        :raises OSError: it cannot be removed.
        """
        self._path.unlink(missing_ok=True)

    def renew(self) -> Stamp | None:
        """After a change, by who has the lock. The new one; None = there can be none."""
        new = self._path.with_name(f"{self._path.name}.new")
        seconds = _EARLIEST + secrets.randbelow(_LATEST - _EARLIEST)
        moment = seconds * _SECOND + secrets.randbelow(_SECOND)
        try:
            new.touch(mode=0o600)
            os.utime(new, ns=(moment, moment))
            new.replace(self._path)
        except OSError:
            # A full disk. What was written elsewhere is written: it is only not kept in memory.
            return None
        return self.current()

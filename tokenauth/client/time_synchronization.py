"""The server's time, where this machine's clock is another.

Source: the time service of the mobile SDKs, from 1.8 on.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from tokenauth.client.asynchronous import async_twin
from tokenauth.client.exceptions import PowerAuthError, PowerAuthErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable

# In milliseconds, as are all times here.
# What is less off than this, is right.
ACCEPTED_DIFFERENCE = 2_000
# Of two answers, which never take equally long, the second changes nothing where it says about the same.
ACCEPTED_CHANGE = 10_000
# An answer that took longer could be off by half of that.
LONGEST_EXCHANGE = 16_000


def system_clock() -> int:
    """Milliseconds since 1970, by this machine."""
    return time.time_ns() // 1_000_000


class TimeSynchronizationService:
    """What is stamped by this machine is stamped with the server's time. Times are milliseconds since 1970.

    :param server_time: asks the server.
    :param clock: this machine's.
    :param stopwatch: what nobody sets, in seconds.
    """

    def __init__(
        self,
        server_time: Callable[[], int],
        clock: Callable[[], int] = system_clock,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server_time, self._clock, self._stopwatch = server_time, clock, stopwatch
        # What the clock was ahead of the stopwatch when it was compared with the server's.
        self._lead = 0
        self._lock = threading.Lock()
        self._is_synchronized = False
        self._adjustment = self._precision = 0

    def is_time_synchronized(self) -> bool:
        """Whether the server was asked, and answered soon enough."""
        return self._is_synchronized

    def current_time(self) -> int:
        """The server's time, where it is known; else this machine's."""
        return self._clock() + self._adjustment

    def local_time_adjustment(self) -> int:
        """What is added to this machine's time."""
        return self._adjustment

    def local_time_adjustment_precision(self) -> int:
        """How much ``current_time`` may be off, either way."""
        return self._precision

    def synchronize_time(self) -> None:
        """Ask the server, unless it was asked before, and the clock has run on undisturbed since.

        :raises PowerAuthError: it gave no answer, or ``TIME_SYNCHRONIZATION``: not soon enough.
        """
        with self._lock:
            if self._is_synchronized and abs(self._lead_by_now() - self._lead) < ACCEPTED_DIFFERENCE:
                return
            # What was known of a clock that was set is not true any more, whatever comes of the answer.
            self._forget()
        task = self.start_time_synchronization_task()
        if not self.complete_time_synchronization_task(task, self._server_time()):
            raise PowerAuthError(
                PowerAuthErrorCode.TIME_SYNCHRONIZATION,
                "The server's time is not known: its answer took too long, or a clock was moved meanwhile.",
            )

    asynchronize_time = async_twin(synchronize_time)

    def reset_time_synchronization(self) -> None:
        """Forget what the server has told."""
        with self._lock:
            self._forget()

    def start_time_synchronization_task(self) -> object:
        """What ``complete_time_synchronization_task`` needs of the moment in which the server is asked."""
        return self._clock()

    def complete_time_synchronization_task(self, task: object, server_time_ms: int) -> bool:
        """Take the server's answer over; whether the time is synchronized now."""
        if not isinstance(task, int):
            return False
        with self._lock:
            now = self._clock()
            elapsed = now - task
            if elapsed < 0:
                return False
            if elapsed > LONGEST_EXCHANGE:
                return self._is_synchronized
            precision = elapsed // 2
            difference = server_time_ms + precision - now
            is_about_the_same = abs(difference - self._adjustment) < ACCEPTED_CHANGE
            if abs(difference) < ACCEPTED_DIFFERENCE and is_about_the_same:
                self._precision = precision
            elif not (self._is_synchronized and is_about_the_same):
                self._adjustment, self._precision = difference, precision
            self._is_synchronized, self._lead = True, self._lead_by_now()
            return True

    def _forget(self) -> None:
        self._is_synchronized = False
        self._adjustment = self._precision = 0

    def _lead_by_now(self) -> int:
        return self._clock() - int(self._stopwatch() * 1000)

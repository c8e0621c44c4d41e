"""Acts of several threads that start at the same moment, each with database connections of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import TYPE_CHECKING, Any

from django.db import connection, connections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@contextmanager
def own_connections() -> Iterator[None]:
    """Open this thread's connection before the block, and close it after it."""
    try:
        connection.ensure_connection()
        yield
    finally:
        connections.close_all()


def at_once(acts: Sequence[Callable[[], Any]], *expected: type[Exception]) -> tuple[list[Any], list[Any]]:
    """Do all the acts, each in its own thread; what they returned, and what was raised of what is expected.

    :raises Exception: what else was raised by any of them.
    """
    everybody = Barrier(len(acts), timeout=30)

    def run(act: Callable[[], Any]) -> Any:
        with own_connections():
            everybody.wait()
            return act()

    with ThreadPoolExecutor(len(acts)) as threads:
        done = [threads.submit(run, act) for act in acts]
    errors = [future.exception() for future in done]
    for error in errors:
        if error is not None and not isinstance(error, expected):
            raise error
    return [future.result() for future in done if future.exception() is None], list(filter(None, errors))

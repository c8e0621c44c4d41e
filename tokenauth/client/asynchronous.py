"""The twin of a method for asynchronous code."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar, copy_context
from functools import partial, wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

P = ParamSpec("P")
R = TypeVar("R")

_left: ContextVar[threading.Event | None] = ContextVar("left", default=None)


def caller_has_left() -> threading.Event:
    """Of whoever called the method that this thread is in: set once nobody waits for it any more."""
    return _left.get() or threading.Event()


def async_twin(method: Callable[P, R]) -> Callable[P, Coroutine[None, None, R]]:
    """``method`` in a thread, so that the loop goes on meanwhile.

    Who cancels it is not called back; what was begun is done all the same, and nothing is half written. The
    method learns of it by ``caller_has_left``.
    """

    @wraps(method)
    async def twin(*args: P.args, **kwargs: P.kwargs) -> R:
        left, context = threading.Event(), copy_context()
        context.run(_left.set, left)
        call = partial(context.run, partial(method, *args, **kwargs))
        try:
            return await asyncio.get_running_loop().run_in_executor(None, call)
        except (asyncio.CancelledError, GeneratorExit):
            left.set()
            raise

    twin.__name__ = f"a{method.__name__}"
    twin.__qualname__ = f"{method.__qualname__.rpartition('.')[0]}.{twin.__name__}".lstrip(".")
    return twin

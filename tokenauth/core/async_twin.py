"""Asynchronous twins of methods that ask the database."""

from collections.abc import Callable, Coroutine
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.views.decorators.debug import sensitive_variables

Self = TypeVar("Self")
P = ParamSpec("P")
T = TypeVar("T")


def async_twin(
    method: Callable[Concatenate[Self, P], T],
) -> Callable[Concatenate[Self, P], Coroutine[Any, Any, T]]:
    """The asynchronous twin of ``method``; of a subclass that overrides it, of the override."""

    @sensitive_variables()
    async def twin(self: Self, /, *args: P.args, **kwargs: P.kwargs) -> T:
        # Without arguments of its own: asgiref's frames, which show theirs in an exception report,
        # see no raw credential.
        @sensitive_variables()
        def call() -> T:
            result: T = getattr(self, method.__name__)(*args, **kwargs)
            return result

        return await sync_to_async(call)()

    return update_wrapper(twin, method)

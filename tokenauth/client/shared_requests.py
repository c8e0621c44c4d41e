"""One request of a token for all who ask for the same name at the same time."""

from __future__ import annotations

import copy
import threading
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from tokenauth.client.asynchronous import caller_has_left
from tokenauth.client.exceptions import PowerAuthError, PowerAuthErrorCode
from tokenauth.client.tokens import other_factors

if TYPE_CHECKING:
    from collections.abc import Callable

    from tokenauth.client.tokens import StoredToken


@dataclass
class SharedRequest:
    """One that is on its way. ``left``: of each who waits for it, whether they do no more."""

    mask: int
    outcome: Future[StoredToken] = field(default_factory=Future)
    left: list[threading.Event] = field(default_factory=list)

    @property
    def is_canceled(self) -> bool:
        """Whether everybody was told so; before there is an outcome."""
        return self.outcome.done()

    @property
    def is_awaited(self) -> bool:
        """Whether anybody will hear of the outcome; before there is one."""
        return not self.is_canceled and not all(left.is_set() for left in self.left)

    def refuse_if_canceled(self) -> None:
        """:raises PowerAuthError: ``OPERATION_CANCELED``."""
        if self.is_canceled:
            raise _canceled()

    def end(self, outcome: StoredToken | BaseException) -> None:
        """Tell everybody, unless they were told that it was canceled."""
        with suppress(InvalidStateError):
            if isinstance(outcome, BaseException):
                self.outcome.set_exception(outcome)
            else:
                self.outcome.set_result(outcome)


class SharedRequests:
    """Those of one ``TokenStore``, by the names of the tokens."""

    def __init__(self) -> None:
        self._requests: dict[str, SharedRequest] = {}
        # The handler of a signal may cancel all, in the midst of what its thread does.
        self._lock = threading.RLock()

    def outcome(self, name: str, mask: int, make: Callable[[SharedRequest], StoredToken]) -> StoredToken:
        """What ``make`` returns, or raises, for whoever asked first and all who join.

        :param mask: of the factors: see ``authentication.factor_mask``.
        :raises PowerAuthError: ``WRONG_PARAMETER``: it is being requested with others;
            ``OPERATION_CANCELED``.
        """
        left = caller_has_left()
        try:
            return self._joined(name, mask, left, make).outcome.result()
        except PowerAuthError as error:
            # One of each caller's own: each thread writes its way into it.
            raise copy.copy(error) from error.__cause__
        except BaseException:
            # Ctrl-C, or whatever else the handler of a signal raises.
            left.set()
            raise

    def cancel_all(self) -> None:
        """Tell all who wait that it was canceled."""
        with self._lock:
            requests, self._requests = list(self._requests.values()), {}
        for request in requests:
            request.end(_canceled())

    def _joined(
        self, name: str, mask: int, left: threading.Event, make: Callable[[SharedRequest], StoredToken]
    ) -> SharedRequest:
        with self._lock:
            request = self._requests.get(name)
            if request is None:
                request = SharedRequest(mask, left=[left])
                # In a thread of its own: who asked first may have to be told that it was canceled. Nobody
                # joins one that could not be started.
                make_it = partial(copy_context().run, self._make, name, request, make)
                threading.Thread(target=make_it, daemon=True).start()
                self._requests[name] = request
                return request
            if request.mask != mask:
                raise other_factors(name)
            request.left.append(left)
            return request

    def _make(self, name: str, request: SharedRequest, make: Callable[[SharedRequest], StoredToken]) -> None:
        try:
            outcome: StoredToken | BaseException = make(request)
        except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
            outcome = error
        # First, so that whoever asks again once they were refused does not join the same request.
        with self._lock:
            if self._requests.get(name) is request:
                del self._requests[name]
        request.end(outcome)


def _canceled() -> PowerAuthError:
    return PowerAuthError(PowerAuthErrorCode.OPERATION_CANCELED, "The request of the token was canceled.")

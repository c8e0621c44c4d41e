"""The way to a server, on which a test holds requests up, or loses an answer."""

from __future__ import annotations

import ssl
import sys
import threading
import time
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

# In seconds; what takes longer will not come any more.
PATIENCE = 60


def transport() -> httpx.HTTPTransport:
    """To servers without TLS. It trusts no certificate, which takes no time to load."""
    return httpx.HTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


class Wire(httpx.BaseTransport):
    """Passes requests on to a server that is there, and answers back; ``paths`` are those that were sent."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.lost: set[str] = set()
        """To where a request gets, and no answer from there."""
        self._held: dict[str, Barrier] = {}
        self._inner = transport()

    def hold(self, path: str) -> Barrier:
        """Hold up what is sent to ``path``, until it is let through."""
        self._held[path] = Barrier()
        return self._held[path]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.paths.append(path)
        if path in self._held:
            self._held[path].stop_at()
        response = self._inner.handle_request(request)
        if path in self.lost:
            response.read()
            raise httpx.ReadError("The connection was cut.", request=request)
        return response

    def end(self) -> None:
        for barrier in self._held.values():
            barrier.let_through()
        self._inner.close()


class Barrier:
    """Where requests wait."""

    def __init__(self) -> None:
        self._has_come, self._is_open = threading.Event(), threading.Event()

    def stop_at(self) -> None:
        self._has_come.set()
        assert self._is_open.wait(PATIENCE), "Nobody let it through."

    def wait_for_one(self) -> None:
        """Until a request has come."""
        assert self._has_come.wait(PATIENCE), "No request has come."

    def let_through(self) -> None:
        """What waits, and all that comes later."""
        self._is_open.set()


def wait_until_they_wait(threads: Iterable[int]) -> None:
    """Until each of the threads, by their ids, waits for what another of them is to have."""
    deadline = time.monotonic() + PATIENCE
    for thread in threads:
        while not _waits_for_result(sys._current_frames().get(thread)):
            assert time.monotonic() < deadline, "It does not wait."
            time.sleep(0.001)


def _waits_for_result(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_qualname == "Future.result":
            return True
        frame = frame.f_back
    return False

"""What stands between a client and its server, and spoils answers: a proxy, a captive portal, somebody."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Self


@dataclass
class SpoilingServer:
    """Passes each request on to ``upstream``; what comes back to the client is what ``spoil`` was told.

    So the server has done what it was asked for, in each case.
    """

    upstream: str
    answers: list[tuple[str, bytes]] = field(default_factory=list)
    """All that the server answered, by the paths."""

    def __post_init__(self) -> None:
        self._spoilt: dict[str, Callable[[], Iterable[bytes]]] = {}
        self.has_ended = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.has_ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def spoil(self, path: str, answer: bytes | Callable[[], Iterable[bytes]]) -> None:
        """Answer requests to ``path`` by these octets, headers included."""
        self._spoilt[path] = answer if callable(answer) else lambda: [answer]

    def mend(self) -> None:
        """Pass all answers on again."""
        self._spoilt.clear()

    def never(self) -> Iterator[bytes]:
        """No answer, and a connection that stays open."""
        self.has_ended.wait()
        yield from ()

    def drop_by_drop(self, start: bytes, drop: bytes) -> Callable[[], Iterator[bytes]]:
        """After ``start``, ``drop`` without end, each sooner than a client loses patience."""

        def drops() -> Iterator[bytes]:
            yield start
            while not self.has_ended.wait(0.1):
                yield drop

        return drops

    def answer(self, path: str, body: bytes, headers: Mapping[str, str]) -> Iterable[bytes]:
        address = urlsplit(self.upstream)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=20)
        try:
            connection.request("POST", path, body, dict(headers))
            response = connection.getresponse()
            told = response.read()
        finally:
            connection.close()
        self.answers.append((path, told))
        return self._spoilt.get(path, lambda: [answered(response.status, told)])()


def answered(status: int, body: bytes, **headers: str) -> bytes:
    """An answer as it goes over the wire."""
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Whatever\r\n{lines}Connection: close\r\n\r\n".encode() + body


class _Server(ThreadingHTTPServer):
    # Waited for at the end, so that no test leaves one behind.
    daemon_threads = False


def _handler(server: SpoilingServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            passed = {name: value for name, value in self.headers.items() if name.lower() in PASSED_ON}
            try:
                for octets in server.answer(self.path, body, passed):
                    self.wfile.write(octets)
            except (BrokenPipeError, ConnectionResetError):
                # The client has read enough, which is what it is tested for.
                return

        def log_message(self, *args: Any) -> None:
            """Nothing: what it would be is in the way."""

    return Handler


PASSED_ON = {"content-type", "x-powerauth-authorization", "x-powerauth-encryption", "x-powerauth-token"}

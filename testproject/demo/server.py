"""Django's own server, in a thread of this process."""

import errno
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.servers.basehttp import (
    ThreadedWSGIServer,
    WSGIRequestHandler,
    get_internal_wsgi_application,
)

from testproject.demo.requests import USER_AGENT

HOST = "127.0.0.1"


@contextmanager
def serving(port: int) -> Iterator[int]:
    """Serve the project on loopback while the block runs, on another port where ``port`` is taken."""
    try:
        server = ThreadedWSGIServer((HOST, port), _RequestHandler)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        server = ThreadedWSGIServer((HOST, 0), _RequestHandler)
    server.daemon_threads = True
    server.set_app(StaticFilesHandler(get_internal_wsgi_application()))
    thread = threading.Thread(target=server.serve_forever, name="demo-server", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _RequestHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        # The demo shows its answers itself: the server's lines about them would stand in between.
        if self.headers.get("User-Agent") != USER_AGENT:
            super().log_message(format, *args)

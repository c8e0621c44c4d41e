"""Serves the project in the working directory on a listening socket that is already open.

``python -m tests.e2e.serve FD``. Two such processes share the socket, as in every deployment without
a gap: both answer, until SIGTERM tells the older one to finish.
"""

from __future__ import annotations

import signal
import socket
import sys
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from django.core.wsgi import get_wsgi_application


class Handler(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Standard error is for what the project itself logs."""


class Server(ThreadingMixIn, WSGIServer):
    # What was accepted is answered before the process ends.
    daemon_threads = False
    # How long it takes to notice that it is told to finish, in seconds.
    timeout = 0.05
    finishing = False

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(listener.getsockname(), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_name, self.server_port = listener.getsockname()
        self.setup_environ()

    def finish(self, *args: Any) -> None:
        # Nothing more: a signal may come while the main thread holds a lock.
        self.finishing = True


def serve(descriptor: int) -> None:
    with Server(socket.socket(fileno=descriptor)) as server:
        server.set_app(get_wsgi_application())
        signal.signal(signal.SIGTERM, server.finish)
        print("ready", flush=True)  # noqa: T201 - the parent waits for it
        while not server.finishing:
            server.handle_request()


if __name__ == "__main__":
    serve(int(sys.argv[1]))

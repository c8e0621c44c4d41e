"""Requests with one token, one after the other, until standard input ends.

``python -m benchmarks.authenticate`` is started by a benchmark, as a process of its own: it shares neither
interpreter nor connection with what it is measured beside. The first line that it reads is the token. It
writes ``ready`` once it is warm, and a line of JSON at its end: how many requests, how many of them were not
answered by 200, and how long they took, in milliseconds.
"""

from __future__ import annotations

import json
import select
import sys
from array import array
from statistics import quantiles
from time import perf_counter
from typing import TYPE_CHECKING, Any
from wsgiref.util import setup_testing_defaults

from django.core.wsgi import get_wsgi_application

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

# A view of plain Django, guarded by scopes_required. A caller without an organization gets no rows.
PATH = "/inventory-service/sites.csv"
WARM_UP = 200


def main() -> None:
    token = sys.stdin.readline().strip()
    application = get_wsgi_application()
    headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    for _ in range(WARM_UP):
        answer(application, headers)
    print("ready", flush=True)
    seconds, failed = array("d"), 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        start = perf_counter()
        status = answer(application, headers)
        seconds.append(perf_counter() - start)
        failed += status != "200 OK"
    in_percent = quantiles(seconds, n=100, method="inclusive")
    milliseconds = {"p50": in_percent[49], "p99": in_percent[98], "max": max(seconds)}
    print(
        json.dumps(
            {
                "requests": len(seconds),
                "failed": failed,
                **{name: 1000 * value for name, value in milliseconds.items()},
            }
        )
    )


def answer(application: WSGIApplication, headers: dict[str, str], address: str = "127.0.0.1") -> str:
    """The status of a request with these headers, which are named as WSGI does."""
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    environ |= {"PATH_INFO": PATH, "HTTP_HOST": "localhost", "REMOTE_ADDR": address, **headers}
    answered: list[str] = []

    def start_response(status: str, *args: Any) -> Any:
        answered.append(status)

    body = application(environ, start_response)
    try:
        b"".join(body)
    finally:
        # Here last_used_at is written.
        body.close()  # type: ignore[attr-defined]
    return answered[0]


if __name__ == "__main__":
    main()

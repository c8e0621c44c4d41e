"""One scheme in a process of its own, which measures what it is told to.

It reads a line of JSON for each task from standard input, and writes one for each answer. It shares neither
interpreter nor connection with the others.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import random
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

import django
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SCHEME = os.environ.get("SCHEME", "")
CASES = ("valid", "unknown", "malformed", "expired")


class Worker:
    """``texts``: by case, what is presented; of the valid ones, with the key of the user."""

    def __init__(self, tokens: dict[str, Any]) -> None:
        from benchmarks.peers.schemes import SCHEMES
        from benchmarks.peers.urls import view_of

        self.scheme = SCHEMES[SCHEME]
        self.view = view_of(self.scheme)()
        self.handler = WSGIHandler()
        self.valid: list[tuple[str, int]] = [(text, user) for text, user in tokens["valid"]]
        self.texts = {
            "valid": [text for text, _ in self.valid],
            "unknown": [self.scheme.unknown],
            "malformed": [self.scheme.malformed],
        }
        # Each is presented once: one package deletes it when it is refused.
        self.expired = iter(tokens["expired"])
        self.random = random.Random(1)  # noqa: S311
        self.newcomers = itertools.count()

    def texts_of(self, case: str, count: int) -> list[str]:
        if case == "expired":
            return [next(self.expired) for _ in range(count)]
        return self.random.choices(self.texts[case], k=count)

    def authenticate(self, case: str, count: int) -> float:
        """Seconds that ``count`` times the authenticator alone takes."""
        requests = [self._prepared(text) for text in self.texts_of(case, count)]
        judge = self._judge()
        return _timed(lambda: [judge(request) for request in requests])

    def request(self, case: str, count: int) -> float:
        """Seconds that ``count`` whole requests take in this process."""
        environs = [self._environ(text) for text in self.texts_of(case, count)]
        return _timed(lambda: [self._answer(environ) for environ in environs])

    def create(self, case: str, count: int) -> float:
        """Seconds that it takes to make ``count`` tokens, each in a transaction of its own."""
        from django.contrib.auth import get_user_model

        create = self.scheme.create
        assert create is not None
        # Of whom there is no token yet: one package has one a user.
        names = [f"{self.scheme.name} {next(self.newcomers)}" for _ in range(count)]
        users = [get_user_model().objects.create(username=name) for name in names]
        return _timed(lambda: [create(user) for user in users])

    def check(self, case: str, count: int) -> dict[str, Any]:
        """What is answered, and by how many queries: what is wrong is not to be timed."""
        answers, queries = [], 0
        if case == "valid":
            presented: Sequence[tuple[str, int | None]] = self.random.sample(self.valid, min(count, 5))
        else:
            presented = [(text, None) for text in self.texts_of(case, 1)]
        for text, user in presented:
            with CaptureQueriesContext(connection) as captured:
                status, body = self._answer(self._environ(text))
            queries = len(captured)
            answers.append({"status": status, "user": body.get("user"), "should_be": user})
        return {"answers": answers, "queries": queries}

    def _judge(self) -> Callable[[Any], object]:
        from rest_framework.exceptions import AuthenticationFailed

        if self.scheme.authentication is None:
            permission = self.scheme.permission()
            return lambda request: permission.has_permission(request, self.view)
        authenticator = self.scheme.authentication()

        def judge(request: Any) -> object:
            try:
                return authenticator.authenticate(request)
            except AuthenticationFailed as refused:
                return refused

        return judge

    def _prepared(self, text: str) -> Any:
        request = RequestFactory().get("/", **self._headers(text))
        if SCHEME.startswith("tokenauth"):
            # As with its middleware, which writes after the answer.
            from tokenauth.core.request_state import state_of

            state_of(request).deferred = True
        return self.view.initialize_request(request)

    def _environ(self, text: str) -> dict[str, Any]:
        return RequestFactory().get("/", **self._headers(text)).environ

    def _headers(self, text: str) -> dict[str, Any]:
        header = self.scheme.header(text)
        return {"HTTP_AUTHORIZATION": header} if header else {}

    def _answer(self, environ: dict[str, Any]) -> tuple[int, Any]:
        answered: list[str] = []

        def start_response(status: str, *args: Any) -> Any:
            answered.append(status)

        response = self.handler(environ, start_response)
        try:
            body = b"".join(response)
        finally:
            response.close()
        return int(answered[0].split()[0]), json.loads(body)


def _timed(act: Callable[[], object]) -> float:
    # What the one before has left is not this one's.
    gc.collect()
    start = perf_counter()
    act()
    return perf_counter() - start


def main() -> None:
    django.setup()
    with open(sys.argv[1]) as file:
        worker = Worker(json.load(file)[SCHEME])
    for line in sys.stdin:
        task, case, count = json.loads(line)
        print(json.dumps(getattr(worker, task)(case, count)), flush=True)


if __name__ == "__main__":
    main()

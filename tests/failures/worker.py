"""A process that does what it is told and is killed in the middle of it: ``python -m tests.failures.worker``.

It reads a line of JSON for each act, and says afterwards what became of it. Each is done by a child, which is
a copy of this process from before it opened a connection.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from io import StringIO
from typing import Any

import django
from django.conf import settings


class KilledAfter:
    """Ends this process as ``kill -9`` does, when so many statements have written and before the next commit.

    After 0 of them, never.
    """

    def __init__(self, writes: int) -> None:
        self.left = writes

    def __call__(self, execute: Any, sql: str, *args: Any) -> Any:
        done = execute(sql, *args)
        if sql.startswith(("INSERT", "UPDATE", "DELETE")):
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return done


def create(user: int) -> None:
    from django.contrib.auth import get_user_model

    get_user_model().objects.get(pk=user).generate_access_token("new", ["read:sites"])


def rotate(token: int) -> None:
    from tokenauth.models import AccessToken

    AccessToken.objects.get(pk=token).rotate()


def prune() -> None:
    from django.core.management import call_command

    call_command("prunetokens", "--batch", "2", stdout=StringIO())


ACTS = {act.__name__: act for act in (create, rotate, prune)}


def do(act: str, writes: int, changed: dict[str, Any], **arguments: Any) -> None:
    """In a child, and no further."""
    from django.db import connection

    settings.TOKENAUTH = {**settings.TOKENAUTH, **changed}
    with connection.execute_wrapper(KilledAfter(writes)):
        ACTS[act](**arguments)


def main() -> None:
    django.setup()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            # What is raised is told on standard error, and ends the child with 1.
            do(**json.loads(line))
            sys.exit()
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - who told it waits for that


if __name__ == "__main__":
    main()

"""One scheme's prune, in a process of its own: how long it takes, and how much memory.

``python -m benchmarks.peers.pruning`` writes a line of JSON; ``… writer`` is what another process of the same
project does meanwhile, until its standard input is closed: it makes tokens of the scheme and writes a user,
by turns, and says the longest time that one of these took, and how many tokens it made.
"""

import json
import os
import select
import sys
from io import StringIO
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import django
from django.core.management import call_command
from django.utils import timezone

# By each package's own command; two have none, and a project has to write it itself.
COMMANDS = {
    "simplejwt": ("flushexpiredtokens",),
    "oauth-toolkit": ("cleartokens",),
    "tokenauth": ("prunetokens",),
}
WITHOUT = {
    "knox": ("knox.models.AuthToken", "expiry"),
    "drf-api-key": ("rest_framework_api_key.models.APIKey", "expiry_date"),
}


def prune() -> None:
    from django.utils.module_loading import import_string

    name = os.environ["SCHEME"]
    start_memory = _memory("VmRSS")
    start = perf_counter()
    if name in COMMANDS:
        call_command(*COMMANDS[name], stdout=StringIO(), stderr=StringIO())
    else:
        path, field = WITHOUT[name]
        import_string(path).objects.filter(**{f"{field}__lt": timezone.now()}).delete()
    seconds = perf_counter() - start
    print(json.dumps({"seconds": seconds, "memory": _memory("VmHWM") - start_memory}))


def write() -> None:
    from django.contrib.auth import get_user_model

    from benchmarks.peers.schemes import SCHEMES

    create = SCHEMES[os.environ["SCHEME"]].create
    assert create is not None
    users = get_user_model().objects
    user = users.create(username="writer")
    longest, made = 0.0, 0
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        start = perf_counter()
        create(user)
        made += 1
        middle = perf_counter()
        users.filter(pk=user.pk).update(last_login=timezone.now())
        longest = max(longest, middle - start, perf_counter() - middle)
        # As a client does, it has something else to do now and then.
        sleep(0.002)
    print(json.dumps({"stall": longest, "made": made}))


def rows_of(scheme: str) -> int:
    """How many there are."""
    from benchmarks.peers.schemes import SCHEMES

    if scheme == "simplejwt":
        from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

        model: Any = OutstandingToken
    else:
        model = SCHEMES[scheme].model
    count: int = model._base_manager.count()
    return count


def _memory(name: str) -> float:
    """``VmRSS``, or ``VmHWM``, the most it ever was; in megabytes."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status[name].split()[0]) * 1024 / 1e6


if __name__ == "__main__":
    django.setup()
    if sys.argv[1:] == ["writer"]:
        write()
    else:
        prune()

"""What the walks share: an operator's commands and requests, run as they are shown."""

import shlex
from collections.abc import Callable
from io import StringIO

from django.core.management import call_command

from testproject.demo.requests import Answer, Request, indented

# No longer than this is waited for anything, in seconds.
PATIENCE = 30.0


class UnexpectedError(Exception):
    """What happened is not what the walk is about."""


def manage(command: str, write: Callable[[str], object]) -> str:
    """Run a command of ``manage.py`` as it is shown; what it printed on standard output."""
    output, notes = StringIO(), StringIO()
    call_command(*shlex.split(command), stdout=output, stderr=notes, no_color=True)
    write(f"   $ python manage.py {command}\n{indented(notes.getvalue() + output.getvalue())}\n")
    return output.getvalue().strip()


def show(request: Request, write: Callable[[str], object]) -> Answer:
    """Send ``request``, and show it with its answer."""
    answer = request.send()
    write(f"   $ {request}\n{indented(answer)}\n")
    return answer

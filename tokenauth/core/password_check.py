"""Whose password it is: asked of the project's own backends, and kept out of every report."""

import traceback
from typing import Any

from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

# A hasher reads all of what it is given.
PASSWORD_LENGTH = 1024


@sensitive_variables()
def user_of(request: HttpRequest, username: str, password: str) -> Any:
    """The active user of this name and password; None where there is none.

    ``password`` is no longer than ``PASSWORD_LENGTH``: the caller sees to that.
    """
    try:
        user = authenticate(request, username=username, password=password)
    except Exception as error:
        _forget_variables(error)
        raise
    # A backend may let in who is not active.
    return user if user is not None and user.is_active else None


def _forget_variables(error: BaseException | None) -> None:
    """Where it was raised is kept; what the variables held, a password among it, is in no report."""
    pending, seen = [error], set()
    while pending:
        error = pending.pop()
        if error is not None and id(error) not in seen:
            seen.add(id(error))
            traceback.clear_frames(error.__traceback__)
            pending += [error.__cause__, error.__context__]

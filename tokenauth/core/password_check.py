"""Whose password it is: asked of the project's own backends, and kept out of every report."""

import traceback
from typing import Any

from django.contrib.auth import authenticate, get_user_model
from django.db import connections
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


def is_unchanged(user: Any, using: str) -> bool:
    """Whether ``user``, still there, has the password that was checked; checking it takes its time.

    Whoever changes it ends what was made by it: nothing may come after by the old one. Within a transaction
    it holds whoever writes the user up till the commit, where rows can be locked.
    """
    if not any(field.name == "password" for field in user._meta.concrete_fields):
        return True
    features = connections[using].features
    users = get_user_model()._base_manager.using(using)
    if features.has_select_for_update:
        # Read by the lock itself: MariaDB may show what the transaction has seen before. Where there is a
        # weaker one, the login log goes on referring to the user meanwhile.
        users = users.select_for_update(no_key=features.has_select_for_no_key_update)
    return list(users.filter(pk=user.pk).values_list("password", flat=True)) == [user.password]


def _forget_variables(error: BaseException | None) -> None:
    """Where it was raised is kept; what the variables held, a password among it, is in no report."""
    pending, seen = [error], set()
    while pending:
        error = pending.pop()
        if error is not None and id(error) not in seen:
            seen.add(id(error))
            traceback.clear_frames(error.__traceback__)
            pending += [error.__cause__, error.__context__]

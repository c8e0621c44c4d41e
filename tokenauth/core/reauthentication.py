"""How long ago somebody signed in, and asking for the password again: ``REAUTHENTICATION_AGE``.

The time is kept in the session, whose cookie alone may have been stolen; ``last_login`` is the account's, and
as young as the sign-in of anybody else.
"""

from typing import Any

from django.contrib.auth import SESSION_KEY, logout
from django.contrib.auth.signals import user_logged_in
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from tokenauth.conf import conf
from tokenauth.core import password_check
from tokenauth.core.rate_limit import RateLimit

# In the session: when its user last signed in or gave the password, in seconds since the epoch.
AUTHENTICATED_AT = "tokenauth_authenticated_at"

# Whoever has a session and not the password may not find it out here. By user, wherever they are.
RATE = "10/min"


def connect() -> None:
    """Note the time of every sign-in."""
    user_logged_in.connect(_note, dispatch_uid="tokenauth.reauthentication")


def is_recent(request: HttpRequest) -> bool:
    """Whether who makes ``request`` has shown who they are within ``REAUTHENTICATION_AGE``.

    True of a request that is not made by session: it carries its proof itself.
    """
    session = _session_of(request)
    if session is None:
        return True
    at = session.get(AUTHENTICATED_AT)
    if not isinstance(at, int | float):
        # A sign-in from before this app was there.
        return False
    age = timezone.now().timestamp() - at
    # A time to come is of a clock that was wrong.
    return 0 <= age <= conf.REAUTHENTICATION_AGE.total_seconds()


@sensitive_variables("password")
def confirm(request: HttpRequest, password: str) -> None:
    """Take the password of ``request.user`` for a sign-in of now.

    :raises ValidationError: it is wrong, or was asked for too often.
    """
    user: Any = request.user
    seconds = RateLimit("reauthentication", RATE).count(f"user {user.pk}", timezone.now())
    if seconds is not None:
        raise ValidationError(
            _("Too many attempts. Try again in %(seconds)d seconds.") % {"seconds": seconds}, code="throttled"
        )
    if not _is_password_of(request, user, password):
        raise ValidationError(_("The password is wrong."), code="password")
    _note(request, user)


def sign_in_again(request: HttpRequest, to: str, login_url: str | None = None) -> HttpResponseRedirect:
    """End the session, and lead to the project's own login (``LOGIN_URL``), and from there to ``to``, a path.

    For who has no password to confirm. Ended first: many a login page sends away who is signed in.
    """
    logout(request)
    return redirect_to_login(to, login_url)


@sensitive_variables()
def _is_password_of(request: HttpRequest, user: Any, password: str) -> bool:
    if len(password) > password_check.PASSWORD_LENGTH:
        return False
    found = password_check.user_of(request, user.get_username(), password)
    return found is not None and found.pk == user.pk


def _note(request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    session = None if request is None else _session_of(request)
    # Some log a user in whom the session does not know: by Basic, say, beside the cookie of another.
    if session is not None and session[SESSION_KEY] == user._meta.pk.value_to_string(user):
        session[AUTHENTICATED_AT] = timezone.now().timestamp()


def _session_of(request: HttpRequest) -> Any:
    """The session of a request that is made by it; None of any other."""
    session = getattr(request, "session", None)
    return session if session is not None and SESSION_KEY in session else None

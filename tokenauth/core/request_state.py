"""What this app keeps on a request: on the ``HttpRequest`` itself.

Not in a thread-local or a ContextVar: under ASGI the view runs in a child task, and what it
sets there is gone when the answer is closed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest

    from tokenauth.core.headers import Presented
    from tokenauth.exceptions import CredentialError, DeviceReason, Reason
    from tokenauth.models import AccessToken

_ATTRIBUTE = "_tokenauth"


# Not frozen, as Attempt below: each request makes one.
@dataclass(slots=True)
class Verified:
    """An accepted credential: its token, with the user loaded."""

    token: AccessToken
    # The digest under the newest scheme, to which the row moves when it is next written.
    digest: str
    at: datetime

    @property
    def user(self) -> Any:
        """``request.user``."""
        return self.token.user

    @property
    def auth(self) -> AccessToken:
        """``request.auth``."""
        return self.token


@dataclass(frozen=True, slots=True)
class VerifiedElsewhere:
    """An accepted credential of another app: ``request.user`` and ``request.auth``."""

    user: Any
    auth: Any
    # What it is known by in the login log, where what is presented is another each time.
    subject: str = ""


@dataclass(slots=True)
class Attempt:
    """One row of the login log, before it is written."""

    id_type: str
    # Of what was presented, that itself: what the log keeps of it is made when the row is.
    identifier: str | Presented
    hint: str
    token: AccessToken | None
    reason: Reason | DeviceReason | None
    at: datetime
    # Whose it is; where there is no token, a token does not tell.
    user_id: Any = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request with an accepted credential, or with none, is refused."""

    reason: Reason
    scopes: tuple[str, ...] = ()
    # In seconds.
    retry_after: int | None = None
    # Where there is more to say than the reason's own words.
    message: str = ""


@dataclass(slots=True)
class RequestState:
    """``deferred``: the middleware is there, and writes after the answer."""

    deferred: bool = False
    # Set once a door has asked for a credential: the answer depends on the headers.
    consulted: bool = False
    # Who was set as the request's user in place of the session's.
    caller: Any = None
    outcome: Verified | VerifiedElsewhere | CredentialError | None = None
    used: Verified | None = None
    accepted: Attempt | None = None
    attempt: Attempt | None = None
    refusal: Refusal | None = None
    # What would have been refused (ENFORCE_SCOPES), each told once.
    reported: set[Refusal] = field(default_factory=set)

    @property
    def is_pending(self) -> bool:
        """Whether anything is to be written."""
        return self.used is not None or self.attempt is not None


def state_of(request: HttpRequest) -> RequestState:
    """The state of ``request``, made at the first call."""
    state = getattr(request, _ATTRIBUTE, None)
    if state is None:
        state = RequestState()
        setattr(request, _ATTRIBUTE, state)
    return state


def django_request(request: Any) -> HttpRequest:
    """The ``HttpRequest`` inside of a request of REST framework; any other request is one."""
    found: HttpRequest = getattr(request, "_request", request)
    return found

"""Who makes a request to a view of plain Django: whom a credential names, or whom the session does.

A credential opens only a view that is marked with the scopes it requires. Where one is presented,
the session's user is ignored by every view: the admin is not opened by a token, and no token rides
on a session.
"""

from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from tokenauth.core import credential, headers, verification
from tokenauth.core.credential import Kind
from tokenauth.core.request_state import Verified, VerifiedElsewhere, state_of
from tokenauth.exceptions import CredentialError

_MARK = "scopes_required"


def mark(view: Callable[..., Any], scopes: tuple[str, ...]) -> None:
    """Let credentials with ``scopes`` open ``view``, beside what it required before."""
    setattr(view, _MARK, tuple(dict.fromkeys((*(marked_scopes(view) or ()), *scopes))))


def marked_scopes(view: Callable[..., Any]) -> tuple[str, ...] | None:
    """The scopes that ``view`` is marked with; None where it is not."""
    return getattr(view, _MARK, None)


def ignore_session(request: HttpRequest) -> None:
    """Where a credential is presented, let ``request.user`` be whom it names on a marked view, else nobody.

    Nothing is verified before a view asks.
    """
    state = state_of(request)
    # Nearly always this is the second time, and nobody has set another user or asked for this one.
    if state.caller is not None and state.caller is request.__dict__.get("user"):
        return
    if headers.presented(request.META):
        state.consulted = True
        state.caller = SimpleLazyObject(lambda: _user_of(request))
        _set_user(request, state.caller, lambda: _user_of(request))


def spend(request: HttpRequest) -> None:
    """Judge now, before the view and its transaction, what is good once; the outcome waits for the doors."""
    found = headers.in_registered_headers(request.META)
    if found:
        try:
            credential.authenticator_of(found[0].shape)(request)
        except CredentialError:
            # A door says so, if the view has one.
            return


def sign_in(request: HttpRequest) -> Verified | VerifiedElsewhere | None:
    """Make ``request`` that of the credential it presents: its user, and the token as ``request.auth``.

    Without a credential, None: ``request.user`` stays who the session says, ``request.auth`` is None.

    :raises CredentialError: the credential is refused.
    """
    verified = _verified(request)
    request.auth = None if verified is None else verified.auth  # type: ignore[attr-defined]
    if verified is not None:
        user = verified.user
        _set_user(request, user, lambda: user)
    return verified


def _verified(request: HttpRequest) -> Verified | VerifiedElsewhere | None:
    # First, since one of ours beside another app's is one too many.
    verified = verification.authenticate(request, *Kind)
    if verified is not None:
        return verified
    shape = next((one.shape for one in headers.presented(request.META) if one.shape), "")
    return credential.authenticator_of(shape)(request) if shape else None


def _set_user(request: HttpRequest, user: Any, load: Callable[[], Any]) -> None:
    async def auser() -> Any:
        return await sync_to_async(load)()

    request.user = user
    # Asynchronous views ask here: without it, they would be told the session's.
    request.auser = auser


def _user_of(request: HttpRequest) -> Any:
    match = request.resolver_match
    if match is None:
        # Of the view, which is not known yet, nothing is said by this: once it is, another is to be set.
        state_of(request).caller = None
        return AnonymousUser()
    if marked_scopes(match.func) is None:
        return AnonymousUser()
    try:
        verified = _verified(request)
    except CredentialError:
        # The mark's own guard answers with the reason; whoever asks before it is told that nobody is here.
        return AnonymousUser()
    return AnonymousUser() if verified is None else verified.user

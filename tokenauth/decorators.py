"""The door of plain Django: which scopes a view requires."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from tokenauth.core import answers, callers, requirements
from tokenauth.core.request_state import Refusal
from tokenauth.exceptions import CredentialError

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http.response import HttpResponseBase

View = TypeVar("View", bound="Callable[..., Any]")


def scopes_required(*scopes: str, session_allowed: bool = True) -> Callable[[View], View]:
    """Admit tokens and keys that grant every one of ``scopes``, and people signed in by session.

    For views of plain Django: functions, classes, and methods by ``method_decorator``; synchronous
    or asynchronous. ``request.user`` is the user, ``request.auth`` the token, or None with a session.
    A refused request is answered with 401 or 403 as JSON. Requests with a token need no CSRF token;
    those with a session always do. Outermost of a view's decorators, it answers before they do.

    ``session_allowed=False`` refuses people signed in by session.

    :raises ImproperlyConfigured: no scopes, or what is none.
    """
    if not scopes or callable(scopes[0]):
        raise ImproperlyConfigured('scopes_required needs its scopes: @scopes_required("read:reports").')
    required = requirements.checked_scopes(scopes, "scopes_required")

    def decorate(view: View) -> View:
        if isinstance(view, type):
            _guard_class(view, required, session_allowed=session_allowed)
            return view
        guarded: View = _guarded(view, required, session_allowed=session_allowed)
        return guarded

    return decorate


def _guard_class(view: Any, required: tuple[str, ...], *, session_allowed: bool) -> None:
    if not hasattr(view, "as_view"):
        raise ImproperlyConfigured(f"scopes_required guards views, and {view.__name__} has no as_view().")
    as_view = view.as_view.__func__

    # Around as_view() and not dispatch(): a subclass with a dispatch() of its own is guarded as well.
    @classmethod  # type: ignore[misc]
    @wraps(as_view)
    def guarded_as_view(cls: Any, **initkwargs: Any) -> Any:
        return _guarded(as_view(cls, **initkwargs), required, session_allowed=session_allowed)

    view.as_view = guarded_as_view


def _guarded(view: Any, required: tuple[str, ...], *, session_allowed: bool) -> Any:
    guarded: Any
    if iscoroutinefunction(view):

        @wraps(view)
        async def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            refused = await sync_to_async(_refused)(request, required, session_allowed=session_allowed)
            return await view(request, *args, **kwargs) if refused is None else refused
    else:

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            refused = _refused(request, required, session_allowed=session_allowed)
            return view(request, *args, **kwargs) if refused is None else refused

    callers.mark(guarded, required)
    # Who is signed in by session is asked for the CSRF token here, where it is known that there is no other.
    guarded.csrf_exempt = True
    return guarded


def _refused(
    request: HttpRequest, required: tuple[str, ...], *, session_allowed: bool
) -> HttpResponseBase | None:
    """The answer to a request that may not be made; None where it may."""
    if not isinstance(request, HttpRequest):
        raise ImproperlyConfigured(
            "scopes_required guards views of plain Django. Decorate a method by method_decorator(); "
            "in REST framework, use HasScopes."
        )
    try:
        verified = callers.sign_in(request)
    except CredentialError as error:
        return answers.refused(request, Refusal(error.reason))
    refusal = requirements.refusal(
        request,
        getattr(request, "user", AnonymousUser()),
        request.auth,  # type: ignore[attr-defined]
        required,
        session_allowed=session_allowed,
    )
    if refusal is not None:
        return answers.refused(request, refusal)
    if verified is None:
        return _refused_by_csrf(request)
    # For a csrf_protect that stands within.
    request.csrf_processing_done = True  # type: ignore[attr-defined]
    return None


def _refused_by_csrf(request: HttpRequest) -> HttpResponseBase | None:
    check = CsrfViewMiddleware(lambda request: HttpResponse())
    check.process_request(request)
    # Not asked for the view itself: one that is exempt is not so for a session.
    return check.process_view(request, lambda request: HttpResponse(), (), {})

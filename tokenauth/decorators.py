"""The door of plain Django: which scopes a view requires."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.cache import patch_vary_headers

from tokenauth.conf import conf
from tokenauth.core import answers, callers, credential, requirements
from tokenauth.core.request_state import Refusal
from tokenauth.exceptions import CredentialError

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http.response import HttpResponseBase

View = TypeVar("View", bound="Callable[..., Any]")


def scopes_required(*scopes: str, session_allowed: bool = True) -> Callable[[View], View]:
    """Admit tokens and keys that grant every one of ``scopes``, and people signed in by session.

    For whole views of plain Django: functions and classes, synchronous or asynchronous. With
    ``tokenauth.oauth`` installed, JWTs are tokens too.
    ``request.user`` is the user, ``request.auth`` the token, or None with a session. A refused request
    is answered with 401, 403 or 429 as JSON. Requests with a token need no CSRF token; those with a
    session always do. Outermost of a view's decorators, it answers before they do.

    ``session_allowed=False`` refuses people signed in by session.

    :raises ImproperlyConfigured: no scope is given, or one is not well-formed; what is decorated is no
        view of plain Django.
    """
    if not scopes or not all(isinstance(scope, str) for scope in scopes):
        raise ImproperlyConfigured(
            'scopes_required takes its scopes one by one: @scopes_required("read:reports", "read:sites").'
        )
    required = requirements.checked_scopes(scopes, "scopes_required")

    def decorate(view: View) -> View:
        if hasattr(view, "cls") or hasattr(view, "permission_classes"):
            raise ImproperlyConfigured(
                "scopes_required guards views of plain Django; in REST framework, use HasScopes."
            )
        guard = _guarded_class if isinstance(view, type) else _guarded
        guarded: View = guard(view, required, session_allowed=session_allowed)
        return guarded

    return decorate


def _guarded_class(view: Any, required: tuple[str, ...], *, session_allowed: bool) -> Any:
    if not hasattr(view, "as_view"):
        raise ImproperlyConfigured(f"scopes_required guards views, and {view.__name__} has no as_view().")

    # Around as_view() and not dispatch(): a subclass with a dispatch() of its own is guarded as well.
    def as_view(cls: Any, /, **initkwargs: Any) -> Any:
        # The next in the order of the class at hand: another base may be guarded by itself.
        unguarded = super(guarded, cls).as_view(**initkwargs)
        return _guarded(unguarded, required, session_allowed=session_allowed)

    # A subclass: the class itself may be another's, and used unguarded elsewhere.
    body = {name: getattr(view, name) for name in ("__module__", "__qualname__", "__doc__")}
    guarded = type(view)(view.__name__, (view,), {**body, "as_view": classmethod(as_view)})
    return guarded


def _guarded(view: Any, required: tuple[str, ...], *, session_allowed: bool) -> Any:
    guarded: Any
    if iscoroutinefunction(view):

        @wraps(view)
        async def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            refused = await sync_to_async(_refused)(request, required, session_allowed=session_allowed)
            return _told(request, await view(request, *args, **kwargs) if refused is None else refused)
    else:

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            refused = _refused(request, required, session_allowed=session_allowed)
            return _told(request, view(request, *args, **kwargs) if refused is None else refused)

    callers.mark(guarded, required)
    # Who is signed in by session is asked for the CSRF token here, where it is known that there is no other.
    guarded.csrf_exempt = True
    # It asks itself who is there: LoginRequiredMiddleware would send a script to the sign-in page.
    guarded.login_required = False
    return guarded


def _told(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """``response``, with what caches must know of it."""
    # Here and not in the middleware: a cache around the view keeps the answer before that sees it.
    others = [header for _, header in credential.registered_headers()]
    patch_vary_headers(response, [conf.AUTH_HEADER, conf.API_KEY_HEADER, *others, "Cookie"])
    answers.keep_from_shared_caches(request, response)
    return response


def _refused(
    request: HttpRequest, required: tuple[str, ...], *, session_allowed: bool
) -> HttpResponseBase | None:
    """The answer to a request that may not be made; None where it may."""
    match = request.resolver_match if isinstance(request, HttpRequest) else None
    if not isinstance(request, HttpRequest) or (match and callers.marked_scopes(match.func) is None):
        raise ImproperlyConfigured(
            "scopes_required guards whole views of plain Django: decorate the function that the URL leads "
            "to, the class, or its dispatch() by method_decorator(), and let the decorators around it use "
            "functools.wraps(). In REST framework, use HasScopes."
        )
    try:
        verified = callers.sign_in(request)
    except CredentialError as error:
        return answers.refused(request, Refusal(error.reason, retry_after=error.retry_after))
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

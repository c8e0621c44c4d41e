"""What a view requires, and whether a request meets it: the rule of every door."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from tokenauth.conf import conf
from tokenauth.core import attempts, headers, scopes
from tokenauth.core.request_state import Refusal, state_of
from tokenauth.exceptions import Reason

Match = Callable[[Iterable[object]], bool]


def needs_scopes(view: Any, method: str) -> bool:
    """Whether ``view`` answers ``method`` with anything to guard.

    Not OPTIONS, and not a method that the view does not implement: REST framework answers 405.
    """
    name = method.lower()
    if name == "head":
        # Either of the two answers it.
        return implements(view, "head") or implements(view, "get")
    return name != "options" and implements(view, name)


def required_scopes(view: Any, method: str) -> tuple[str, ...]:
    """The scopes that ``view`` (a class or an instance) declares for a method that it implements.

    HEAD counts as GET. An empty tuple: any signed-in caller.

    :raises ImproperlyConfigured: it declares nothing for the method, or what is no list of scopes.
    """
    method = "GET" if method == "HEAD" else method
    name = view.__name__ if isinstance(view, type) else type(view).__name__
    declared = getattr(view, "required_scopes", None)
    if isinstance(declared, Mapping):
        if method not in declared:
            raise ImproperlyConfigured(
                f"{name}.required_scopes says nothing about {method}, which the view implements. "
                f'Add "{method}": [...] to it.'
            )
        declared = declared[method]
    elif declared is None:
        raise ImproperlyConfigured(
            f"{name} is guarded by scopes but declares no required_scopes. "
            'Set required_scopes = ["..."], or a dict by HTTP method; [] admits every signed-in caller. '
            'On a function view, use @permission_classes([HasScopes.of("...")]).'
        )
    return checked_scopes(declared, name)


def checked_scopes(declared: object, owner: str) -> tuple[str, ...]:
    """``declared`` as a tuple of well-formed scopes.

    :raises ImproperlyConfigured: it is no list, or holds what is no scope.
    """
    if not isinstance(declared, Collection) or isinstance(declared, (str, bytes)):
        raise ImproperlyConfigured(f"{owner} must declare its scopes as a list, not as {declared!r}.")
    for scope in declared:
        if not scopes.is_well_formed(scope):
            raise ImproperlyConfigured(f"{owner} requires {scope!r}, which is not a well-formed scope.")
    return tuple(declared)


def implements(view: Any, name: str) -> bool:
    """Whether ``view`` has a handler for the method of this lower-case name."""
    names = getattr(view, "http_method_names", None)
    # What does not say which methods it answers is taken to answer all of them.
    return names is None or (name in names and callable(getattr(view, name, None)))


def refusal(
    request: HttpRequest,
    user: Any,
    auth: Any,
    required: tuple[str, ...],
    *,
    match: Match = all,
    session_allowed: bool = True,
    negated: bool = False,
) -> Refusal | None:
    """Why ``user``, authenticated by ``auth``, may not make this request; None where it may.

    ``auth`` is ``request.auth``: a token, anything with ``can(scope)``, or None for a person signed
    in by session. Scopes limit tokens, not people; but a person who also presents a credential is
    not let through on the session. An ``auth`` with ``always_enforced`` is refused for want of a scope
    while others are only reported. ``negated``: what would pass is refused, and the other way round.
    The refusal is left on the request for the door that answers.
    """
    state = state_of(request)
    state.consulted = True
    refused = _judge(request, user, auth, required, match, session_allowed=session_allowed)
    if negated:
        # It says what a caller may not have: there is no scope to ask for.
        refused = Refusal(Reason.INSUFFICIENT_SCOPE) if refused is None else None
    if refused is not None and _is_only_reported(refused, auth):
        attempts.report(request, refused, user, auth)
        refused = None
    # Of a negated one, nothing that a client could mend.
    state.refusal = None if negated else refused
    return refused


def _is_only_reported(refusal: Refusal, auth: Any) -> bool:
    if conf.ENFORCE_SCOPES or refusal.reason is not Reason.INSUFFICIENT_SCOPE:
        return False
    # Of a credential that somebody gave for these scopes and no others.
    if getattr(auth, "always_enforced", False):
        return False
    # Whoever could make tokens would keep them when scopes are enforced again.
    return scopes.TOKENS_MANAGE not in refusal.scopes


def _judge(
    request: HttpRequest,
    user: Any,
    auth: Any,
    required: tuple[str, ...],
    match: Match,
    *,
    session_allowed: bool,
) -> Refusal | None:
    if user is None or not user.is_authenticated:
        return Refusal(Reason.MISSING)
    if auth is None:
        if session_allowed and not headers.presented(request.META):
            return None
        return Refusal(Reason.SESSION)
    can = getattr(auth, "can", None)
    if not callable(can) or (required and not match(can(scope) for scope in required)):
        return Refusal(Reason.INSUFFICIENT_SCOPE, required)
    return None

"""Every URL and method of the project, and what each requires of a token."""

from __future__ import annotations

import functools
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from types import FunctionType
from typing import TYPE_CHECKING, Any, Literal

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.admindocs.views import simplify_regex
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.mixins import AccessMixin
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.module_loading import import_string
from django.views import View

from tokenauth.core import requirements
from tokenauth.core.callers import marked_scopes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HTTP_METHODS = View.http_method_names


class Access(StrEnum):
    """Who may ask."""

    # Tokens with the scopes, and people signed in.
    SCOPES = "scopes"
    # Any signed-in caller: no scope is required, and the view says so.
    SIGNED_IN = "signed in"
    # People signed in: no token opens it.
    SESSION = "session"
    # Everybody, and the view says so.
    PUBLIC = "public"
    # It says nothing, or cannot be asked.
    UNDECLARED = "undeclared"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a view says of a method: who may ask."""

    access: Access
    scopes: tuple[str, ...] = ()
    # How they are required, in words: "read:sites write:sites" (all of them), "read:sites | admin".
    requires: str = ""
    # "all" of the scopes or "any" of them; "" where other permissions have a say in it.
    match: Literal["all", "any", ""] = ""
    # Why it is undeclared.
    problem: str = ""
    # A scope permission guards it, and is told of no scopes: to call it is an error.
    is_misdeclared: bool = False
    # It declares scopes, and no permission asks for them.
    is_unasked: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one URL."""

    url: str
    # "ANY" for a function of plain Django, which does not say.
    method: str
    # Its dotted name.
    view: str
    rule: Rule


def endpoints(urlconf: Any = None, *, ask_views: bool = True) -> Iterator[Endpoint]:
    """Those of ``urlconf`` (the project's, where None), in its order.

    ``ask_views=False`` runs no code of a view's own: what chooses its permissions itself is left out.
    """
    for route, callback in _routes(get_resolver(urlconf)):
        url = simplify_regex(route)
        for method, view, rule in _rules(callback, ask_views=ask_views):
            yield Endpoint(url, method, view, rule)


def _routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.callback


def _rules(callback: Any, *, ask_views: bool) -> Iterator[tuple[str, str, Rule]]:
    cls = getattr(callback, "cls", None)
    try:
        if isinstance(cls, type) and hasattr(cls, "permission_classes"):
            yield from _rules_of_rest_framework(callback, cls, ask_views=ask_views)
        else:
            yield from _rules_of_plain_django(callback)
    # Whatever the code of a view raises that is asked outside of a request.
    except Exception as error:  # noqa: BLE001
        problem = f"it cannot be inspected: {type(error).__name__}: {error}"
        yield "ANY", _name_of(callback), Rule(Access.UNDECLARED, problem=problem)


# Plain Django


def _rules_of_plain_django(callback: Any) -> Iterator[tuple[str, str, Rule]]:
    view = getattr(callback, "view_class", None)
    rule = _rule_of_plain_django(callback, view)
    methods: list[str] = []
    # What requires no scope does so for every method alike, and a dispatch() of its own answers any.
    if rule.access is Access.SCOPES and getattr(view, "dispatch", None) is View.dispatch:
        methods = _methods(callback.view_class(**callback.view_initkwargs), HTTP_METHODS)
    for method in methods or ["ANY"]:
        yield method, _name_of(callback), rule


def _rule_of_plain_django(callback: Any, view: Any) -> Rule:
    scopes = marked_scopes(callback)
    if scopes is not None:
        return Rule(Access.SCOPES, scopes, " ".join(scopes), "all")
    # The attribute that login_not_required sets.
    if getattr(callback, "login_required", None) is False:
        return Rule(Access.PUBLIC)
    # Those that user_passes_test() and the admin set, for LoginRequiredMiddleware among others.
    guards = ("login_url", "redirect_field_name", "admin_site", "model_admin")
    if (
        any(hasattr(callback, name) for name in guards)
        or _asks_before_it_dispatches(view)
        or _is_admin_view(callback)
        or _asks_for_a_login()
    ):
        return Rule(Access.SESSION)
    return Rule(
        Access.UNDECLARED,
        problem="it is marked by none of scopes_required, login_required and login_not_required",
    )


def _asks_before_it_dispatches(view: Any) -> bool:
    """Whether LoginRequiredMixin or its like comes before View: after it, it is never asked."""
    bases = view.__mro__ if isinstance(view, type) else ()
    dispatching = [base for base in bases if "dispatch" in vars(base)]
    first_of_django = next(
        (base for base in dispatching if base is View or issubclass(base, AccessMixin)), View
    )
    return first_of_django is not View


def _is_admin_view(callback: Any) -> bool:
    """Whether ``admin_site.admin_view()`` is around it, which leaves no attribute."""
    functions, pending = set(), [callback]
    while pending:
        function = pending.pop()
        if not isinstance(function, FunctionType) or function in functions:
            continue
        functions.add(function)
        if function.__code__.co_qualname == f"{AdminSite.admin_view.__qualname__}.<locals>.inner":
            return True
        for cell in function.__closure__ or ():
            # A cell may be empty still.
            with suppress(ValueError):
                pending.append(cell.cell_contents)
    return False


def _asks_for_a_login() -> bool:
    """Whether every view asks for one that does not say otherwise."""
    for path in settings.MIDDLEWARE:
        middleware = import_string(path)
        if isinstance(middleware, type) and issubclass(middleware, LoginRequiredMiddleware):
            return True
    return False


# REST framework


def _rules_of_rest_framework(callback: Any, cls: Any, *, ask_views: bool) -> Iterator[tuple[str, str, Rule]]:
    from rest_framework.views import APIView

    if not ask_views and cls.get_permissions is not APIView.get_permissions:
        return
    actions = getattr(callback, "actions", None) or {}

    def prepared(method: str = "") -> Any:
        # As as_view() and dispatch() of REST framework do it.
        view = cls(**getattr(callback, "initkwargs", {}))
        for handler, action in actions.items():
            setattr(view, handler, getattr(view, action))
        view.action_map = actions
        view.action = actions.get(method.lower())
        view.args, view.kwargs, view.format_kwarg = (), {}, None
        request = HttpRequest()
        request.method = method
        view.request = view.initialize_request(request) if method and ask_views else None
        return view

    name = f"{cls.__module__}.{cls.__name__}"
    for method in _methods(prepared(), actions or HTTP_METHODS):
        view = prepared(method)
        yield method, f"{name}.{view.action}" if view.action else name, rule_of_view(view, method)


def rule_of_view(view: Any, method: str) -> Rule:
    """What ``view``, an instance of one of REST framework's with its request, says of ``method``."""
    from tokenauth.permissions import HasScopes, permissions_in

    permissions = list(view.get_permissions())
    guards = [one for one in permissions if any(permissions_in(one, HasScopes))]
    try:
        rule = _rule_of_guards(guards, view, method) if guards else _rule_without_guard(view, permissions)
    except ImproperlyConfigured as error:
        return Rule(Access.UNDECLARED, problem=str(error), is_misdeclared=True)
    is_unasked = not guards and getattr(view, "required_scopes", None) is not None
    if all(_admits(one, method, is_signed_in=False) for one in permissions):
        rule = _rule_of_open_view(view, permissions, guards, rule.requires)
        # An action may be opened by itself in a class that declares scopes for the others.
        is_unasked = is_unasked and not view.action_map
    elif rule.scopes and all(_admits(one, method, is_signed_in=True) for one in permissions):
        problem = f"any token may ask, since {rule.requires} does not insist on its scopes"
        rule = Rule(Access.UNDECLARED, problem=problem)
    return replace(rule, is_unasked=is_unasked)


def _rule_of_guards(guards: list[Any], view: Any, method: str) -> Rule:
    """
    :raises ImproperlyConfigured: one of them is told of no scopes.
    """
    from tokenauth.permissions import HasAnyScope, HasScopes, permissions_in

    every = [one for guard in guards for one in permissions_in(guard, HasScopes)]
    scopes = tuple(dict.fromkeys(scope for one in every for scope in one.required(view, method)))
    is_plain = every == guards and not any(one.negated for one in every)
    if is_plain and all(one.match is HasScopes.match for one in every):
        access = Access.SCOPES if scopes else Access.SIGNED_IN
        return Rule(access, scopes, " ".join(scopes), "all")
    if is_plain and len(every) == 1 and every[0].match is HasAnyScope.match:
        return Rule(Access.SCOPES, scopes, " | ".join(scopes), "any")
    return Rule(Access.SCOPES, scopes, " & ".join(_spelled(guard, view, method) for guard in guards))


def _rule_of_open_view(view: Any, permissions: list[Any], guards: list[Any], requires: str) -> Rule:
    from rest_framework.views import APIView

    if guards:
        return Rule(
            Access.UNDECLARED, problem=f"anybody may ask, since {requires} admits whoever is not signed in"
        )
    # The default of the settings is nothing that the view itself has said.
    if view.permission_classes is APIView.permission_classes:
        return Rule(Access.UNDECLARED, problem="anybody may ask, by the default of the settings")
    return Rule(Access.PUBLIC)


def _rule_without_guard(view: Any, permissions: list[Any]) -> Rule:
    from rest_framework.authentication import SessionAuthentication

    others = [one for one in view.get_authenticators() if not isinstance(one, SessionAuthentication)]
    if not others:
        return Rule(Access.SESSION)
    readers = " or ".join(type(one).__name__ for one in others)
    names = " & ".join(type(one).__name__ for one in permissions)
    problem = f"{names} admits whatever {readers} accepts, with any scopes or none"
    return Rule(Access.UNDECLARED, problem=problem)


def _admits(permission: Any, method: str, *, is_signed_in: bool) -> bool:
    """Whether it admits anybody; or any token of anybody, where ``is_signed_in``.

    Of a permission that is not known here, what it asks is taken to be enough.
    """
    from rest_framework import permissions

    from tokenauth.permissions import HasScopes

    kind = type(permission)
    if kind in (permissions.AND, permissions.OR):
        combine = all if kind is permissions.AND else any
        operands = (permission.op1, permission.op2)
        return combine(_admits(one, method, is_signed_in=is_signed_in) for one in operands)
    if kind is permissions.NOT:
        return True
    if issubclass(kind, HasScopes):
        return bool(permission.negated)
    if issubclass(
        kind, permissions.IsAuthenticatedOrReadOnly | permissions.DjangoModelPermissionsOrAnonReadOnly
    ):
        return is_signed_in or method in permissions.SAFE_METHODS
    return kind is permissions.AllowAny or (is_signed_in and kind is permissions.IsAuthenticated)


def _spelled(permission: Any, view: Any, method: str) -> str:
    """A permission and what it is composed of, in words: "read:sites | IsAdminUser"."""
    from rest_framework import permissions

    from tokenauth.permissions import HasScopes

    kind = type(permission)
    if kind in (permissions.AND, permissions.OR):
        operator = " & " if kind is permissions.AND else " | "
        operands = (_spelled(one, view, method) for one in (permission.op1, permission.op2))
        return f"({operator.join(operands)})"
    if kind is permissions.NOT:
        return f"~{_spelled(permission.op1, view, method)}"
    if issubclass(kind, HasScopes):
        scopes = permission.required(view, method)
        spelled = " ".join(scopes) if permission.match is HasScopes.match else f"({' | '.join(scopes)})"
        return f"~({spelled})" if permission.negated else spelled
    return str(kind.__name__)


# Both


def _methods(view: Any, names: Iterable[str]) -> list[str]:
    """Those of ``names`` that ``view`` answers with anything to guard, upper case: HEAD goes with GET."""
    methods = [name for name in names if requirements.needs_scopes(view, name)]
    if "get" in methods:
        methods = [name for name in methods if name != "head"]
    return [name.upper() for name in methods]


def _name_of(callback: Any) -> str:
    while isinstance(callback, functools.partial):
        callback = callback.func
    view = getattr(callback, "view_class", None) or getattr(callback, "cls", None) or callback
    name = getattr(view, "__qualname__", None)
    if name is None:
        view, name = type(view), type(view).__qualname__
    return f"{view.__module__}.{name}"

"""Every URL and method of the project, and what each requires of a token."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.admindocs.views import simplify_regex
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.mixins import AccessMixin
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.module_loading import import_string

from tokenauth.core import requirements
from tokenauth.core.callers import marked_scopes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


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
    # How they are required: "read:sites write:sites" (all of them), "read:sites | admin".
    requires: str = ""
    # Why it is undeclared.
    problem: str = ""
    # A scope permission guards it, and is told of no scopes: to call it is an error.
    is_misdeclared: bool = False
    # It declares scopes that none of its permissions asks for.
    in_vain: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one URL."""

    url: str
    # "ANY" for a function of plain Django, which does not say.
    method: str
    # Its dotted name.
    view: str
    rule: Rule


def endpoints(urlconf: Any = None) -> Iterator[Endpoint]:
    """Those of ``urlconf`` (the project's, where None), in its order."""
    for route, callback, is_admin in _routes(get_resolver(urlconf)):
        url = simplify_regex(route)
        for method, view, rule in _rules(callback, is_admin=is_admin):
            yield Endpoint(url, method, view, rule)


def _routes(
    resolver: URLResolver, prefix: str = "", *, is_admin: bool = False
) -> Iterator[tuple[str, Any, bool]]:
    """Each route with its view, and whether it is one of an admin site's."""
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern, route, is_admin=is_admin or pattern.app_name == "admin")
        elif isinstance(pattern, URLPattern):
            yield route, pattern.callback, is_admin


def _rules(callback: Any, *, is_admin: bool) -> Iterator[tuple[str, str, Rule]]:
    cls = getattr(callback, "cls", None)
    try:
        if isinstance(cls, type) and hasattr(cls, "permission_classes"):
            yield from _rules_of_rest_framework(callback, cls)
        else:
            yield from _rules_of_plain_django(callback, is_admin=is_admin)
    # Whatever the code of a view raises that is asked outside of a request.
    except Exception as error:  # noqa: BLE001
        problem = f"it cannot be inspected: {type(error).__name__}: {error}"
        yield "ANY", _name_of(callback), Rule(Access.UNDECLARED, problem=problem)


# Plain Django


def _rules_of_plain_django(callback: Any, *, is_admin: bool) -> Iterator[tuple[str, str, Rule]]:
    view = getattr(callback, "view_class", None)
    methods = ["ANY"] if view is None else _methods(view.http_method_names, view)
    rule = _rule_of_plain_django(callback, view, is_admin=is_admin)
    for method in methods:
        yield method, _name_of(callback), rule


def _rule_of_plain_django(callback: Any, view: Any, *, is_admin: bool) -> Rule:
    scopes = marked_scopes(callback)
    if scopes is not None:
        return Rule(Access.SCOPES, scopes, " ".join(scopes))
    # The attribute that login_not_required sets.
    if getattr(callback, "login_required", None) is False:
        return Rule(Access.PUBLIC)
    # Those that user_passes_test() and the admin set, for LoginRequiredMiddleware among others.
    guards = ("login_url", "redirect_field_name", "admin_site", "model_admin")
    is_guarded = (
        any(hasattr(callback, name) for name in guards)
        # admin_view() itself leaves no other trace.
        or (is_admin and hasattr(callback, "__wrapped__"))
        or (isinstance(view, type) and issubclass(view, AccessMixin))
    )
    if is_guarded or _asks_for_a_login():
        return Rule(Access.SESSION)
    return Rule(
        Access.UNDECLARED,
        problem="it is marked by none of scopes_required, login_required and login_not_required",
    )


def _asks_for_a_login() -> bool:
    """Whether every view asks for one that does not say otherwise."""
    for path in settings.MIDDLEWARE:
        middleware = import_string(path)
        if isinstance(middleware, type) and issubclass(middleware, LoginRequiredMiddleware):
            return True
    return False


# REST framework


def _rules_of_rest_framework(callback: Any, cls: Any) -> Iterator[tuple[str, str, Rule]]:
    actions = getattr(callback, "actions", None) or {}
    methods = _methods(actions, None) if actions else _methods(cls.http_method_names, cls)
    for method in methods:
        view = cls(**getattr(callback, "initkwargs", {}))
        for name, action in actions.items():
            setattr(view, name, getattr(view, action))
        view.action_map = actions
        view.action = actions.get(method.lower())
        view.args, view.kwargs, view.format_kwarg = (), {}, None
        request = HttpRequest()
        request.method = method
        view.request = view.initialize_request(request)
        name = f"{cls.__module__}.{cls.__name__}"
        rule = rule_of_view(view, method, marked_scopes(callback) or ())
        yield method, f"{name}.{view.action}" if view.action else name, rule


def rule_of_view(view: Any, method: str, marked: tuple[str, ...] = ()) -> Rule:
    """What ``view``, an instance of one of REST framework's with its request, says of ``method``.

    ``marked``: the scopes of ``scopes_required`` around it.
    """
    from rest_framework.permissions import AllowAny
    from rest_framework.views import APIView

    from tokenauth.authentication import AccessTokenAuthentication
    from tokenauth.permissions import HasScopes, permissions_in

    permissions = list(view.get_permissions())
    guards = [guard for permission in permissions for guard in permissions_in(permission, HasScopes)]
    if guards or marked:
        try:
            scopes = [scope for guard in guards for scope in guard.required(view, method)]
            parts = [
                _spelled(permission, view, method)
                for permission in permissions
                if any(permissions_in(permission, HasScopes))
            ]
        except ImproperlyConfigured as error:
            return Rule(Access.UNDECLARED, problem=str(error), is_misdeclared=True)
        requires = " & ".join(part for part in (" ".join(marked), *parts) if part)
        scopes = list(dict.fromkeys((*marked, *scopes)))
        return Rule(Access.SCOPES if scopes else Access.SIGNED_IN, tuple(scopes), requires)
    in_vain = getattr(view, "required_scopes", None) is not None
    # The default of the settings is nothing that the view itself has said.
    is_own = view.permission_classes is not APIView.permission_classes
    is_open = all(type(permission) is AllowAny for permission in permissions)
    if is_own and is_open:
        return Rule(Access.PUBLIC, in_vain=in_vain)
    reads_tokens = any(isinstance(one, AccessTokenAuthentication) for one in view.get_authenticators())
    if not is_open and not reads_tokens:
        return Rule(Access.SESSION, in_vain=in_vain)
    names = " & ".join(type(permission).__name__ for permission in permissions)
    who = "anybody, by the default of the settings," if is_open else f"any token that {names} admits"
    return Rule(Access.UNDECLARED, problem=f"{who} may ask, whatever its scopes", in_vain=in_vain)


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
        spelled = (" " if permission.match is all else " | ").join(scopes)
        return f"~({spelled})" if permission.negated else spelled
    return str(kind.__name__)


# Both


def _methods(names: Iterable[str], view: Any) -> list[str]:
    """The methods, upper case, that are answered by more than the framework: HEAD goes with GET."""
    methods = [name for name in names if view is None or requirements.implements(view, name)]
    if "get" in methods:
        methods = [name for name in methods if name != "head"]
    return [name.upper() for name in methods if name != "options"]


def _name_of(callback: Any) -> str:
    while isinstance(callback, functools.partial):
        callback = callback.func
    view = getattr(callback, "view_class", None) or getattr(callback, "cls", None) or callback
    name = getattr(view, "__qualname__", None)
    if name is None:
        view, name = type(view), type(view).__qualname__
    return f"{view.__module__}.{name}"

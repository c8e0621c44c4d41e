"""What views of REST framework say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from tokenauth.endpoints.rule import HTTP_METHODS, Access, Rule, methods_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def rules(callback: Any, *, ask_views: bool) -> Iterator[tuple[str, str, Rule]]:
    from rest_framework.views import APIView

    cls = callback.cls
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

    for method in methods_of(prepared(), actions or HTTP_METHODS):
        view = prepared(method)
        yield method, view.action or "", rule_of_view(view, method)


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
        rule = _rule_of_open_view(view, guards, rule.requires)
        # An action may be opened by itself in a class that declares scopes for the others.
        is_unasked = is_unasked and not view.action_map
    elif rule.scopes and all(_admits(one, method, is_signed_in=True) for one in permissions):
        problem = f"{rule.requires} admits a token that has no scope at all"
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


def _rule_of_open_view(view: Any, guards: list[Any], requires: str) -> Rule:
    from rest_framework.views import APIView

    if guards:
        return Rule(Access.UNDECLARED, problem=f"anybody may ask: {requires} admits who is not signed in")
    # The default of the settings is nothing that the view itself has said.
    if view.permission_classes is APIView.permission_classes:
        return Rule(Access.UNDECLARED, problem="anybody may ask, by the default of the settings")
    return Rule(Access.PUBLIC)


def _rule_without_guard(view: Any, permissions: list[Any]) -> Rule:
    from rest_framework.authentication import (
        BasicAuthentication,
        RemoteUserAuthentication,
        SessionAuthentication,
    )

    # Those of people: there is nothing that scopes could limit.
    of_people = (BasicAuthentication, RemoteUserAuthentication, SessionAuthentication)
    others = [one for one in view.get_authenticators() if not isinstance(one, of_people)]
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
    # A tuple: between permissions, | makes another one.
    reading = (permissions.IsAuthenticatedOrReadOnly, permissions.DjangoModelPermissionsOrAnonReadOnly)
    if issubclass(kind, reading):
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

"""Every URL and method of the project, and what each requires of a token."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver, get_resolver

from tokenauth.endpoints import plain_django, rest_framework
from tokenauth.endpoints.rule import Access, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Access", "Endpoint", "Rule", "endpoints"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one URL."""

    url: str
    # "ANY" for a function of plain Django, which does not say.
    method: str
    # Its dotted name.
    view: str
    # Of a view set, the action that answers.
    action: str
    rule: Rule


def endpoints(*, ask_views: bool = True) -> Iterator[Endpoint]:
    """Those of the project, in the order of its URLconf.

    ``ask_views=False`` runs no code of a view's own: what chooses its permissions itself is left out.
    """
    for route, callback in _routes(get_resolver()):
        url = simplify_regex(route)
        view = _name_of(callback)
        for method, action, rule in _rules(callback, ask_views=ask_views):
            yield Endpoint(url, method, view, action, rule)


def _routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.callback


def _rules(callback: Any, *, ask_views: bool) -> Iterator[tuple[str, str, Rule]]:
    """Each method that ``callback`` answers, the action that does, and what it says of it."""
    try:
        if _is_of_rest_framework(callback):
            yield from rest_framework.rules(callback, ask_views=ask_views)
        else:
            yield from plain_django.rules(callback)
    # Whatever the code of a view raises that is asked outside of a request.
    except Exception as error:  # noqa: BLE001
        problem = f"it cannot be inspected: {type(error).__name__}: {error}"
        yield "ANY", "", Rule(Access.UNDECLARED, problem=problem)


def _is_of_rest_framework(callback: Any) -> bool:
    cls = getattr(callback, "cls", None)
    return isinstance(cls, type) and hasattr(cls, "permission_classes")


def _name_of(callback: Any) -> str:
    while isinstance(callback, functools.partial):
        callback = callback.func
    if _is_of_rest_framework(callback):
        # @api_view gives its class the function's name, and no qualified one.
        return f"{callback.cls.__module__}.{callback.cls.__name__}"
    view = getattr(callback, "view_class", callback)
    if not hasattr(view, "__qualname__"):
        view = type(view)
    return f"{view.__module__}.{view.__qualname__}"

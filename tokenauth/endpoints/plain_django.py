"""What views of plain Django say."""

from __future__ import annotations

from contextlib import suppress
from types import FunctionType
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.mixins import AccessMixin
from django.utils.module_loading import import_string
from django.views import View

from tokenauth.core.callers import marked_scopes
from tokenauth.endpoints.rule import HTTP_METHODS, Access, Rule, methods_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def rules(callback: Any) -> Iterator[tuple[str, str, Rule]]:
    view = getattr(callback, "view_class", None)
    rule = _rule_of(callback, view)
    methods: list[str] = []
    # What requires no scope does so for every method alike.
    if rule.access is Access.SCOPES and view is not None:
        methods = methods_of(callback.view_class(**callback.view_initkwargs), HTTP_METHODS)
    for method in methods or ["ANY"]:
        yield method, "", rule


def _rule_of(callback: Any, view: Any) -> Rule:
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

"""Views that are guarded by scopes: ids E011, E012, W004."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.urls import URLPattern, URLResolver, get_resolver

from tokenauth.checks.settings import check_settings
from tokenauth.core import requirements, scopes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from django.apps import AppConfig


def check_views(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Views guarded by ``HasScopes`` declare registered scopes for every method they implement."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return []
    if any(message.is_serious() for message in check_settings(app_configs)):
        # Those come first: what is registered cannot be told from settings that are wrong.
        return []
    messages = {}
    for callback in _callbacks(get_resolver()):
        # The class that REST framework leaves on its views.
        view = getattr(callback, "cls", None)
        if isinstance(view, type) and hasattr(view, "permission_classes"):
            for message in _check_view(callback, view):
                messages[message.msg] = message
    return list(messages.values())


def _callbacks(resolver: URLResolver) -> Iterator[Any]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from _callbacks(pattern)
        elif isinstance(pattern, URLPattern):
            yield pattern.callback


def _check_view(callback: Any, view: type) -> Iterator[checks.CheckMessage]:
    from tokenauth.permissions import HasScopes, permissions_in

    initkwargs: Mapping[str, Any] = getattr(callback, "initkwargs", {})
    configured = type(view.__name__, (view,), dict(initkwargs))
    actions = getattr(callback, "actions", None)
    methods = actions or [name for name in view.http_method_names if requirements.needs_scopes(view, name)]  # type: ignore[attr-defined]
    guards = [
        guard
        for permission in configured.permission_classes  # type: ignore[attr-defined]
        for guard in permissions_in(permission, HasScopes)
    ]
    if not guards and getattr(configured, "required_scopes", None) is not None:
        yield checks.Warning(
            f"{view.__module__}.{view.__name__} declares required_scopes, and none of its permissions asks.",
            hint="Add HasScopes to its permission_classes, or take required_scopes away.",
            id="tokenauth.W004",
        )
    for guard in guards:
        for method in methods:
            try:
                required = guard.scopes or requirements.required_scopes(configured, method.upper())
            except ImproperlyConfigured as error:
                yield checks.Error(f"{view.__module__}: {error}", id="tokenauth.E011")
                continue
            for scope in required:
                if not scopes.is_registered(scope):
                    yield checks.Error(
                        f"{view.__module__}.{view.__name__} requires {scope!r}, which is not registered.",
                        hint="Add it to TOKENAUTH['SCOPES'], or correct it.",
                        id="tokenauth.E012",
                    )

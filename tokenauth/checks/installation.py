"""What belongs into a project's settings beside ``TOKENAUTH``: ids W001, W002."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.apps import AppConfig

MIDDLEWARE = "tokenauth.middleware.AccessTokenMiddleware"
EXCEPTION_HANDLER = "tokenauth.exception_handler.exception_handler"


def check_middleware(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The middleware is installed."""
    if any(_is_installed(path) for path in settings.MIDDLEWARE):
        return []
    return [
        checks.Warning(
            "tokenauth.middleware.AccessTokenMiddleware is not installed: views of plain Django see the "
            "session beside a credential, and login attempts are written inside the request's transaction, "
            "where a roll-back takes them along.",
            hint=f"Add {MIDDLEWARE!r} to MIDDLEWARE.",
            id="tokenauth.W001",
        )
    ]


def _is_installed(path: str) -> bool:
    from tokenauth.middleware import AccessTokenMiddleware

    if path == MIDDLEWARE:
        return True
    try:
        middleware = import_string(path)
    except ImportError:
        # Django itself says so, and better, when it loads the middleware.
        return False
    return inspect.isclass(middleware) and issubclass(middleware, AccessTokenMiddleware)


def check_rest_framework(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """With a class first that has no challenge, only our exception handler answers 401."""
    if not apps.is_installed("rest_framework"):
        return []
    from rest_framework.settings import api_settings

    from tokenauth.authentication import CredentialAuthentication

    # Typed as the paths that are configured; what is read are the classes.
    classes: list[Any] = list(api_settings.DEFAULT_AUTHENTICATION_CLASSES)
    if not any(issubclass(one, CredentialAuthentication) for one in classes):
        return []
    if api_settings.user_settings.get("EXCEPTION_HANDLER") == EXCEPTION_HANDLER:
        return []
    first = classes[0]
    if issubclass(first, CredentialAuthentication):
        return []
    return [
        checks.Warning(
            f"{first.__name__} stands before tokenauth's in DEFAULT_AUTHENTICATION_CLASSES, and tokenauth's "
            "exception handler is not set: a refused credential is answered without its challenge.",
            hint=f'Set REST_FRAMEWORK["EXCEPTION_HANDLER"] = {EXCEPTION_HANDLER!r}, or put tokenauth first.',
            id="tokenauth.W002",
        )
    ]

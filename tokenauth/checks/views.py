"""What the project's views declare: ids E011, E012, W004."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks

from tokenauth.checks.settings import check_settings
from tokenauth.core import scopes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.apps import AppConfig

    from tokenauth.endpoints import Endpoint


def check_views(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Views guarded by scopes declare registered ones for every method that they implement."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return []
    if any(message.is_serious() for message in check_settings(app_configs)):
        # Those come first: what is registered cannot be told from settings that are wrong.
        return []
    # Only here: a server that runs no checks has no use for it.
    from tokenauth.endpoints import endpoints

    # A view may stand under several URLs and answer by several actions, and is told of once.
    messages = {
        message.msg: message for endpoint in endpoints(ask_views=False) for message in _messages(endpoint)
    }
    return list(messages.values())


def _messages(endpoint: Endpoint) -> Iterator[checks.CheckMessage]:
    rule = endpoint.rule
    if rule.is_misdeclared:
        yield checks.Error(f"{endpoint.view}: {rule.problem}", id="tokenauth.E011")
    if rule.is_unasked:
        yield checks.Warning(
            f"{endpoint.view} declares required_scopes, and none of its permissions asks.",
            hint="Add HasScopes to its permission_classes, or take required_scopes away.",
            id="tokenauth.W004",
        )
    for scope in rule.scopes:
        if not scopes.is_registered(scope):
            close = difflib.get_close_matches(scope, scopes.registry(), n=1)
            yield checks.Error(
                f"{endpoint.view} requires {scope!r}, which is not registered.",
                hint=f"Did you mean {close[0]!r}?" if close else "Add it to TOKENAUTH['SCOPES'].",
                id="tokenauth.E012",
            )

"""The dictionary ``TOKENAUTH``: ids E001 to E010, W003, W005, W006, W010."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks
from django.db import router
from django.utils.module_loading import import_string
from django.views.debug import SafeExceptionReporterFilter

from tokenauth.checks import server_secrets
from tokenauth.checks.shapes import SHAPES
from tokenauth.conf import KEYS, conf
from tokenauth.core import headers, scopes
from tokenauth.core.credential import Environment, prefixes
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from django.apps import AppConfig

Messages = list[checks.CheckMessage]


def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    """The dictionary ``TOKENAUTH``."""
    configured = getattr(settings, "TOKENAUTH", {})
    if not isinstance(configured, Mapping):
        return [checks.Error("TOKENAUTH must be a dictionary.", id="tokenauth.E001")]
    messages: Messages = [_unknown(key) for key in configured if key not in KEYS]
    misshapen = {
        key: shape for key, (shape, fits) in SHAPES.items() if key in configured and not fits(configured[key])
    }
    messages += [
        checks.Error(f"TOKENAUTH[{key!r}] must be {shape}.", id="tokenauth.E003")
        for key, shape in misshapen.items()
    ]
    for check, keys in _CHECKS:
        if not misshapen.keys() & keys:
            messages += check()
    return messages


def check_deployment(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    """Of ``check --deploy``: scopes are enforced."""
    if any(message.is_serious() for message in check_settings(app_configs)) or conf.ENFORCE_SCOPES:
        return []
    return [
        checks.Warning(
            "TOKENAUTH['ENFORCE_SCOPES'] is False: requests that lack a scope are let through, and logged.",
            hint="Take it away once the log shows no more insufficient_scope.",
            id="tokenauth.W005",
        )
    ]


def _unknown(key: object) -> checks.CheckMessage:
    close = difflib.get_close_matches(str(key).upper(), sorted(KEYS), n=1)
    return checks.Error(
        f"TOKENAUTH has no setting {key!r}.",
        hint=f"Did you mean {close[0]!r}?" if close else None,
        id="tokenauth.E002",
    )


def _check_peppers() -> Iterator[checks.CheckMessage]:
    return server_secrets.weaknesses(conf.PEPPERS, "pepper", "tokenauth.E004")


def _check_scopes() -> Iterator[checks.CheckMessage]:
    for name, definition in conf.SCOPES.items():
        if not scopes.is_well_formed(name):
            yield checks.Error(
                f"TOKENAUTH['SCOPES'] has {name!r}, which is no well-formed scope (RFC 6749, section 3.3).",
                id="tokenauth.E005",
            )
        elif name in (scopes.ALL, scopes.TOKENS_MANAGE):
            yield checks.Error(
                f"TOKENAUTH['SCOPES'] defines {name!r}, which has its own meaning.", id="tokenauth.E005"
            )
        if not isinstance(definition, Mapping):
            continue
        for implied in definition.get("implies", ()):
            if implied == scopes.TOKENS_MANAGE or not scopes.is_registered(implied):
                yield checks.Error(
                    f"The scope {name!r} implies {implied!r}, which is not registered or cannot be implied.",
                    id="tokenauth.E006",
                )


def _check_given_scopes() -> Iterator[checks.CheckMessage]:
    given = {"DEFAULT_SCOPES": conf.DEFAULT_SCOPES, "LOGIN_SCOPES": conf.LOGIN_SCOPES or ()}
    for key, names in given.items():
        for name in names:
            if not scopes.is_registered(name):
                yield checks.Error(
                    f"TOKENAUTH[{key!r}] has {name!r}, which is not a registered scope.",
                    id="tokenauth.E007",
                )


def _check_prefixes() -> Iterator[checks.CheckMessage]:
    heads = list(prefixes(conf.TOKEN_PREFIX))
    for prefix in prefixes(conf.API_KEY_PREFIX):
        heads += [f"{prefix}_{environment}" for environment in Environment.values]
    for head in sorted({head for head in heads if heads.count(head) > 1}):
        yield checks.Error(
            f"The prefix {head!r} stands for more than one kind of credential.", id="tokenauth.E008"
        )


def _check_user_organizations() -> Iterator[checks.CheckMessage]:
    path = conf.USER_ORGANIZATIONS
    if path is None:
        return
    try:
        function = import_string(path)
    except ImportError as error:
        yield checks.Error(
            f"TOKENAUTH['USER_ORGANIZATIONS'] cannot be imported: {error}.", id="tokenauth.E009"
        )
        return
    if not callable(function):
        yield checks.Error(f"TOKENAUTH['USER_ORGANIZATIONS'], {path}, is not callable.", id="tokenauth.E009")


def _check_headers() -> Iterator[checks.CheckMessage]:
    hidden = SafeExceptionReporterFilter.hidden_settings
    if conf.AUTH_HEADER.lower() == conf.API_KEY_HEADER.lower():
        yield checks.Error(
            "TOKENAUTH['AUTH_HEADER'] and ['API_KEY_HEADER'] must be two headers.", id="tokenauth.E010"
        )
    for key, header in (("AUTH_HEADER", conf.AUTH_HEADER), ("API_KEY_HEADER", conf.API_KEY_HEADER)):
        if not hidden.search(headers.meta_key(header)):
            yield checks.Warning(
                f"Django's error reports show the header {header!r} of TOKENAUTH[{key!r}] in clear.",
                hint="Choose a name with AUTH, API, TOKEN or KEY in it: Django hides those.",
                id="tokenauth.W003",
            )


def _check_failure_limit() -> Iterator[checks.CheckMessage]:
    if conf.FAILURE_LIMIT is not None and conf.TRUSTED_PROXIES == 0:
        yield checks.Warning(
            "TOKENAUTH['FAILURE_LIMIT'] is set, and TOKENAUTH['TRUSTED_PROXIES'] is 0: behind a proxy all "
            "clients have its address, and the failures of one refuse them all.",
            hint="Set TRUSTED_PROXIES to how many there are; where there is none, silence this.",
            id="tokenauth.W006",
        )


def _check_lookup_cache() -> Iterator[checks.CheckMessage]:
    database = settings.DATABASES.get(router.db_for_read(AccessToken), {})
    if conf.LOOKUP_CACHE_SECONDS and database.get("ATOMIC_REQUESTS"):
        yield checks.Warning(
            "TOKENAUTH['LOOKUP_CACHE_SECONDS'] is set beside ATOMIC_REQUESTS: views ask within a "
            "transaction, where nothing is remembered.",
            hint="Set one of the two.",
            id="tokenauth.W010",
        )


# Each with the settings that it reads: it runs where all of them have their shape.
_CHECKS: Sequence[tuple[Callable[[], Iterator[checks.CheckMessage]], set[str]]] = (
    (_check_peppers, {"PEPPERS"}),
    (_check_scopes, {"SCOPES"}),
    (_check_given_scopes, {"SCOPES", "DEFAULT_SCOPES", "LOGIN_SCOPES"}),
    (_check_prefixes, {"TOKEN_PREFIX", "API_KEY_PREFIX"}),
    (_check_user_organizations, {"USER_ORGANIZATIONS"}),
    (_check_headers, {"AUTH_HEADER", "API_KEY_HEADER"}),
    (_check_failure_limit, {"FAILURE_LIMIT", "TRUSTED_PROXIES"}),
    (_check_lookup_cache, {"LOOKUP_CACHE_SECONDS"}),
)

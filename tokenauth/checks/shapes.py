"""What each setting of ``TOKENAUTH`` must look like, whatever the others are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.utils.functional import Promise

from tokenauth.conf import LONGEST_DURATION, LONGEST_OVERLAP
from tokenauth.core import rate_limit
from tokenauth.core.credential import Environment

# Of PowerAuth; tokenauth.devices may not be installed.
DEVICE_VERSIONS = ["3.0", "3.1", "3.2", "3.3"]
# In seconds: so long may a process let in what another has revoked.
LONGEST_CACHE = 300
# Of an activation, which people wait for.
LONGEST_LIFE_OF_A_CODE = timedelta(days=30)
# So long, and longer, is each nonce of a device kept.
LONGEST_TOLERANCE = timedelta(days=1)
# The counter of failed attempts has one byte in what a device is told; half of that is plenty.
MOST_FAILED_ATTEMPTS = 64

_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}")
_URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*[^\s?#/])?")
_HEADER = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")


def _is_duration(value: object) -> bool:
    return isinstance(value, timedelta) and timedelta(0) < value <= LONGEST_DURATION


def _is_optional_duration(value: object) -> bool:
    return value is None or _is_duration(value)


def _is_interval(value: object) -> bool:
    return isinstance(value, timedelta) and timedelta(0) <= value <= LONGEST_DURATION


def _is_age(value: object) -> bool:
    # Of less, who signs in again would be asked to sign in again.
    return _is_duration(value) and value >= timedelta(minutes=1)  # type: ignore[operator]


def _is_overlap(value: object) -> bool:
    return isinstance(value, timedelta) and timedelta(0) <= value <= LONGEST_OVERLAP


def _is_texts(value: object) -> bool:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return False
    return all(isinstance(one, str) for one in value)


def _is_scope_dict(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(definition, str | Promise)
        or (
            isinstance(definition, Mapping)
            and set(definition) <= {"description", "implies"}
            and isinstance(definition.get("description"), str | Promise)
            and _is_texts(definition.get("implies", []))
        )
        for definition in value.values()
    )


def _is_prefix(value: object) -> bool:
    texts = [value] if isinstance(value, str) else value
    return _is_texts(texts) and bool(texts) and all(_PREFIX.fullmatch(text) for text in texts)  # type: ignore[attr-defined]


def _is_header(value: object) -> bool:
    return isinstance(value, str) and _HEADER.fullmatch(value) is not None


def is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_cache_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LONGEST_CACHE


def _is_switch(value: object) -> bool:
    return isinstance(value, bool)


def _is_limit(value: object) -> bool:
    return value is None or (is_count(value) and value != 0)


def _is_optional_rate(value: object) -> bool:
    try:
        return value is None or bool(rate_limit.parse(value))
    except ValueError:
        return False


def _is_optional_url(value: object) -> bool:
    return value is None or (isinstance(value, str) and _URL.fullmatch(value) is not None)


def _is_device_scopes(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(factors, str) and _is_texts(names) for factors, names in value.items()
    )


def _is_code_lifetime(value: object) -> bool:
    return _is_age(value) and value <= LONGEST_LIFE_OF_A_CODE  # type: ignore[operator]


def _is_tolerance(value: object) -> bool:
    return _is_duration(value) and value <= LONGEST_TOLERANCE  # type: ignore[operator]


_DURATION = "a positive timedelta of a hundred years at most, or None"

# Of each setting: what it must be, in words and as a test.
SHAPES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "SCOPES": ('{name: description} or {name: {"description": ..., "implies": [...]}}', _is_scope_dict),
    "DEFAULT_SCOPES": ("a list of scopes", _is_texts),
    "LOGIN_SCOPES": ("a list of scopes, or None", lambda value: value is None or _is_texts(value)),
    "ENFORCE_SCOPES": ("True or False", _is_switch),
    "TOKEN_PREFIX": ("letters, digits and _, at most 31, or a list of such", _is_prefix),
    "API_KEY_PREFIX": ("letters, digits and _, at most 31, or a list of such", _is_prefix),
    "ENVIRONMENTS": (
        f"a list out of {Environment.values}",
        lambda value: _is_texts(value) and set(value) <= set(Environment.values),
    ),
    "TOKEN_LIFETIME": (_DURATION, _is_optional_duration),
    "MAX_TOKEN_LIFETIME": (_DURATION, _is_optional_duration),
    "UNUSED_TOKEN_LIFETIME": (_DURATION, _is_optional_duration),
    "MAX_TOKENS_PER_USER": ("a number of tokens, 1 or more, or None", _is_limit),
    "MAX_TOKENS_REACHED": (
        '"refuse" or "revoke_oldest"',
        lambda value: value in ("refuse", "revoke_oldest"),
    ),
    "ROTATION_OVERLAP": (f"a timedelta of {LONGEST_OVERLAP.days} days at most", _is_overlap),
    "END_TOKENS_ON_PASSWORD_CHANGE": ("True or False", _is_switch),
    "REAUTHENTICATION_AGE": ("a timedelta of a minute or more", _is_age),
    "NOTIFY_OWNER": ("True or False", _is_switch),
    "RECORD_LOGIN_ATTEMPTS": (
        '"none", "failure" or "all"',
        lambda value: value in ("none", "failure", "all"),
    ),
    "LAST_USED_INTERVAL": ("a timedelta of a hundred years at most", _is_interval),
    "PEPPERS": ("{int: str}", lambda value: isinstance(value, Mapping)),
    "AUTH_HEADER": ("the name of a header", _is_header),
    "API_KEY_HEADER": ("the name of a header", _is_header),
    "FOREIGN_BEARER": ('"refuse" or "pass"', lambda value: value in ("refuse", "pass")),
    "TRUSTED_PROXIES": ("a number of proxies, 0 or more", is_count),
    "FAILURE_LIMIT": ('a rate as "60/min" (or s, h, d), or None', _is_optional_rate),
    "USER_ORGANIZATIONS": ("a dotted path or None", lambda value: value is None or isinstance(value, str)),
    "LOOKUP_CACHE_SECONDS": (f"a number of seconds, 0 to {LONGEST_CACHE}", _is_cache_time),
    "OAUTH_ISSUER": ("an http(s) URL without a slash at its end, or None", _is_optional_url),
    "OAUTH_AUDIENCE": ("an http(s) URL without a slash at its end, or None", _is_optional_url),
    "OAUTH_SIGNING_KEYS": ("a list of private keys in PEM text", _is_texts),
    "OAUTH_PASSWORD_GRANT": ("True or False", _is_switch),
    "OAUTH_PKCE_REQUIRED": ("True or False", _is_switch),
    "OAUTH_AUTHORIZATION_LIFETIME": (
        "a timedelta of a minute or more and a hundred years at most, or None",
        lambda value: value is None or (_is_age(value) and _is_optional_duration(value)),
    ),
    "DEVICE_TOKEN_SCOPES": ("{factors: list of scopes}", _is_device_scopes),
    "DEVICE_ENCRYPTION_KEYS": ("{int: str}", lambda value: isinstance(value, Mapping)),
    "DEVICE_PROTOCOL_VERSIONS": (
        f"a list of one or more out of {DEVICE_VERSIONS}",
        lambda value: _is_texts(value) and bool(value) and set(value) <= set(DEVICE_VERSIONS),
    ),
    "DEVICE_ACTIVATION_LIFETIME": (
        f"a timedelta of a minute to {LONGEST_LIFE_OF_A_CODE.days} days",
        _is_code_lifetime,
    ),
    "DEVICE_MAX_FAILED_ATTEMPTS": (
        f"a number of attempts, 1 to {MOST_FAILED_ATTEMPTS}",
        lambda value: is_count(value) and 1 <= value <= MOST_FAILED_ATTEMPTS,
    ),
    "DEVICE_CLOCK_TOLERANCE": ("a positive timedelta of a day at most", _is_tolerance),
    "DEVICE_UNSYNCHRONIZED_CLOCK_TOLERANCE": ("a positive timedelta of a day at most", _is_tolerance),
}

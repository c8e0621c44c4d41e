"""Every setting of ``TOKENAUTH``: its type, its default, its meaning.

Each is read from ``django.conf.settings`` when it is needed, never at import, so that
``override_settings`` works. What a value must look like is checked by
:mod:`tokenauth.checks`, once, at start.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, NotRequired, TypedDict, TypeVar

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

# Reckoned from now, it stays within the calendar.
LONGEST_DURATION = timedelta(days=36_525)

# Whoever needs longer to deploy a key has two keys, not a rotation.
LONGEST_OVERLAP = timedelta(days=30)

# The defaults of what each request asks for.
_YEAR = timedelta(days=365)
_MINUTE = timedelta(minutes=1)

# Where Django keeps each setting once it was read, until it is changed. A request reads a dozen of ours, and
# to ask Django for one takes longer than all of them from here.
_settings_that_were_read: Mapping[str, Any] = object.__getattribute__(settings, "__dict__")


class ScopeDefinition(TypedDict):
    """The long form of an entry of ``SCOPES``."""

    description: str
    implies: NotRequired[Sequence[str]]


class Conf:
    """One property a setting; the names are those of the dictionary's keys."""

    def _read(self, key: str, default: T) -> T:
        configured = _settings_that_were_read.get("TOKENAUTH")
        if type(configured) is not dict:
            configured = _configured()
        value: T = configured.get(key, default)
        return value

    @property
    def SCOPES(self) -> Mapping[str, str | ScopeDefinition]:  # noqa: N802
        """``{name: description}`` or ``{name: {"description", "implies": [...]}}``.

        Empty: any well-formed scope may be given.
        """
        return self._read("SCOPES", {})

    @property
    def DEFAULT_SCOPES(self) -> Sequence[str]:  # noqa: N802
        """What ``generate_access_token(name)`` gives when it is not told."""
        return self._read("DEFAULT_SCOPES", ["*"])

    @property
    def LOGIN_SCOPES(self) -> Sequence[str] | None:  # noqa: N802
        """What may be asked for with a password at ``tokens/login/``; None: that answers 404."""
        return self._read("LOGIN_SCOPES", None)

    @property
    def ENFORCE_SCOPES(self) -> bool:  # noqa: N802
        """False: what would be refused for want of a scope is logged and let through."""
        return self._read("ENFORCE_SCOPES", default=True)

    @property
    def TOKEN_PREFIX(self) -> str | Sequence[str]:  # noqa: N802
        """The prefix of personal tokens; of a list, the first is used for new ones."""
        return self._read("TOKEN_PREFIX", "pat")

    @property
    def API_KEY_PREFIX(self) -> str | Sequence[str]:  # noqa: N802
        """The prefix of API keys; of a list, the first is used for new ones."""
        return self._read("API_KEY_PREFIX", "ak")

    @property
    def ENVIRONMENTS(self) -> Sequence[str]:  # noqa: N802
        """The environments (``live``, ``test``) whose API keys this deployment accepts."""
        return self._read("ENVIRONMENTS", ["live", "test"])

    @property
    def TOKEN_LIFETIME(self) -> timedelta | None:  # noqa: N802
        """How long a token lives that was made without ``expires_at``; None: for ever."""
        return self._read("TOKEN_LIFETIME", None)

    @property
    def MAX_TOKEN_LIFETIME(self) -> timedelta | None:  # noqa: N802
        """The longest lifetime that may be asked for; None: no limit."""
        return self._read("MAX_TOKEN_LIFETIME", None)

    @property
    def UNUSED_TOKEN_LIFETIME(self) -> timedelta | None:  # noqa: N802
        """How long a token may lie unused (since its creation, if never used); None: for ever."""
        return self._read("UNUSED_TOKEN_LIFETIME", _YEAR)

    @property
    def MAX_TOKENS_PER_USER(self) -> int | None:  # noqa: N802
        """How many usable tokens a user may have; one and the one that it was rotated from count once."""
        return self._read("MAX_TOKENS_PER_USER", None)

    @property
    def MAX_TOKENS_REACHED(self) -> Literal["refuse", "revoke_oldest"]:  # noqa: N802
        """What becomes of one token more: refused, or made, and the oldest revoked."""
        return self._read("MAX_TOKENS_REACHED", "refuse")

    @property
    def ROTATION_OVERLAP(self) -> timedelta:  # noqa: N802
        """How long a token that was rotated lives on beside its successor."""
        return self._read("ROTATION_OVERLAP", timedelta(days=1))

    @property
    def END_TOKENS_ON_PASSWORD_CHANGE(self) -> bool:  # noqa: N802
        """True: a user whose password is changed loses every token and key."""
        return self._read("END_TOKENS_ON_PASSWORD_CHANGE", default=False)

    @property
    def REAUTHENTICATION_AGE(self) -> timedelta:  # noqa: N802
        """Making or rotating a token in the browser asks for the password again after that."""
        return self._read("REAUTHENTICATION_AGE", timedelta(hours=1))

    @property
    def NOTIFY_OWNER(self) -> bool:  # noqa: N802
        """True: mail the owner when somebody else makes or ends a token, or a device's activation."""
        return self._read("NOTIFY_OWNER", default=False)

    @property
    def RECORD_LOGIN_ATTEMPTS(self) -> Literal["none", "failure", "all"]:  # noqa: N802
        """Which requests with a credential leave a row in the login log."""
        return self._read("RECORD_LOGIN_ATTEMPTS", "failure")

    @property
    def LAST_USED_INTERVAL(self) -> timedelta:  # noqa: N802
        """``last_used_at`` is written at most once in this time."""
        return self._read("LAST_USED_INTERVAL", _MINUTE)

    @property
    def PEPPERS(self) -> Mapping[int, str]:  # noqa: N802
        """``{id: secret of 32 or more characters}``; the highest id is used for new digests."""
        return self._read("PEPPERS", {})

    @property
    def AUTH_HEADER(self) -> str:  # noqa: N802
        """The header of personal tokens; its value is ``Bearer <token>``."""
        return self._read("AUTH_HEADER", "Authorization")

    @property
    def API_KEY_HEADER(self) -> str:  # noqa: N802
        """The header of API keys; its value is the key alone."""
        return self._read("API_KEY_HEADER", "X-API-Key")

    @property
    def FOREIGN_BEARER(self) -> Literal["refuse", "pass"]:  # noqa: N802
        """What becomes of a bearer text without our prefix: refused, or left to the next authenticator."""
        return self._read("FOREIGN_BEARER", "refuse")

    @property
    def TRUSTED_PROXIES(self) -> int:  # noqa: N802
        """How many proxies append to ``X-Forwarded-For`` before a request arrives here."""
        return self._read("TRUSTED_PROXIES", 0)

    @property
    def FAILURE_LIMIT(self) -> str | None:  # noqa: N802
        """How many unknown credentials an address may present (``"60/min"``); None: any number."""
        return self._read("FAILURE_LIMIT", None)

    @property
    def USER_ORGANIZATIONS(self) -> str | None:  # noqa: N802
        """Dotted path to ``f(user) -> set[str]``: the organizations a person belongs to."""
        return self._read("USER_ORGANIZATIONS", None)

    @property
    def LOOKUP_CACHE_SECONDS(self) -> float:  # noqa: N802
        """How long a process remembers what it found, and another's changes may go unseen; 0: not at all."""
        return self._read("LOOKUP_CACHE_SECONDS", 0)

    # Of tokenauth.oauth; lifetimes and the like are django-oauth-toolkit's own, in OAUTH2_PROVIDER.

    @property
    def OAUTH_ISSUER(self) -> str | None:  # noqa: N802
        """The URL that this server's JWTs are issued by; None: the address of each request, for a try."""
        return self._read("OAUTH_ISSUER", None)

    @property
    def OAUTH_AUDIENCE(self) -> str | None:  # noqa: N802
        """The URL of the API that JWTs are for; None: the issuer's."""
        return self._read("OAUTH_AUDIENCE", None)

    @property
    def OAUTH_SIGNING_KEYS(self) -> Sequence[str]:  # noqa: N802
        """Private RSA keys in PEM; the first signs, all verify. Empty: kept in the database, encrypted."""
        return self._read("OAUTH_SIGNING_KEYS", ())

    @property
    def OAUTH_PASSWORD_GRANT(self) -> bool:  # noqa: N802
        """True: first-party applications may trade a user's password for a token, at ``/auth/token``."""
        return self._read("OAUTH_PASSWORD_GRANT", default=False)

    @property
    def OAUTH_PKCE_REQUIRED(self) -> bool:  # noqa: N802
        """False: confidential applications may do without PKCE; public ones never may."""
        return self._read("OAUTH_PKCE_REQUIRED", default=True)

    @property
    def OAUTH_AUTHORIZATION_LIFETIME(self) -> timedelta | None:  # noqa: N802
        """When what a user let an application do ends, however often it is refreshed; None: never."""
        return self._read("OAUTH_AUTHORIZATION_LIFETIME", timedelta(days=90))

    # Of tokenauth.devices.

    @property
    def DEVICE_TOKEN_SCOPES(self) -> Mapping[str, Sequence[str]]:  # noqa: N802
        """``{factors: scopes}``: what a device may do that proved them (``possession_knowledge``)."""
        return self._read("DEVICE_TOKEN_SCOPES", {})

    @property
    def DEVICE_ENCRYPTION_KEYS(self) -> Mapping[int, str]:  # noqa: N802
        """``{id: secret of 32 or more characters}``; the highest id encrypts. Empty: under ``SECRET_KEY``."""
        return self._read("DEVICE_ENCRYPTION_KEYS", {})

    @property
    def DEVICE_PROTOCOL_VERSIONS(self) -> Sequence[str]:  # noqa: N802
        """The versions of PowerAuth that are accepted, of ``3.0`` to ``3.3``."""
        return self._read("DEVICE_PROTOCOL_VERSIONS", ("3.1", "3.2", "3.3"))

    @property
    def DEVICE_ACTIVATION_LIFETIME(self) -> timedelta:  # noqa: N802
        """How long an activation code is good, and then how long the activation waits to be committed."""
        return self._read("DEVICE_ACTIVATION_LIFETIME", timedelta(minutes=5))

    @property
    def DEVICE_MAX_FAILED_ATTEMPTS(self) -> int:  # noqa: N802
        """So many wrong signatures one after the other block an activation; at most 64."""
        return self._read("DEVICE_MAX_FAILED_ATTEMPTS", 5)

    @property
    def DEVICE_CLOCK_TOLERANCE(self) -> timedelta:  # noqa: N802
        """How far from now the time of a request may be, either way, from version 3.2 on."""
        return self._read("DEVICE_CLOCK_TOLERANCE", timedelta(minutes=5))

    @property
    def DEVICE_UNSYNCHRONIZED_CLOCK_TOLERANCE(self) -> timedelta:  # noqa: N802
        """The same of versions 3.0 and 3.1, whose devices do not ask the server for the time."""
        return self._read("DEVICE_UNSYNCHRONIZED_CLOCK_TOLERANCE", timedelta(hours=2))


def _configured() -> Mapping[str, Any]:
    configured: object = getattr(settings, "TOKENAUTH", {})
    if not isinstance(configured, Mapping):
        raise ImproperlyConfigured("TOKENAUTH must be a dictionary.")
    return configured


conf = Conf()

KEYS = frozenset(name for name, value in vars(Conf).items() if isinstance(value, property))

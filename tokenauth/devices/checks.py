"""What is wrong with a project's settings for devices: ids E018 to E021, W015 to W020."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks
from django.urls import NoReverseMatch, reverse

from tokenauth.checks import check_middleware, check_settings, server_secrets
from tokenauth.conf import conf
from tokenauth.core import scopes
from tokenauth.devices.encryption import OF_SECRET_KEY
from tokenauth.devices.protocol.signatures import SignatureType
from tokenauth.devices.protocol.versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.apps import AppConfig

Messages = list[checks.CheckMessage]

# Who finds a code in a mail has all that time to activate a device with it.
LONG_LIFE_OF_A_CODE = timedelta(days=1)


def check_devices(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    """The settings of devices go together, and what they rely on is installed."""
    found = [*_check_middleware(), *_check_time_zones()]
    if _is_misread():
        return found
    return [*found, *_check_encryption_keys(), *_check_token_scopes(), *_check_tolerances()]


def check_devices_deployment(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    """Of ``check --deploy``: what a development server may do without."""
    return [] if _is_misread() else [*_check_deployment()]


def _is_misread() -> bool:
    # Those come first: what is said of them tells more than what follows from them.
    return any(message.is_serious() for message in check_settings(None))


def _check_middleware() -> Iterator[checks.CheckMessage]:
    if check_middleware(None):
        yield checks.Error(
            "tokenauth.devices is installed without AccessTokenMiddleware: whether a nonce was used, or a "
            "PIN was wrong, would be forgotten where a view's transaction is rolled back.",
            hint="Add 'tokenauth.middleware.AccessTokenMiddleware' to MIDDLEWARE.",
            id="tokenauth.E020",
        )


def _check_time_zones() -> Iterator[checks.CheckMessage]:
    if not settings.USE_TZ:
        yield checks.Error(
            "tokenauth.devices is installed with USE_TZ = False: when clocks change, nonces could be deleted "
            "whose headers are still accepted, or are once more.",
            hint="Set USE_TZ = True.",
            id="tokenauth.E021",
        )


def _check_encryption_keys() -> Iterator[checks.CheckMessage]:
    return server_secrets.weaknesses(
        conf.DEVICE_ENCRYPTION_KEYS, "device encryption key", "tokenauth.E018", first=OF_SECRET_KEY + 1
    )


def _check_token_scopes() -> Iterator[checks.CheckMessage]:
    for factors, names in conf.DEVICE_TOKEN_SCOPES.items():
        if factors not in list(SignatureType):
            yield checks.Error(
                f"TOKENAUTH['DEVICE_TOKEN_SCOPES'] has {factors!r}, which are no factors.",
                hint=f"There are: {', '.join(SignatureType)}.",
                id="tokenauth.E019",
            )
        for name in names:
            if name == scopes.TOKENS_MANAGE or not scopes.is_registered(name):
                yield checks.Error(
                    f"TOKENAUTH['DEVICE_TOKEN_SCOPES'][{factors!r}] has {name!r}, which is not registered, "
                    "or which no device may have.",
                    id="tokenauth.E019",
                )


def _check_tolerances() -> Iterator[checks.CheckMessage]:
    if conf.DEVICE_CLOCK_TOLERANCE > conf.DEVICE_UNSYNCHRONIZED_CLOCK_TOLERANCE:
        yield checks.Warning(
            "TOKENAUTH['DEVICE_CLOCK_TOLERANCE'] is more than ['DEVICE_UNSYNCHRONIZED_CLOCK_TOLERANCE']: "
            "devices that ask for the time are trusted with it less than those that do not.",
            id="tokenauth.W016",
        )
    if conf.DEVICE_ACTIVATION_LIFETIME > LONG_LIFE_OF_A_CODE:
        yield checks.Warning(
            "TOKENAUTH['DEVICE_ACTIVATION_LIFETIME'] is more than a day: who finds a code has all that time "
            "to activate a device with it.",
            id="tokenauth.W017",
        )


def _check_deployment() -> Iterator[checks.CheckMessage]:
    if not conf.DEVICE_ENCRYPTION_KEYS:
        yield checks.Warning(
            "TOKENAUTH['DEVICE_ENCRYPTION_KEYS'] is empty: the secrets of devices are encrypted under "
            "SECRET_KEY, and lost with it.",
            hint='Make one: python -c "import secrets; print(secrets.token_urlsafe(48))"; then run '
            "manage.py reencryptdevices.",
            id="tokenauth.W015",
        )
    if Version.V3_0 in conf.DEVICE_PROTOCOL_VERSIONS:
        yield checks.Warning(
            "TOKENAUTH['DEVICE_PROTOCOL_VERSIONS'] has 3.0, whose signatures have 8 digits a factor. One of "
            "possession alone may be guessed: wrong ones of it are not counted.",
            hint="Take it away once no device speaks it any more.",
            id="tokenauth.W018",
        )
    try:
        reverse("tokenauth_devices:status")
    except NoReverseMatch:
        yield checks.Warning(
            "tokenauth.devices is installed, and its URLs are not: no device can be activated.",
            hint='Add path("", include("tokenauth.devices.urls")) to the root URLconf.',
            id="tokenauth.W019",
        )
    # A project that is only begun has no view for devices yet.
    if not any(conf.DEVICE_TOKEN_SCOPES.values()):
        yield checks.Warning(
            "TOKENAUTH['DEVICE_TOKEN_SCOPES'] is empty: no device opens a view that requires a scope. Each "
            "gets 403 insufficient_scope, whatever it has proved.",
            hint="Say what devices may do that proved to have the keys, and to know the PIN: "
            "{'possession': ['read:reports'], 'possession_knowledge': ['read:reports', 'write:reports']}.",
            id="tokenauth.W020",
        )

"""What is wrong with a project's settings for OAuth: ids E013 to E017, W007 to W009, W011 to W014."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.hashers import get_hashers_by_algorithm
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, get_script_prefix, is_valid_path, reverse
from django.utils.module_loading import import_string

from tokenauth.checks.settings import check_settings
from tokenauth.conf import conf
from tokenauth.oauth import signing_keys
from tokenauth.oauth.provider_settings import REQUIRED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.apps import AppConfig

Messages = list[checks.CheckMessage]

# RFC 6749, section 4.1.2.
LONGEST_LIFE_OF_A_CODE = 600

_IMPORT = "from tokenauth.oauth.provider_settings import OAUTH2_PROVIDER"


def check_oauth(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    """django-oauth-toolkit is set up as this app needs it."""
    found = [*_check_provider(), *_check_hasher()]
    return found if _is_misread() else [*found, *_check_keys()]


def check_oauth_deployment(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    """Of ``check --deploy``: what a development server may do without."""
    if _is_misread():
        return []
    return [*_check_deployment(), *_check_doors(), *_check_lifetimes()]


def _is_misread() -> bool:
    # Those come first: what is said of them tells more than what follows from them.
    return any(message.is_serious() for message in check_settings(None))


def _check_provider() -> Iterator[checks.CheckMessage]:
    provider = getattr(settings, "OAUTH2_PROVIDER", None) or {}
    if not provider:
        yield checks.Error(
            "OAUTH2_PROVIDER is not set: django-oauth-toolkit would keep tokens in clear, and know no "
            "policies.",
            hint=f"In the settings: {_IMPORT}",
            id="tokenauth.E013",
        )
        return
    for key, value in REQUIRED.items():
        if key not in provider or not _is(key, provider[key], value):
            yield checks.Error(
                f"OAUTH2_PROVIDER[{key!r}] must be {value!r}.",
                hint=f"In the settings: {_IMPORT}",
                id="tokenauth.E014",
            )
    lifetime = provider.get("ACCESS_TOKEN_EXPIRE_SECONDS")
    if not isinstance(lifetime, int) or isinstance(lifetime, bool) or not 0 < lifetime <= 86_400:
        yield checks.Error(
            "OAUTH2_PROVIDER['ACCESS_TOKEN_EXPIRE_SECONDS'] must be a number of seconds, a day at most.",
            id="tokenauth.E015",
        )


def _is(key: str, given: Any, required: Any) -> bool:
    if not key.endswith("_CLASS") or given == required:
        return bool(given == required)
    try:
        # A project may have one of its own, made of this app's.
        given, base = import_string(given) if isinstance(given, str) else given, import_string(required)
    except ImportError:
        return False
    return isinstance(given, type) and issubclass(given, base)


def _check_hasher() -> Iterator[checks.CheckMessage]:
    if "argon2" not in get_hashers_by_algorithm():
        yield checks.Error(
            "PASSWORD_HASHERS has no Argon2PasswordHasher, by which the secrets of applications are kept.",
            hint="Add 'django.contrib.auth.hashers.Argon2PasswordHasher' to it, in any place.",
            id="tokenauth.E016",
        )


def _check_keys() -> Iterator[checks.CheckMessage]:
    if conf.OAUTH_SIGNING_KEYS:
        try:
            signing_keys.published()
        except ImproperlyConfigured as error:
            yield checks.Error(str(error), id="tokenauth.E017")


def _check_deployment() -> Iterator[checks.CheckMessage]:
    issuer = conf.OAUTH_ISSUER
    if issuer is None:
        yield checks.Warning(
            "TOKENAUTH['OAUTH_ISSUER'] is not set: JWTs are issued in the name of whatever address is asked, "
            "and are good at that one alone.",
            hint="Set it to the https URL of this server, without a slash at its end.",
            id="tokenauth.W007",
        )
    elif not issuer.startswith("https://"):
        yield checks.Warning(
            "TOKENAUTH['OAUTH_ISSUER'] is no https URL: tokens and passwords are sent in clear.",
            id="tokenauth.W008",
        )
    try:
        reverse("tokenauth_oauth:jwks")
    except NoReverseMatch:
        yield checks.Warning(
            "tokenauth.oauth is installed, and its URLs are not.",
            hint='Add path("", include("tokenauth.oauth.urls")) to the root URLconf.',
            id="tokenauth.W009",
        )


def _check_doors() -> Iterator[checks.CheckMessage]:
    from rest_framework.settings import api_settings

    from tokenauth.oauth.authentication import JWTAuthentication

    classes: list[Any] = list(api_settings.DEFAULT_AUTHENTICATION_CLASSES)
    if not any(isinstance(one, type) and issubclass(one, JWTAuthentication) for one in classes):
        yield checks.Warning(
            "JWTAuthentication is not among DEFAULT_AUTHENTICATION_CLASSES: JWTs are issued, and no view "
            "takes them that does not name it itself.",
            hint="Add 'tokenauth.oauth.authentication.JWTAuthentication' to REST_FRAMEWORK's.",
            id="tokenauth.W011",
        )
    if not _is_there(settings.LOGIN_URL):
        yield checks.Warning(
            f"LOGIN_URL ({settings.LOGIN_URL!r}) leads to no view: nobody can sign in to let an "
            "application in.",
            hint="Set it to the URL, or to the name, of the page at which people sign in.",
            id="tokenauth.W012",
        )


def _is_there(login_url: Any) -> bool:
    try:
        parts = urlsplit(resolve_url(login_url))
    except NoReverseMatch:
        return False
    path = f"/{parts.path.removeprefix(get_script_prefix())}"
    # On another host, it is not ours to say.
    return bool(parts.netloc or is_valid_path(path))


def _check_lifetimes() -> Iterator[checks.CheckMessage]:
    provider = getattr(settings, "OAUTH2_PROVIDER", None) or {}
    seconds = provider.get("AUTHORIZATION_CODE_EXPIRE_SECONDS", 0)
    if not isinstance(seconds, int) or seconds > LONGEST_LIFE_OF_A_CODE:
        yield checks.Warning(
            "OAUTH2_PROVIDER['AUTHORIZATION_CODE_EXPIRE_SECONDS'] is more than ten minutes: who finds a code "
            "has all that time to trade it in.",
            id="tokenauth.W013",
        )
    if provider and not provider.get("REFRESH_TOKEN_EXPIRE_SECONDS"):
        yield checks.Warning(
            "OAUTH2_PROVIDER['REFRESH_TOKEN_EXPIRE_SECONDS'] is not set: a refresh token that is not used "
            "does not lapse.",
            id="tokenauth.W014",
        )

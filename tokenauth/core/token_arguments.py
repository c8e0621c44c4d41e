"""What may be said of a token: each argument, made valid or refused with a reason."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, ParamSpec, TypeVar

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from tokenauth.conf import LONGEST_DURATION, LONGEST_OVERLAP, conf
from tokenauth.core import network
from tokenauth.core.credential import Environment, Kind, resembles
from tokenauth.core.organizations import organizations_of
from tokenauth.core.scopes import is_registered, is_well_formed, registry

P = ParamSpec("P")
T = TypeVar("T")

_TEXT_LENGTH = 255


class Arguments:
    """Collects what is wrong with each argument, to say it all at once."""

    def __init__(self) -> None:
        self._errors: dict[str, Any] = {}

    def take(self, name: str, valid: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Any:
        # What is returned for a wrong argument is never used: raise_errors() comes first.
        try:
            return valid(*args, **kwargs)
        except ValidationError as error:
            self._errors[name] = error
            return None

    def raise_errors(self) -> None:
        if self._errors:
            raise ValidationError(self._errors)


def valid_user(user: Any) -> Any:
    if not isinstance(user, get_user_model()) or user._state.adding:
        raise ValidationError(_("This is not a saved user."))
    return user


def valid_actor(actor: Any) -> Any:
    return None if actor is None else valid_user(actor)


def valid_owner(owner: Any, kind: str) -> Any:
    if kind != Kind.API_KEY:
        # Whoever rotated it would hold a person's token.
        raise ValidationError(_("Only an API key can be rotated to another owner."))
    return valid_user(owner)


def valid_name(name: object) -> str:
    text = name.strip() if isinstance(name, str) else ""
    if not 1 <= len(text) <= _TEXT_LENGTH:
        raise ValidationError(_("A name has 1 to 255 characters."))
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValidationError(_("A name has no control characters."))
    if resembles(text):
        raise ValidationError(_("This looks like a token, which is kept nowhere. Give it a name."))
    return text


def valid_reason(reason: object) -> str:
    if not isinstance(reason, str) or len(reason) > _TEXT_LENGTH or not is_storable(reason):
        raise ValidationError(_("A reason is a text of at most 255 characters."))
    return reason


def is_storable(text: str) -> bool:
    """Whether every database takes ``text``: without NUL, and without halves of characters."""
    return "\0" not in text and not any(unicodedata.category(character) == "Cs" for character in text)


def valid_scopes(names: object) -> list[str]:
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise ValidationError(_("Scopes are given as a list."))
    given: list[str] = []
    errors = []
    for name in names:
        if not is_well_formed(name):
            errors.append(_("%(scope)r is not a well-formed scope.") % {"scope": name})
        elif not is_registered(name):
            errors.append(
                _("“%(scope)s” is not a registered scope. Registered are: %(scopes)s.")
                % {"scope": name, "scopes": ", ".join(registry())}
            )
        elif name not in given:
            given.append(name)
    if errors:
        raise ValidationError(errors)
    return given


def valid_kind(kind: object) -> str:
    if kind not in Kind.values:
        raise ValidationError(_("A token is one of: %(kinds)s.") % {"kinds": ", ".join(Kind.values)})
    return Kind(kind).value


def valid_environment(environment: object, kind: object) -> str:
    if kind == Kind.API_KEY and environment not in Environment.values:
        raise ValidationError(
            _("An API key has one of the environments: %(environments)s.")
            % {"environments": ", ".join(Environment.values)}
        )
    if kind == Kind.PERSONAL and environment != "":
        raise ValidationError(_("Only API keys have an environment."))
    return str(environment)


def valid_organization(organization: object, user: Any) -> str:
    if not isinstance(organization, str) or (organization and organization not in organizations_of(user)):
        raise ValidationError(_("The user does not belong to this organization."))
    return organization


def networks_in(text: str) -> list[str]:
    """What somebody typed, by line or parted by commas, for :func:`valid_networks`."""
    return re.findall(r"[^\s,;]+", text)


def valid_networks(networks: object) -> list[str]:
    if isinstance(networks, str) or not isinstance(networks, Iterable):
        raise ValidationError(_("Networks are given as a list."))
    valid = []
    for text in networks:
        try:
            valid.append(str(network.parse_network(text)))
        except ValueError as error:
            raise ValidationError(_no_network(text)) from error
    return list(dict.fromkeys(valid))


def _no_network(text: object) -> str:
    if isinstance(text, str) and resembles(text):
        # Not repeated: it stands in the wrong field.
        return _("A token is no network.")
    meant = network.around(text)
    if meant is None:
        return _("%(network)r is not a network in CIDR notation.") % {"network": text}
    return _("%(network)r has host bits set; the network is %(meant)s.") % {"network": text, "meant": meant}


def valid_expiry(expires_at: object, now: datetime) -> datetime | None:
    if expires_at is None:
        lifetimes = [lifetime for lifetime in (conf.TOKEN_LIFETIME, conf.MAX_TOKEN_LIFETIME) if lifetime]
        return now + min(lifetimes) if lifetimes else None
    if not isinstance(expires_at, datetime) or timezone.is_aware(expires_at) != timezone.is_aware(now):
        raise ValidationError(_("The expiry is a datetime with a time zone."))
    if expires_at <= now:
        raise ValidationError(_("The expiry lies in the past."))
    latest = now + (conf.MAX_TOKEN_LIFETIME or LONGEST_DURATION)
    if expires_at > latest:
        spelled = latest.isoformat(sep=" ", timespec="minutes")
        raise ValidationError(_("The expiry may be %(latest)s at the latest.") % {"latest": spelled})
    return expires_at


def valid_overlap(overlap: object) -> timedelta:
    if overlap is None:
        return conf.ROTATION_OVERLAP
    if not isinstance(overlap, timedelta) or not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise ValidationError(_("An overlap is 0 to %(days)d days.") % {"days": LONGEST_OVERLAP.days})
    return overlap

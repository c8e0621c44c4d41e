"""The life of a token: issue, revoke."""

import unicodedata
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, ParamSpec, TypedDict, TypeVar

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from tokenauth import signals
from tokenauth.conf import LONGEST_DURATION, conf
from tokenauth.core import credential, digests, network
from tokenauth.core.credential import Environment, Kind
from tokenauth.core.organizations import organizations_of
from tokenauth.core.scopes import is_registered, is_well_formed, registry
from tokenauth.exceptions import CredentialError
from tokenauth.models import AccessToken

P = ParamSpec("P")
T = TypeVar("T")

_TEXT_LENGTH = 255


class TokenOptions(TypedDict, total=False):
    """What may be said of a token beside its name and scopes."""

    # An aware datetime in the future; without it, TOKEN_LIFETIME and MAX_TOKEN_LIFETIME decide.
    expires_at: datetime | None
    # "personal" (the default) or "api_key".
    kind: str
    # "live" or "test", for API keys.
    environment: str
    # One of the user's organizations, to which the token is narrowed.
    organization: str
    # Networks in CIDR notation, or single addresses, from which alone it may be used.
    allowed_networks: Iterable[str]
    # The user who makes it, where that is another than its owner.
    created_by: Any


def issue(
    user: Any,
    name: str,
    scopes: Iterable[str] | None = None,
    *,
    expires_at: datetime | None = None,
    kind: str = Kind.PERSONAL,
    environment: str = "",
    organization: str = "",
    allowed_networks: Iterable[str] = (),
    created_by: Any = None,
) -> AccessToken:
    """Make a token; the returned object alone knows its text, as ``raw_token``.

    :raises ValidationError: by argument, all that is wrong at once; nothing is written.
    """
    now = timezone.now()
    arguments = _Arguments()
    token = AccessToken(
        name=arguments.take("name", _valid_name, name),
        scopes=arguments.take("scopes", _valid_scopes, conf.DEFAULT_SCOPES if scopes is None else scopes),
        kind=arguments.take("kind", _valid_kind, kind),
        environment=arguments.take("environment", _valid_environment, environment, kind),
        allowed_networks=arguments.take("allowed_networks", _valid_networks, allowed_networks),
        expires_at=arguments.take("expires_at", _valid_expiry, expires_at, now),
        created_at=now,
        created_by=arguments.take("created_by", _valid_actor, created_by),
    )
    if arguments.take("user", _valid_user, user) is not None:
        token.user = user
        token.organization = arguments.take("organization", _valid_organization, organization, user)
    arguments.raise_errors()
    made = credential.make(Kind(token.kind), token.environment)
    token.secret, token.hint = digests.newest(made.text), made.hint
    token.save(force_insert=True)
    # A copy knows no raw text: a receiver cannot leak what it does not get.
    signals.token_created.send_robust(AccessToken, token=token.without_raw_token())
    token.raw_token = made.text
    return token


def revoke(tokens: QuerySet[AccessToken], *, reason: str = "", by: Any = None) -> int:
    """Revoke those of ``tokens`` that are not, in one statement; how many there were.

    :raises ValidationError: ``reason`` is longer than 255 characters, or ``by`` no saved user.
    """
    arguments = _Arguments()
    values = {
        "revoked_at": timezone.now(),
        "revoked_by": arguments.take("by", _valid_actor, by),
        "revoked_reason": arguments.take("reason", _valid_reason, reason),
    }
    arguments.raise_errors()
    tokens = tokens.using(router.db_for_write(AccessToken)).filter(revoked_at__isnull=True)
    if not signals.token_revoked.has_listeners(AccessToken):
        return tokens.update(**values)
    # Rows are loaded only where somebody wants to hear of each.
    with transaction.atomic(using=tokens.db):
        revoked = list(tokens.select_for_update())
        count = tokens.filter(pk__in=[token.pk for token in revoked]).update(**values)
    for token in revoked:
        for name, value in values.items():
            setattr(token, name, value)
        signals.token_revoked.send_robust(AccessToken, token=token, reason=reason, by=by)
    return count


def of_user(user: Any) -> QuerySet[AccessToken]:
    """Every token of ``user``; of one that is not saved, none."""
    return AccessToken.objects.filter(user_id=user.pk)


def of_user_by_secret(user: Any, secret: object) -> QuerySet[AccessToken]:
    """The token of ``user`` kept under the digest ``secret``; empty without a query for what is none."""
    return of_user(user).filter(secret=secret) if digests.is_digest(secret) else AccessToken.objects.none()


@sensitive_variables("raw")
def of_user_by_text(user: Any, raw: object) -> QuerySet[AccessToken]:
    """The token of ``user`` whose text is ``raw``, as a query set; empty without a query for junk."""
    try:
        parsed = credential.parse(raw)
    except CredentialError:
        return AccessToken.objects.none()
    return of_user(user).filter(secret__in=digests.candidates(parsed.text))


class _Arguments:
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


def _valid_user(user: Any) -> Any:
    if not isinstance(user, get_user_model()) or user._state.adding:
        raise ValidationError(_("This is not a saved user."))
    return user


def _valid_actor(actor: Any) -> Any:
    return None if actor is None else _valid_user(actor)


def _valid_name(name: object) -> str:
    text = name.strip() if isinstance(name, str) else ""
    if not 1 <= len(text) <= _TEXT_LENGTH:
        raise ValidationError(_("A name has 1 to 255 characters."))
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValidationError(_("A name has no control characters."))
    return text


def _valid_reason(reason: object) -> str:
    if not isinstance(reason, str) or len(reason) > _TEXT_LENGTH or "\0" in reason:
        raise ValidationError(_("A reason is a text of at most 255 characters."))
    return reason


def _valid_scopes(names: object) -> list[str]:
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


def _valid_kind(kind: object) -> str:
    if kind not in Kind.values:
        raise ValidationError(_("A token is one of: %(kinds)s.") % {"kinds": ", ".join(Kind.values)})
    return Kind(kind).value


def _valid_environment(environment: object, kind: object) -> str:
    if kind == Kind.API_KEY and environment not in Environment.values:
        raise ValidationError(
            _("An API key has one of the environments: %(environments)s.")
            % {"environments": ", ".join(Environment.values)}
        )
    if kind == Kind.PERSONAL and environment != "":
        raise ValidationError(_("Only API keys have an environment."))
    return str(environment)


def _valid_organization(organization: object, user: Any) -> str:
    if not isinstance(organization, str) or (organization and organization not in organizations_of(user)):
        raise ValidationError(_("The user does not belong to this organization."))
    return organization


def _valid_networks(networks: object) -> list[str]:
    if isinstance(networks, str) or not isinstance(networks, Iterable):
        raise ValidationError(_("Networks are given as a list."))
    valid = []
    for text in networks:
        try:
            valid.append(str(network.parse_network(text)))
        except ValueError as error:
            message = _("%(network)r is not a network in CIDR notation without host bits.")
            raise ValidationError(message % {"network": text}) from error
    return list(dict.fromkeys(valid))


def _valid_expiry(expires_at: object, now: datetime) -> datetime | None:
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

"""What a token may make or rotate: nothing that is wider than itself."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from tokenauth.core import network, organizations, scopes
from tokenauth.core.status import Status, status_of
from tokenauth.exceptions import DelegationError
from tokenauth.models import AccessToken


def check(token: AccessToken, asking: object) -> None:
    """Whether ``asking`` (``request.auth``) may make or rotate ``token``; None is a person, who may.

    :raises DelegationError: ``token`` is wider, in scopes, kind, environment, organization, networks or
        expiry; or ``asking`` is a credential of another kind, of which none of this is known.
    """
    if asking is None:
        return
    if not isinstance(asking, AccessToken):
        raise DelegationError(("credential",))
    lacking = tuple(scope for scope in token.scopes if not scopes.grants(asking.scopes, scope))
    wider = {
        "scopes": bool(lacking),
        "kind": token.kind != asking.kind,
        "environment": token.environment != asking.environment,
        "organization": asking.organization not in ("", token.organization),
        "allowed_networks": not network.is_within(token.allowed_networks, asking.allowed_networks),
        "expires_at": earliest(token.expires_at, asking) != token.expires_at,
    }
    if any(wider.values()):
        raise DelegationError(tuple(name for name, is_wider in wider.items() if is_wider), lacking)


def as_it_is(asking: object, using: str) -> object:
    """``asking`` as it is by now, held till the commit: whoever ends it meanwhile ends what it makes.

    :raises DelegationError: it has ended.
    """
    if not isinstance(asking, AccessToken):
        return asking
    row = AccessToken.objects.using(using).select_for_update().filter(pk=asking.pk).first()
    if row is None or status_of(row) is not Status.ACTIVE:
        raise DelegationError(("credential",))
    return row


def earliest(expires_at: datetime | None, asking: object) -> datetime | None:
    """``expires_at``, and the expiry of ``asking`` where that comes before it."""
    limit: datetime | None = getattr(asking, "expires_at", None)
    if limit is None or expires_at is None:
        return expires_at or limit
    return min(expires_at, limit)


def inherited(asking: object) -> dict[str, Any]:
    """What a token that ``asking`` makes is given where nothing else is said."""
    if not isinstance(asking, AccessToken):
        return {}
    return {
        name: getattr(asking, name) for name in ("kind", "environment", "organization", "allowed_networks")
    }


def reach(tokens: QuerySet[AccessToken], user: Any, asking: object) -> QuerySet[AccessToken]:
    """Those of the ``tokens`` of ``user`` that ``asking`` may see and end.

    One that is narrowed to an organization reaches those of that organization, and no others; a key of an
    environment, those of that environment.
    """
    if environment := getattr(asking, "environment", ""):
        tokens = tokens.filter(environment=environment)
    if getattr(asking, "organization", ""):
        tokens = organizations.rows_open_to(tokens, user, asking)
    return tokens

"""The life of a token: issue, revoke, prune. :mod:`tokenauth.core.rotation` has the rest of it."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from django.db import connections, router, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from tokenauth import signals
from tokenauth.conf import conf
from tokenauth.core import (
    batches,
    credential,
    delegation,
    digests,
    notices,
    status,
    token_arguments,
    token_limit,
)
from tokenauth.core.credential import Kind
from tokenauth.core.token_arguments import Arguments
from tokenauth.exceptions import AlreadyIssued, CredentialError
from tokenauth.models import AccessToken

# How many tokens are revoked at a time, where they are found by their keys.
LOT = 1000


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
    # The user who makes it; None where that is a program. The mixin's methods say the user themselves.
    created_by: Any
    # The token that asks for it (request.auth), than which nothing wider is made; None: a person asks.
    asking: object


@sensitive_variables("text")
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
    asking: object = None,
    family: UUID | None = None,
) -> AccessToken:
    """Make a token; the returned object alone knows its text, as ``raw_token``.

    ``family`` is of a form, by :mod:`tokenauth.core.idempotency`: it makes one token, and no other.

    :raises AlreadyIssued: the form of ``family`` has made a token.
    :raises DelegationError: it would be wider than ``asking``.
    :raises ValidationError: by argument, all that is wrong at once; nothing is written.
    """
    now = timezone.now()
    arguments = Arguments()
    token = AccessToken(
        name=arguments.take("name", token_arguments.valid_name, name),
        scopes=arguments.take(
            "scopes", token_arguments.valid_scopes, conf.DEFAULT_SCOPES if scopes is None else scopes
        ),
        kind=arguments.take("kind", token_arguments.valid_kind, kind),
        environment=arguments.take("environment", token_arguments.valid_environment, environment, kind),
        allowed_networks=arguments.take("allowed_networks", token_arguments.valid_networks, allowed_networks),
        expires_at=arguments.take("expires_at", token_arguments.valid_expiry, expires_at, now),
        created_at=now,
        created_by=arguments.take("created_by", token_arguments.valid_actor, created_by),
    )
    if arguments.take("user", token_arguments.valid_user, user) is not None:
        token.user = user
        token.organization = arguments.take(
            "organization", token_arguments.valid_organization, organization, user
        )
    arguments.raise_errors()
    if expires_at is None:
        token.expires_at = delegation.earliest(token.expires_at, asking)
    delegation.check(token, asking)
    if family is not None:
        token.family = family
    using = router.db_for_write(AccessToken)
    text = insert_within_limit(token, using, is_once=family is not None, asking=asking)
    tell_made(token, created_by)
    token.raw_token = text
    return token


def insert(token: AccessToken, using: str) -> str:
    """Save ``token``, which is new and valid, under the digest of a random text; that text."""
    made = credential.make(Kind(token.kind), token.environment)
    token.secret, token.hint = digests.newest(made.text), made.hint
    token.save(force_insert=True, using=using)
    return made.text


@sensitive_variables("text")
def insert_within_limit(
    token: AccessToken, using: str, *, is_once: bool = False, asking: object = None
) -> str:
    """Save ``token`` as :func:`insert` does, where ``MAX_TOKENS_PER_USER`` allows, or the oldest make room.

    :raises AlreadyIssued: ``is_once``, and its family has a token.
    :raises DelegationError: ``asking`` has ended meanwhile, or been narrowed.
    :raises ValidationError: the user has as many tokens as that.
    """
    limit = conf.MAX_TOKENS_PER_USER
    if limit is None and not is_once and asking is None:
        return insert(token, using)
    with transaction.atomic(using=using):
        # Users before tokens, whatever is locked below.
        token_limit.take_turn([token.user_id, token.created_by_id], using, always=True)
        # Before it is counted: on SQLite, which locks no row, the first to write is the one whose turn it is.
        text = insert(token, using)
        if is_once:
            _refuse_second(token, using)
        delegation.check(token, delegation.as_it_is(asking, using))
        if limit is not None:
            surplus = token_limit.surplus(token.user_id, using, limit)
            revoke(surplus, reason=token_limit.REASON, by=token.created_by)
    return text


def _refuse_second(token: AccessToken, using: str) -> None:
    family = AccessToken.objects.using(using).filter(family=token.family).exclude(pk=token.pk)
    # Locked, and so read as it is by now, whatever this transaction has seen before.
    if first := family.select_for_update().order_by("pk").first():
        raise AlreadyIssued(first)


def tell_made(token: AccessToken, by: Any) -> None:
    """Tell the receivers, and the owner where it was not the owner's act, of a token made by ``by``."""
    if signals.token_created.has_listeners(AccessToken):
        # A copy knows no raw text: a receiver cannot leak what it does not get.
        signals.token_created.send_robust(AccessToken, token=token.without_raw_token())
    notices.made(token, by)


def revoke(tokens: QuerySet[AccessToken], *, reason: str = "", by: Any = None, is_leak: bool = False) -> int:
    """Revoke those of ``tokens`` that are not, by one statement for all of them; how many there were.

    On MariaDB they are locked by their keys, a thousand at a time, and what is revoked by then stays so where
    the rest fails. Of a leak, the owners are told whether ``NOTIFY_OWNER`` says so or not.

    :raises ValidationError: ``reason`` is longer than 255 characters, or ``by`` no saved user.
    """
    arguments = Arguments()
    values = {
        "revoked_at": timezone.now(),
        "revoked_by": arguments.take("by", token_arguments.valid_actor, by),
        "revoked_reason": arguments.take("reason", token_arguments.valid_reason, reason),
    }
    arguments.raise_errors()
    if tokens.query.is_empty():
        # Of what is no token's text, nobody's turn is waited for.
        return 0
    tokens = tokens.using(router.db_for_write(AccessToken)).filter(revoked_at__isnull=True).order_by()
    count = revoked = _revoke(tokens, values, is_leak=is_leak)
    # On PostgreSQL, a statement that waited for a rotation does not see the successor that was made
    # meanwhile, nor does one by keys that were read before: of a family, or of a person, none may be left.
    while revoked and (connections[tokens.db].vendor == "postgresql" or _locks_on_its_way(tokens.db)):
        revoked = _revoke(tokens, values, is_leak=is_leak)
        count += revoked
    return count


def _revoke(tokens: QuerySet[AccessToken], values: Mapping[str, Any], *, is_leak: bool) -> int:
    by, reason = values["revoked_by"], values["revoked_reason"]
    # Rows are loaded only where somebody wants to hear of each.
    is_heard = is_leak or conf.NOTIFY_OWNER or signals.token_revoked.has_listeners(AccessToken)
    takes_turn = by is not None and token_limit.takes_turns(tokens.db)
    by_keys = _locks_on_its_way(tokens.db)
    if not is_heard and not takes_turn and not by_keys:
        return tokens.update(**values)
    revoked: list[AccessToken] = []
    with transaction.atomic(using=tokens.db):
        if takes_turn:
            token_limit.take_turn([by.pk], tokens.db)
        if by_keys:
            tokens = _locked(tokens)
        if is_heard:
            if not connections[tokens.db].features.has_select_for_update:
                # SQLite, which locks no row: now that this has written, nobody else does.
                tokens.update(revoked_reason=F("revoked_reason"))
            # In one order, whoever asks: of two that load the same rows, neither waits for the other.
            revoked = list(tokens.order_by("pk").select_for_update())
            tokens = tokens.filter(pk__in=[token.pk for token in revoked])
        count = tokens.update(**values)
    if is_leak:
        notices.leaked(revoked)
    else:
        notices.revoked(revoked, by, reason)
    for token in revoked:
        for name, value in values.items():
            setattr(token, name, value)
        signals.token_revoked.send_robust(AccessToken, token=token, reason=reason, by=by)
    return count


def _locks_on_its_way(using: str) -> bool:
    """Whether a statement locks each row that it looks at, and not those alone that it is about: MariaDB.

    By an index of what is not revoked, it looks at everybody's, and two that do so wait for each other. At
    another level than Django's own, rows must be locked as they are found, in whichever way.
    """
    connection = connections[using]
    if connection.vendor != "mysql":
        return False
    # Before, its level is not known.
    connection.ensure_connection()
    return bool(getattr(connection, "isolation_level", None) == "read committed")


def _locked(tokens: QuerySet[AccessToken]) -> QuerySet[AccessToken]:
    """``tokens``, of which none is revoked, or the first lot of them, locked and found by their keys."""
    of_all = AccessToken.objects.using(tokens.db)
    standing: list[Any] = []
    while not standing and (keys := list(tokens.order_by("pk").values_list("pk", flat=True)[:LOT])):
        rows = of_all.filter(pk__in=keys).order_by("pk").select_for_update()
        locked = list(rows.values_list("pk", flat=True))
        # While this waited, some may have been revoked by somebody else, or used that were unused.
        standing = list(tokens.filter(pk__in=locked).values_list("pk", flat=True))
    return of_all.filter(pk__in=standing)


def prunable(before: datetime) -> list[tuple[QuerySet[AccessToken], str]]:
    """The tokens that ended before, by each way of ending, and the indexed column to find them by.

    A revoked token ended when it was revoked, whatever else befell it: it is kept for the audit since then.
    """
    tokens = AccessToken.objects.using(router.db_for_write(AccessToken))
    ended = [(tokens.filter(revoked_at__lte=before), "revoked_at")]
    standing = tokens.filter(revoked_at__isnull=True)
    ended.append((standing.filter(expires_at__lte=before), "expires_at"))
    if lifetime := conf.UNUSED_TOKEN_LIFETIME:
        # What was not used since was not made since. An index of the last use would cost each use a write.
        unused = status.is_unused(before, lifetime) & Q(created_at__lt=before - lifetime)
        unexpired = Q(expires_at__isnull=True) | Q(expires_at__gt=before)
        ended.append((standing.filter(unused, unexpired), "created_at"))
    return ended


def prune(before: datetime, batch: int) -> Iterator[int]:
    """Delete the tokens that ended before, ``batch`` rows at a time; how many, each time."""
    for tokens, by in prunable(before):
        yield from batches.delete(tokens, by, batch)


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

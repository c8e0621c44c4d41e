"""Rotation: a successor with the same rights, while the old token lives on for a while."""

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import router, transaction
from django.utils import timezone
from django.utils.http import http_date
from django.views.decorators.debug import sensitive_variables

from tokenauth import signals
from tokenauth.conf import conf
from tokenauth.core import delegation, lifecycle, token_arguments, token_limit
from tokenauth.core.status import Status, has_status, status_of
from tokenauth.core.token_arguments import Arguments
from tokenauth.exceptions import RotationConflict
from tokenauth.models import AccessToken

# What a successor takes over.
RIGHTS = ("name", "kind", "environment", "scopes", "organization", "allowed_networks", "family")


@sensitive_variables("text")
def rotate(
    token: AccessToken,
    overlap: timedelta | None = None,
    *,
    owner: Any = None,
    by: Any = None,
    asking: object = None,
) -> AccessToken:
    """Make the successor of ``token``; the returned object alone knows its text, as ``raw_token``.

    ``token`` lives on until the earlier of its expiry and ``overlap`` from now (``ROTATION_OVERLAP``, where
    not given). The successor lives as long as ``token`` was to live, from now, and no longer than
    ``MAX_TOKEN_LIFETIME``. ``asking``: the token that asks for it, beyond whose own expiry it does not live.

    :raises DelegationError: ``token`` is wider than ``asking``.
    :raises RotationConflict: ``token`` has ended, or was rotated before; not where that successor was
        revoked and never used, or deleted.
    :raises ValidationError: by argument, all that is wrong at once; or the owner has as many tokens as
        ``MAX_TOKENS_PER_USER`` allows. Nothing is written in either case.
    """
    arguments = Arguments()
    length: timedelta = arguments.take("overlap", token_arguments.valid_overlap, overlap)
    by = arguments.take("by", token_arguments.valid_actor, by)
    current = _owner_of(token)
    if owner is None or owner == current:
        owner = current
    elif arguments.take("owner", token_arguments.valid_owner, owner, token.kind) is not None:
        arguments.take("organization", token_arguments.valid_organization, token.organization, owner)
    arguments.raise_errors()
    if owner is None:
        raise RotationConflict(Status.REVOKED.value)
    using = router.db_for_write(AccessToken, instance=token)
    with transaction.atomic(using=using):
        token_limit.take_turn([token.user_id, owner.pk, None if by is None else by.pk], using)
        now = timezone.now()
        old, previous = _claim(token, now, using)
        # Of one that rotates itself, it is as it is.
        asking = old if asking == old else delegation.as_it_is(asking, using)
        delegation.check(old, asking)
        expires_at = delegation.earliest(_expiry(previous or old, now), asking)
        if previous is not None:
            AccessToken.objects.using(using).filter(pk=previous.pk).update(rotated_from=None)
        end = now + length if old.expires_at is None else min(old.expires_at, now + length)
        AccessToken.objects.using(using).filter(pk=old.pk).update(expires_at=end)
        successor = AccessToken(
            user=owner,
            rotated_from=old,
            created_at=now,
            created_by=by,
            expires_at=expires_at,
            **{name: getattr(old, name) for name in RIGHTS},
        )
        insert = lifecycle.insert_within_limit if _is_one_more(successor, old) else lifecycle.insert
        text = insert(successor, using)
    token.rotated_at, token.expires_at = now, end
    lifecycle.tell_made(successor, by)
    # Copies know no raw text: a receiver cannot leak what it does not get.
    made, replaced = successor.without_raw_token(), token.without_raw_token()
    signals.token_rotated.send_robust(AccessToken, token=made, rotated_from=replaced, by=by)
    successor.raw_token = text
    return successor


def conflict(
    token: AccessToken, successor: AccessToken | None, now: datetime | None = None
) -> RotationConflict | None:
    """Why ``token``, which was rotated into ``successor`` or never, may not be rotated; None where it may."""
    status = status_of(token, now)
    if status is not Status.ACTIVE:
        return RotationConflict(status.value)
    # One that was deleted, and is None, is in nobody's use; nor is one that was revoked and never used.
    if successor is not None and (successor.revoked_at is None or successor.last_used_at is not None):
        return RotationConflict("rotated")
    return None


def deprecation_headers(token: AccessToken) -> dict[str, str]:
    """What an answer to a token that was rotated says: since when (RFC 9745), until when (RFC 8594)."""
    if token.rotated_at is None or token.expires_at is None:
        return {}
    return {
        "Deprecation": f"@{int(token.rotated_at.timestamp())}",
        "Sunset": http_date(token.expires_at.timestamp()),
    }


def _owner_of(token: AccessToken) -> Any:
    """The user of ``token``; None where they were deleted since it was read, and it with them."""
    try:
        return token.user
    except ObjectDoesNotExist:
        return None


def _claim(token: AccessToken, now: datetime, using: str) -> tuple[AccessToken, AccessToken | None]:
    """``token`` as it is by now, for this transaction alone to rotate; and its revoked successor.

    :raises RotationConflict: it may not be rotated.
    """
    rows = AccessToken.objects.using(using).filter(pk=token.pk)
    # Written before anything is read: on every database, one rotation waits here for the other.
    is_first = rows.filter(rotated_at__isnull=True).update(rotated_at=now) == 1
    if not is_first:
        rows.update(rotated_at=now)
    old = rows.first()
    if old is None:
        # Deleted meanwhile: it is as if it had been revoked.
        raise RotationConflict(Status.REVOKED.value)
    successors = AccessToken.objects.using(using).select_for_update().filter(rotated_from=old)
    previous = None if is_first else successors.first()
    found = conflict(old, previous, now)
    if found is not None:
        raise found
    return old, previous


def _is_one_more(successor: AccessToken, old: AccessToken) -> bool:
    """Whether the owner has one token more by it, as ``MAX_TOKENS_PER_USER`` counts: the two are one."""
    if successor.user_id != old.user_id:
        return True
    family = AccessToken.objects.using(old._state.db).filter(family=old.family, user_id=old.user_id)
    return family.filter(has_status(Status.ACTIVE)).exclude(pk=old.pk).exists()


def _expiry(model: AccessToken, now: datetime) -> datetime | None:
    lifetimes = []
    if model.expires_at is not None:
        whole = model.expires_at - model.created_at
        # One that was made by a clock that was ahead may end before it was made: what is left of it, then.
        lifetimes.append(whole if whole > timedelta(0) else model.expires_at - now)
    lifetimes += [conf.MAX_TOKEN_LIFETIME] if conf.MAX_TOKEN_LIFETIME else []
    return now + min(lifetimes) if lifetimes else None

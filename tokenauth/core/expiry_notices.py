"""Telling owners of tokens that expire soon: one mail a person, and each threshold once a token."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.auth import get_user_model
from django.db import router, transaction
from django.db.models import Q, QuerySet

from tokenauth.core import mail, status
from tokenauth.models import AccessToken

# Days before the expiry, the longest last. An owner is told at each, and of a token that is
# made later than that, at the next.
THRESHOLDS = (1, 7, 30)

# How many tokens are looked at in one go.
BATCH = 500


def due(now: datetime) -> Iterator[tuple[Any, list[AccessToken]]]:
    """Each active owner who is to be told at ``now``, with the tokens to tell of, the first to expire first.

    They need have no mail address. More may be told of, and tokens be marked, while this is being read.
    """
    tokens = _due(now).order_by("expires_at", "pk")
    remaining = tokens
    while batch := list(remaining.values_list("expires_at", "pk", "user_id")[:BATCH]):
        of_owner = defaultdict(list)
        for token in tokens.filter(user__in={user for _, _, user in batch}):
            of_owner[token.user_id].append(token)
        owners = get_user_model()._base_manager.using(tokens.db).in_bulk(of_owner)
        here = {key for _, key, _ in batch}
        for owner in owners.values():
            theirs = of_owner[owner.pk]
            # Their turn is at the first of their tokens: who cannot be told is met again at the others.
            if theirs[0].pk in here and owner.is_active:
                yield owner, theirs
        last, key, _ = batch[-1]
        # The first condition is for the index, which the second would not be found by.
        remaining = tokens.filter(Q(expires_at__gte=last), Q(expires_at__gt=last) | Q(pk__gt=key))


def tell(owner: Any, tokens: list[AccessToken], now: datetime) -> int:
    """Mail ``owner`` of those of ``tokens`` that nobody else has told of meanwhile; how many there were.

    :raises mail.MailError: it could not be sent, and they are due as before.
    """
    # Marked first, and that committed, so that of two runs one tells; not in a transaction about the
    # sending, in which every request with one of the tokens would wait for the mail server. Only a
    # process that is killed in between leaves one untold, until the next threshold.
    with transaction.atomic(using=router.db_for_write(AccessToken)):
        claimed = [token for token in tokens if _claim(token, now)]
    if not claimed:
        return 0
    is_sent = False
    try:
        mail.send("tokens_expire", owner, {"tokens": claimed})
        is_sent = True
    finally:
        if not is_sent:
            _give_back(claimed, now)
    return len(claimed)


def _due(now: datetime) -> QuerySet[AccessToken]:
    untold = reduce(
        or_,
        (Q(expires_at__lte=now + timedelta(days=days), expiry_notice__gt=days) for days in THRESHOLDS),
        Q(expiry_notice__isnull=True),
    )
    # What was rotated is replaced already; unless its successor was revoked, which ends nothing else.
    unreplaced = Q(rotated_to__isnull=True) | Q(rotated_to__revoked_at__isnull=False)
    return AccessToken.objects.using(router.db_for_write(AccessToken)).filter(
        untold,
        unreplaced,
        status.has_status(status.Status.ACTIVE, now),
        expires_at__gt=now,
        expires_at__lte=now + timedelta(days=max(THRESHOLDS)),
    )


def _threshold(token: AccessToken, now: datetime) -> int:
    # Of a token that is due, which has an expiry, within the longest of them.
    left: timedelta = token.expires_at - now  # type: ignore[operator]
    return min(days for days in THRESHOLDS if left <= timedelta(days=days))


def _claim(token: AccessToken, now: datetime) -> bool:
    threshold = _threshold(token, now)
    untold = Q(expiry_notice__isnull=True) | Q(expiry_notice__gt=threshold)
    row = _row(token).filter(untold, revoked_at__isnull=True)
    return row.update(expiry_notice=threshold) == 1


def _give_back(tokens: list[AccessToken], now: datetime) -> None:
    for token in tokens:
        _row(token).filter(expiry_notice=_threshold(token, now)).update(expiry_notice=token.expiry_notice)


def _row(token: AccessToken) -> QuerySet[AccessToken]:
    return AccessToken.objects.using(router.db_for_write(AccessToken)).filter(pk=token.pk)

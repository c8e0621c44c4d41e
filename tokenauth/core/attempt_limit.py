"""A flood of refused attempts fills no table: rows a minute an address, the rest counted into one."""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from tokenauth.core.savepoint import around_statement
from tokenauth.models import TokenLogin

ROWS_A_MINUTE = 60
# Enough addresses to remember for a minute; beyond it, counting starts anew.
_ADDRESSES = 10_000


@dataclass(slots=True)
class _Share:
    """What this process has seen of one address in one minute."""

    seen: int = 0
    # The known credentials that were refused.
    known: set[Any] = field(default_factory=set)
    # Rows that threads of this process are writing just now, and the table does not show yet.
    writing: int = 0
    # The row into which the rest is counted, by one thread after the other.
    repeated_pk: Any = None
    counting: threading.Lock = field(default_factory=threading.Lock)


_lock = threading.Lock()
_shares: dict[tuple[str | None, datetime], _Share] = {}


def save(row: TokenLogin, using: str) -> None:
    """Insert ``row``; or, where its address has had its share of this minute, count it into one row.

    Each process keeps the shares that it has seen itself, so that an ordinary refusal costs one
    INSERT and nothing else: of several processes, each has its own sixty.
    """
    if row.success:
        _insert(row, using)
        return
    minute = row.date.replace(second=0, microsecond=0)
    with _lock:
        share = _share_of(row.ip_address, minute)
        share.seen += 1
        # The first of each known one has its row, whatever came before: junk hides no use of what was stolen.
        # What is no token of the core, a device's for example, is known by whose it is and by its hint.
        credential = row.token_id, row.user_id, row.hint
        is_known = row.token_id is not None or row.user_id is not None
        is_first = is_known and credential not in share.known
        if is_known:
            share.known.add(credential)
        within = share.seen <= ROWS_A_MINUTE or is_first
        share.writing += within
    if within:
        try:
            _insert(row, using)
        finally:
            with _lock:
                share.writing -= 1
        return
    # Each is committed before the next: two at once would make two rows. A flood waits for itself alone.
    with share.counting:
        if not _is_counted(share, using):
            with transaction.atomic(using=using):
                _begin_counting(row, share, minute, using)


def _insert(row: TokenLogin, using: str) -> None:
    with around_statement(using):
        row.save(using=using)


def _is_counted(share: _Share, using: str) -> bool:
    """Count one more into the row that there is; False where there is none."""
    if share.repeated_pk is None:
        return False
    row = TokenLogin.objects.using(using).filter(pk=share.repeated_pk)
    with around_statement(using):
        return row.update(count=F("count") + 1) > 0


def _begin_counting(row: TokenLogin, share: _Share, minute: datetime, using: str) -> None:
    rows = TokenLogin.objects.using(using).filter(ip_address=row.ip_address, date__gte=minute, success=False)
    # In this order: a row that is committed in between is counted twice, and not missed.
    writing = share.writing
    written = writing + rows.count()
    if written < ROWS_A_MINUTE:
        # Some of what was counted is not there: pruned, or rolled back.
        with _lock:
            share.seen = written + 1
        row.save(using=using)
        return
    repeated = TokenLogin(
        id_type=row.id_type,
        ip_address=row.ip_address,
        date=row.date,
        success=False,
        reason=TokenLogin.REPEATED,
    )
    repeated.save(using=using)
    share.repeated_pk = repeated.pk


def _share_of(address: str | None, minute: datetime) -> _Share:
    key = address, minute
    if key not in _shares:
        # The minute before is still written to by requests that took long.
        for old in [old for old in _shares if old[1] < minute - timedelta(minutes=1)]:
            del _shares[old]
        if len(_shares) >= _ADDRESSES:
            _shares.clear()
        _shares[key] = _Share()
    return _shares[key]

"""A flood of refused attempts fills no table: rows a minute an address, the rest counted into one."""

import threading
from datetime import datetime

from django.db.models import F

from tokenauth.models import TokenLogin

ROWS_A_MINUTE = 60
# Enough addresses to remember for one minute; beyond it, counting starts anew.
_ADDRESSES = 10_000

_lock = threading.Lock()
_minute: datetime | None = None
_seen: dict[str | None, int] = {}


def save(row: TokenLogin, using: str) -> None:
    """Insert ``row``; or, where its address has had its share of this minute, count it into one row.

    A process asks the table only after it has itself seen the share, so that an ordinary
    refusal costs one INSERT and no SELECT.
    """
    if row.success or _count(row.ip_address, row.date) <= ROWS_A_MINUTE:
        row.save(using=using)
        return
    since = _start_of_minute(row.date)
    same = TokenLogin.objects.using(using).filter(ip_address=row.ip_address, date__gte=since, success=False)
    if same.filter(reason=TokenLogin.REPEATED).update(count=F("count") + 1):
        return
    written = same.count()
    if written < ROWS_A_MINUTE:
        # The rows that were counted are not there: pruned, or rolled back.
        _set(row.ip_address, written + 1)
        row.save(using=using)
        return
    TokenLogin(
        id_type=row.id_type,
        ip_address=row.ip_address,
        date=row.date,
        success=False,
        reason=TokenLogin.REPEATED,
    ).save(using=using)


def _count(address: str | None, date: datetime) -> int:
    global _minute  # noqa: PLW0603 - a counter of the process, guarded by its lock
    minute = _start_of_minute(date)
    with _lock:
        if minute != _minute or len(_seen) >= _ADDRESSES:
            _minute = minute
            _seen.clear()
        _seen[address] = _seen.get(address, 0) + 1
        return _seen[address]


def _set(address: str | None, count: int) -> None:
    with _lock:
        _seen[address] = count


def _start_of_minute(date: datetime) -> datetime:
    return date.replace(second=0, microsecond=0)

"""``FAILURE_LIMIT``: how many unknown credentials a client may present.

Only ``unknown`` is counted. Junk costs nothing to refuse, and what is told of a known token was told to
someone who had its secret: a client whose token has expired is no flood.
"""

from datetime import datetime

from tokenauth.conf import conf
from tokenauth.core.rate_limit import RateLimit
from tokenauth.exceptions import CredentialError, Reason


def check(client: str | None, now: datetime) -> None:
    """Nothing is looked up for a ``client`` who has failed too often; None is nobody in particular.

    :raises CredentialError: ``throttled``, with ``retry_after``.
    """
    limit = _limit()
    if limit is None or client is None:
        return
    seconds = limit.wait(client, now)
    if seconds is not None:
        raise CredentialError(Reason.THROTTLED, retry_after=seconds)


def count(client: str | None, now: datetime) -> None:
    """Count a failure of ``client``."""
    limit = _limit()
    if limit is not None and client is not None:
        limit.count(client, now)


def _limit() -> RateLimit | None:
    rate = conf.FAILURE_LIMIT
    return None if rate is None else RateLimit("FAILURE_LIMIT", rate)

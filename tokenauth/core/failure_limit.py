"""``FAILURE_LIMIT``: how many unknown credentials a client may present.

Only ``unknown`` is counted. Junk costs nothing to refuse, and what is told of a known token was told to
someone who had its secret: a client whose token has expired is no flood.
"""

from datetime import datetime

from tokenauth.conf import conf
from tokenauth.core import rate_limit
from tokenauth.core.rate_limit import RateLimit
from tokenauth.exceptions import CredentialError, Reason


def check(address: str | None, now: datetime) -> None:
    """Nothing is looked up for a client who has failed too often; None is a client like any other.

    :raises CredentialError: ``throttled``, with ``retry_after``.
    """
    limit = _limit()
    seconds = None if limit is None else limit.wait(rate_limit.client(address), now)
    if seconds is not None:
        raise CredentialError(Reason.THROTTLED, retry_after=seconds)


def count(address: str | None, now: datetime) -> None:
    """Count a failure of the client at ``address``."""
    limit = _limit()
    if limit is not None:
        limit.count(rate_limit.client(address), now)


def _limit() -> RateLimit | None:
    rate = conf.FAILURE_LIMIT
    # It saves the database work, and keeps nobody from guessing 178 bits: without its cache, all whose
    # credentials are good would be refused for those whose are not.
    return None if rate is None else RateLimit("FAILURE_LIMIT", rate, is_required=False)

"""How often something may happen to a key: fixed windows, counted in Django's default cache.

The count is as exact and as shared as that cache. Redis and Memcached count for all processes, and
atomically; the default, in local memory, counts for each process by itself.
"""

import logging
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv6Address, IPv6Network

from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.utils.crypto import salted_hmac

from tokenauth.core import network

logger = logging.getLogger("tokenauth")

# Of the unit, REST framework looks at the first letter alone: projects have "100/hours".
_RATE = re.compile(r"([1-9][0-9]{0,8})/([smhd])[a-z]*")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

# An IPv6 client has a /64 to itself, and each of its 2**64 addresses for the asking (RFC 6177, RFC 8981).
_IPV6_PREFIX_LENGTH = 64
_UNKNOWN_CLIENT = "unknown"


@dataclass(frozen=True, slots=True)
class Rate:
    """``limit`` times in each window of ``seconds``; windows begin at multiples of it since the epoch."""

    limit: int
    seconds: int


def parse(text: object) -> Rate:
    """The rate that a text in REST framework's form names: ``"60/min"``, or by a word in s, h or d.

    :raises ValueError: it is none.
    """
    found = _RATE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"{text!r} is not a rate")
    limit, unit = found.groups()
    return Rate(int(limit), _SECONDS[unit])


def client(address: str | None) -> str:
    """The key of a client's address: of IPv6 its /64; one for all whose address is not known."""
    parsed = network.parse_address(address)
    if parsed is None:
        return _UNKNOWN_CLIENT
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, _IPV6_PREFIX_LENGTH), strict=False))
    return str(parsed)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The limit ``name``: each key has a count of its own.

    While the cache is down, what ``is_required`` raises whatever the cache's client raises: nobody guesses
    passwords meanwhile. Any other limits nothing, and the logger ``tokenauth`` is told.

    :raises ImproperlyConfigured: ``rate`` is none.
    """

    name: str
    rate: str
    is_required: bool = True

    def wait(self, key: str, now: datetime) -> int | None:
        """Whether ``key`` has had its share: the seconds until it has a new one, or None. Counts nothing."""
        rate = self._parsed()
        count = self._asked(lambda: cache.get(self._cache_key(key, rate, now), 0))
        return _seconds_left(rate, now) if count is not None and count >= rate.limit else None

    def count(self, key: str, now: datetime) -> int | None:
        """Count one more; the seconds until there is a new share, where this one goes beyond, or None."""
        rate = self._parsed()
        count = self._asked(lambda: self._one_more(self._cache_key(key, rate, now), rate))
        return _seconds_left(rate, now) if count is not None and count > rate.limit else None

    def _one_more(self, cache_key: str, rate: Rate) -> int:
        # Longer than the window: a cache's clock is not this one's.
        timeout = 2 * rate.seconds
        cache.add(cache_key, 0, timeout)
        try:
            count = cache.incr(cache_key)
            # In a database or in files, counting gives the key the cache's own timeout, of five minutes.
            cache.touch(cache_key, timeout)
        except ValueError:
            # Evicted between the two.
            cache.add(cache_key, 1, timeout)
            count = 1
        return count

    def _asked(self, ask: Callable[[], int]) -> int | None:
        """What the cache says; None where it cannot be asked, and need not be."""
        try:
            return ask()
        # Each client raises what it likes.
        except Exception:
            if self.is_required:
                raise
            logger.exception("%s limits nothing: the cache failed.", self.name)
            return None

    def _parsed(self) -> Rate:
        try:
            return parse(self.rate)
        except ValueError as error:
            raise ImproperlyConfigured(f"{error} of {self.name}; write it as 60/min.") from error

    def _cache_key(self, key: str, rate: Rate, now: datetime) -> str:
        # A cache is read by others, and some take no key with a space: what was sent is not in it.
        digest = salted_hmac(f"tokenauth.rate_limit.{self.name}", key, algorithm="sha256").hexdigest()
        return f"tokenauth.{self.name}.{rate.seconds}.{_window(rate, now)}.{digest}"


def _window(rate: Rate, now: datetime) -> int:
    return int(now.timestamp() // rate.seconds)


def _seconds_left(rate: Rate, now: datetime) -> int:
    return max(1, math.ceil((_window(rate, now) + 1) * rate.seconds - now.timestamp()))

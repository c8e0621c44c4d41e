"""How far the time of a request may be from the server's."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tokenauth.conf import conf

if TYPE_CHECKING:
    from datetime import datetime

    from tokenauth.devices.protocol.versions import Version

_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(now: datetime) -> int:
    """``now`` as the protocol has it: milliseconds since 1970."""
    return round(now.timestamp() * 1000)


def tolerance(version: Version) -> timedelta:
    """How far, either way."""
    if version.has_timestamps:
        return conf.DEVICE_CLOCK_TOLERANCE
    return conf.DEVICE_UNSYNCHRONIZED_CLOCK_TOLERANCE


def is_acceptable(timestamp_ms: int, version: Version, now: datetime) -> bool:
    """Whether what was stamped ``timestamp_ms`` is accepted at ``now``."""
    return abs(timestamp_ms - milliseconds(now)) <= tolerance(version) // _MILLISECOND


def acceptable_until(timestamp_ms: int, version: Version, now: datetime) -> datetime:
    """Until when what was stamped ``timestamp_ms`` is accepted, as it is at ``now``."""
    age = (milliseconds(now) - timestamp_ms) * _MILLISECOND
    return now - age + tolerance(version)

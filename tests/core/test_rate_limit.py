from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured

from tokenauth.core import rate_limit
from tokenauth.core.rate_limit import Rate, RateLimit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = datetime(2026, 6, 1, 12, 0, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("5/s", Rate(5, 1)),
        ("5/sec", Rate(5, 1)),
        ("5/seconds", Rate(5, 1)),
        ("60/m", Rate(60, 60)),
        ("60/min", Rate(60, 60)),
        ("60/minute", Rate(60, 60)),
        ("10/mins", Rate(10, 60)),
        ("5/minutes", Rate(5, 60)),
        ("100/h", Rate(100, 3600)),
        ("100/hour", Rate(100, 3600)),
        ("100/hours", Rate(100, 3600)),
        ("1000/d", Rate(1000, 86400)),
        ("1000/day", Rate(1000, 86400)),
        ("1000/days", Rate(1000, 86400)),
    ],
)
def test_a_rate(text: str, rate: Rate) -> None:
    assert rate_limit.parse(text) == rate


@pytest.mark.parametrize(
    "text",
    ["", "5", "/s", "5/", "0/s", "-1/s", "5/week", "5/10s", "5/M", "5 / s", "5/s ", "5/s\n", "٥/s", 5, None],
)
def test_no_rate(text: object) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        rate_limit.parse(text)


def test_a_limit_of_no_rate_says_so() -> None:
    with pytest.raises(ImproperlyConfigured, match="60/min"):
        RateLimit("here", "sixty a minute").count("key", NOW)


def test_a_window() -> None:
    limit = RateLimit("here", "2/min")
    assert [limit.wait("key", NOW), limit.count("key", NOW), limit.wait("key", NOW)] == [None, None, None]
    assert [limit.count("key", NOW), limit.wait("key", NOW), limit.count("key", NOW)] == [None, 40, 40]
    # To the end of the window, whenever it is asked: never less than a second.
    assert limit.wait("key", NOW + timedelta(seconds=39.9)) == 1
    later = NOW + timedelta(seconds=40)
    assert [limit.wait("key", later), limit.count("key", later)] == [None, None]


@pytest.mark.parametrize("backend", ["locmem.LocMemCache", "filebased.FileBasedCache"])
@pytest.mark.parametrize(("rate", "seconds"), [("5/min", 60), ("5/hour", 3600), ("5/day", 86400)])
def test_a_count_lives_to_the_end_of_its_window(
    settings: Any, tmp_path: Path, backend: str, rate: str, seconds: int
) -> None:
    settings.CACHES = {"default": {"BACKEND": f"django.core.cache.backends.{backend}", "LOCATION": tmp_path}}
    limit, begin = RateLimit("here", rate), datetime(2026, 6, 1, tzinfo=UTC)
    with time_machine.travel(begin, tick=False) as clock:
        assert [limit.count("key", begin) for _ in range(5)] == [None] * 5
        clock.shift(seconds - 1)
        assert limit.wait("key", begin + timedelta(seconds=seconds - 1)) == 1
        assert limit.count("key", begin + timedelta(seconds=seconds - 1)) == 1
        clock.shift(1)
        assert limit.wait("key", begin + timedelta(seconds=seconds)) is None


def test_asking_counts_nothing() -> None:
    limit = RateLimit("here", "1/min")
    assert [limit.wait("key", NOW) for _ in range(3)] == [None] * 3


def test_each_key_and_each_limit_is_counted_by_itself() -> None:
    limit = RateLimit("here", "1/min")
    limit.count("key", NOW)
    assert limit.wait("key", NOW)
    assert limit.wait("another", NOW) is None
    assert RateLimit("there", "1/min").wait("key", NOW) is None


def test_what_was_sent_is_in_no_key_of_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []

    def recorded(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(key: str, *args: Any) -> Any:
            keys.append(key)
            return method(key, *args)

        return call

    for name in ("get", "add", "incr", "touch"):
        monkeypatch.setattr(cache, name, recorded(getattr(cache, name)))
    sent = "alice smith\r\n192.0.2.1 \u1234" + "x" * 500
    limit = RateLimit("here", "2/min")
    limit.count(sent, NOW)
    limit.wait(sent, NOW)
    assert len(keys) == 4
    for key in keys:
        # What Memcached takes.
        assert len(key) < 200
        assert all("!" <= character <= "~" for character in key)
        assert "alice" not in key
        assert "192.0.2" not in key


def test_a_count_that_was_evicted_in_between_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    limit, add = RateLimit("here", "1/min"), cache.add

    def add_and_lose(key: str, value: int, timeout: int) -> bool:
        added = add(key, value, timeout)
        if value == 0:
            cache.delete(key)
        return added

    monkeypatch.setattr(cache, "add", add_and_lose)
    with time_machine.travel(NOW, tick=False) as clock:
        assert limit.count("key", NOW) is None
        clock.shift(39)
        assert limit.wait("key", NOW + timedelta(seconds=39)) == 1


def test_of_many_at_once_no_more_pass_than_the_limit() -> None:
    limit = RateLimit("here", "10/min")
    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(lambda _: limit.count("key", NOW), range(200)))
    assert waits.count(None) == 10
    assert waits.count(40) == 190


@pytest.mark.parametrize(
    ("one", "another", "is_same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8:0:0:ffff::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        (None, "nonsense", True),
        (None, "192.0.2.1", False),
    ],
)
def test_who_is_one_client(one: str | None, another: str | None, is_same: bool) -> None:
    assert (rate_limit.client(one) == rate_limit.client(another)) == is_same

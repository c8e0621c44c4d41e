from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from tokenauth.core import durations


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90d", timedelta(days=90)),
        ("2w", timedelta(weeks=2)),
        ("12h", timedelta(hours=12)),
        ("30m", timedelta(minutes=30)),
        ("1s", timedelta(seconds=1)),
        ("36525d", timedelta(days=36_525)),
    ],
)
def test_what_is_one(text: str, length: timedelta) -> None:
    assert durations.parse(text) == durations.parse_overlap(text) == length
    assert durations.parse(durations.spelled(length)) == length


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *((text, "not a duration") for text in ("", "-1d", "1.5h", "1", "d", "1y", "٣d", "1d\n", "1 d")),
        *((text, "longer than") for text in ("36526d", "5218w", "999999999w")),
    ],
)
def test_what_is_none(text: str, message: str) -> None:
    for parse in (durations.parse, durations.parse_overlap):
        with pytest.raises(ValidationError, match=message):
            parse(text)


def test_none_at_all_is_an_overlap_alone() -> None:
    assert durations.parse_overlap("0") == timedelta(0)
    with pytest.raises(ValidationError):
        durations.parse("0")


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "0"),
        (timedelta(days=7), "7d"),
        (timedelta(hours=36), "36h"),
        (timedelta(minutes=90), "90m"),
        (timedelta(seconds=61, microseconds=5), "61s"),
    ],
)
def test_they_are_spelled_as_they_are_typed(length: timedelta, text: str) -> None:
    assert durations.spelled(length) == text

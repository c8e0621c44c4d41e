"""The clock of the server is set an hour ahead or back, and set right again: JWTs, refresh tokens, keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from tests.oauth.requests import refresh, sign_in, sites
from tests.oauth.test_signing_keys import kid_of, published, rotate
from tokenauth.oauth import signing_keys

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alice", "first_party")]

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

both_ways = pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["ahead", "back"])


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def reason(pair: dict[str, str]) -> str:
    """Why its JWT is refused; "" where it is not."""
    answer = sites(pair["access_token"])
    return "" if answer.status_code == 200 else answer.json()["error"]["reason"]


def renewed(pair: dict[str, str]) -> dict[str, str]:
    answer = refresh(pair["refresh_token"])
    assert answer.status_code == 200
    pair = answer.json()
    assert reason(pair) == ""
    return pair


@pytest.mark.parametrize(("seconds", "refused"), [(30, ""), (31, "malformed")])
def test_a_clock_that_is_a_little_back_refuses_nothing(clock: Any, seconds: int, refused: str) -> None:
    pair = sign_in().json()
    clock.shift(-seconds)
    assert reason(pair) == refused


@both_ways
def test_what_is_refused_is_refreshed_and_goes_on(clock: Any, step: timedelta) -> None:
    """Ahead, a JWT has expired; back, it is not valid yet."""
    pair = sign_in().json()
    assert reason(pair) == ""
    clock.move_to(NOON + step)
    assert reason(pair) == ("expired" if step == HOUR else "malformed")
    pair = renewed(pair)
    clock.move_to(NOON)
    assert reason(pair) == ("malformed" if step == HOUR else "expired")
    renewed(pair)


def test_what_a_clock_refused_is_accepted_once_it_is_right(clock: Any) -> None:
    pair = sign_in().json()
    for step in (HOUR, -HOUR):
        clock.move_to(NOON + step)
        assert reason(pair) != ""
        clock.move_to(NOON)
        assert reason(pair) == ""


@both_ways
def test_the_keys_of_before_and_after_a_rotation_are_known(clock: Any, step: timedelta) -> None:
    old = sign_in().json()
    clock.move_to(NOON + step)
    new_kid = rotate()
    clock.move_to(NOON)
    signing_keys._known.cache_clear()
    assert kid_of(sign_in().json()["access_token"]) == new_kid
    assert sorted(published()) == sorted([new_kid, kid_of(old["access_token"])])
    assert reason(old) == ""


@both_ways
def test_a_key_that_has_leaked_does_not_come_back(clock: Any, step: timedelta) -> None:
    tokens = [sign_in().json()]
    clock.move_to(NOON + step)
    tokens.append(sign_in().json())
    new_kid = rotate("--at-once")
    for now in (NOON + step, NOON, NOON - HOUR, NOON + HOUR):
        clock.move_to(now)
        signing_keys._known.cache_clear()
        assert published() == [new_kid]
        assert {reason(pair) for pair in tokens} <= {"unknown", "revoked"}
    assert kid_of(sign_in().json()["access_token"]) == new_kid

"""The clock of the server is set an hour ahead or back, and set right again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.db import connection
from django.db.models import Sum
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.conftest import bearer
from tests.failures.servers import until
from tokenauth.core.lookup_cache import lookups
from tokenauth.exceptions import RotationConflict
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SITES = "/inventory-service/sites"
UNKNOWN = "pat_00000000000000000000000000000042VsRc"

both_ways = pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["ahead", "back"])


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """That of the server; not that of the process, which is never set (``time.monotonic()``)."""
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def ask(raw: str | None) -> Any:
    return Client().get(SITES, **bearer(str(raw)))


def reason(raw: str | None) -> str:
    """Why it is refused; "" where it is not."""
    answer = ask(raw)
    return "" if answer.status_code == 200 else answer.json()["error"]["reason"]


def writes(raw: str | None, times: int = 5) -> int:
    """How many statements write, in so many accepted requests."""
    with CaptureQueriesContext(connection) as queries:
        assert [reason(raw) for _ in range(times)] == [""] * times
    return sum(query["sql"].startswith(("INSERT", "UPDATE")) for query in queries.captured_queries)


class TestALivingToken:
    @both_ways
    def test_it_is_accepted_and_seldom_written(self, alice: User, clock: Any, step: timedelta) -> None:
        token = alice.generate_access_token("t", ["read:sites"], expires_at=NOON + timedelta(days=1))
        assert writes(token.raw_token) == 1
        clock.move_to(NOON + step)
        assert writes(token.raw_token) <= 1
        clock.move_to(NOON)
        assert writes(token.raw_token) == 0
        # At the latest when the time has come that it was last used at.
        clock.move_to(NOON + HOUR + MINUTE)
        assert writes(token.raw_token) == 1
        assert AccessToken.objects.get().last_used_at == NOON + HOUR + MINUTE

    def test_two_servers_that_disagree_by_an_hour_do_not_write_by_turns(
        self, alice: User, clock: Any
    ) -> None:
        token = alice.generate_access_token("t", ["read:sites"])
        written = 0
        for _ in range(5):
            for now in (NOON, NOON + HOUR):
                clock.move_to(now)
                written += writes(token.raw_token, 1)
        assert written == 2

    def test_one_that_was_made_ahead_is_as_good(
        self, alice: User, clock: Any, tokenauth_settings: Callable[..., None]
    ) -> None:
        tokenauth_settings(UNUSED_TOKEN_LIFETIME=timedelta(minutes=30))
        clock.move_to(NOON + HOUR)
        token = alice.generate_access_token("t", ["read:sites"])
        clock.move_to(NOON)
        assert reason(token.raw_token) == ""
        assert AccessToken.objects.usable().get() == token


class TestTheEndOfAToken:
    @pytest.mark.parametrize("remembered", [0, 3600])
    def test_what_a_clock_ahead_refuses_is_accepted_once_it_is_right(
        self, alice: User, clock: Any, remembered: int, tokenauth_settings: Callable[..., None]
    ) -> None:
        tokenauth_settings(LOOKUP_CACHE_SECONDS=remembered, UNUSED_TOKEN_LIFETIME=timedelta(minutes=50))
        short = alice.generate_access_token("s", ["read:sites"], expires_at=NOON + timedelta(minutes=50))
        unused = alice.generate_access_token("u", ["read:sites"])
        tokens = short.raw_token, unused.raw_token
        clock.move_to(NOON + HOUR)
        assert list(map(reason, tokens)) == ["expired", "unused"]
        clock.move_to(NOON)
        assert list(map(reason, tokens)) == ["", ""]

    @both_ways
    def test_a_revocation_holds_whenever_it_was(self, alice: User, clock: Any, step: timedelta) -> None:
        token = alice.generate_access_token("t", ["read:sites"])
        clock.move_to(NOON + step)
        token.revoke()
        assert reason(token.raw_token) == "revoked"
        clock.move_to(NOON)
        assert reason(token.raw_token) == "revoked"
        clock.move_to(NOON - HOUR)
        assert reason(token.raw_token) == "revoked"


class TestARotation:
    OVERLAP = timedelta(minutes=10)

    @both_ways
    def test_the_successor_lives_and_the_old_one_ends(self, alice: User, clock: Any, step: timedelta) -> None:
        """At the time that it was to end at, of the clock as it was."""
        old = alice.generate_access_token("t", ["read:sites"])
        clock.move_to(NOON + step)
        new = old.rotate(self.OVERLAP)
        assert [reason(old.raw_token), reason(new.raw_token)] == ["", ""]
        clock.move_to(NOON)
        assert [reason(old.raw_token), reason(new.raw_token)] == ["" if step == HOUR else "expired", ""]
        clock.move_to(NOON + HOUR + self.OVERLAP)
        assert [reason(old.raw_token), reason(new.raw_token)] == ["expired", ""]

    @both_ways
    def test_it_is_made_once(self, alice: User, clock: Any, step: timedelta) -> None:
        old = alice.generate_access_token("t", ["read:sites"])
        new = old.rotate(timedelta(days=1))
        clock.move_to(NOON + step)
        with pytest.raises(RotationConflict):
            AccessToken.objects.get(pk=old.pk).rotate()
        assert reason(new.rotate().raw_token) == ""
        assert ask(old.raw_token)["Deprecation"] == f"@{int(NOON.timestamp())}"

    def test_a_successor_lives_as_long_as_the_old_one_was_to(self, alice: User, clock: Any) -> None:
        clock.move_to(NOON + HOUR)
        old = alice.generate_access_token("t", expires_at=NOON + 3 * HOUR)
        clock.move_to(NOON)
        assert old.rotate().expires_at == NOON + 2 * HOUR

    def test_none_is_made_that_has_ended(self, alice: User, clock: Any) -> None:
        """The old one was made ahead, and so ends before: it has no length that a successor could have."""
        clock.move_to(NOON + HOUR)
        old = alice.generate_access_token("t", ["read:sites"])
        clock.move_to(NOON)
        old.rotate(self.OVERLAP).delete()
        again = old.rotate()
        assert reason(again.raw_token) == ""
        assert again.expires_at == NOON + self.OVERLAP


class TestWhatIsRemembered:
    """``LOOKUP_CACHE_SECONDS``: by the clock that is never set."""

    @pytest.fixture(autouse=True)
    def forgotten(self) -> Iterator[None]:
        lookups.clear()
        yield
        lookups.clear()

    @pytest.fixture
    def token(self, alice: User) -> AccessToken:
        token = alice.generate_access_token("t", ["read:sites"])
        assert reason(token.raw_token) == ""
        return token

    def lookups_of(self, token: AccessToken) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert reason(token.raw_token) == ""
        return sum(token.secret in query["sql"] for query in queries.captured_queries)

    @pytest.mark.django_db(transaction=True)
    @both_ways
    def test_it_is_neither_kept_for_longer_nor_lost(
        self, token: AccessToken, clock: Any, step: timedelta, tokenauth_settings: Callable[..., None]
    ) -> None:
        tokenauth_settings(LOOKUP_CACHE_SECONDS=60, LAST_USED_INTERVAL=timedelta(days=1))
        assert self.lookups_of(token) == 1
        clock.move_to(NOON + step)
        assert self.lookups_of(token) == 0
        tokenauth_settings(LOOKUP_CACHE_SECONDS=0.5, LAST_USED_INTERVAL=timedelta(days=1))
        until(lambda: self.lookups_of(token) == 1, "the token is looked up again")


class TestLimits:
    def wait(self) -> int:
        """The seconds that a client is told to wait; 0 where it is not."""
        answer = ask(UNKNOWN)
        assert answer.status_code in (401, 429)
        return int(answer.get("Retry-After", 0))

    @both_ways
    def test_nobody_is_refused_for_longer_than_a_window(
        self, clock: Any, step: timedelta, tokenauth_settings: Callable[..., None]
    ) -> None:
        tokenauth_settings(FAILURE_LIMIT="2/min")
        assert [self.wait() for _ in range(3)] == [0, 0, 60]
        for now in (NOON + step, NOON, NOON - step):
            clock.move_to(now)
            assert [self.wait() for _ in range(3)][-1] == 60
            clock.move_to(now + MINUTE)
            assert self.wait() == 0

    @both_ways
    def test_a_flood_is_still_counted_whole_and_fills_no_table(self, clock: Any, step: timedelta) -> None:
        times = NOON, NOON + step, NOON
        for now in times:
            clock.move_to(now)
            for _ in range(70):
                assert reason(UNKNOWN) == "unknown"
        assert TokenLogin.objects.aggregate(Sum("count"))["count__sum"] == 70 * len(times)
        assert TokenLogin.objects.count() <= 61 * len(times)

"""The server's time, by which this machine stamps: with a clock that a test has set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.client.clock import HOUR, Clock
from tests.client.program import KNOWLEDGE, POSSESSION, STATUS, parsed
from tests.devices.device import now_ms
from tokenauth.client import PowerAuthError, PowerAuthErrorCode
from tokenauth.client.time_synchronization import TimeSynchronizationService

if TYPE_CHECKING:
    from testproject.accounts.models import User
    from tests.client.program import Program
    from tokenauth.client import PowerAuth

# In milliseconds. What an exchange with this machine takes, at most.
MOMENT = 10_000


@pytest.mark.parametrize("off", [HOUR, -HOUR], ids=["fast", "slow"])
def test_32_a_header_waits_for_the_servers_time(
    program: Program, alice: User, clock: Clock, off: int
) -> None:
    clock.off = off
    power_auth = program.activated(alice)
    power_auth.token_store.request_access_token("sites", KNOWLEDGE)
    power_auth.time_synchronization_service.reset_time_synchronization()
    asked = program.wire.paths.count(STATUS)
    header = power_auth.token_store.generate_header_for_token("sites")
    assert program.wire.paths.count(STATUS) == asked + 1
    assert abs(parsed(header).timestamp_ms - now_ms()) < MOMENT
    assert program.get(header) == 200
    # Once is enough.
    assert program.get(power_auth.token_store.generate_header_for_token("sites")) == 200
    assert program.wire.paths.count(STATUS) == asked + 1


def test_33_it_is_known_from_the_activation_on(program: Program, power_auth: PowerAuth) -> None:
    service = power_auth.time_synchronization_service
    if not program.version.has_timestamps:
        # Before 3.2, an activation says nothing of when it is, and a header is the first that does.
        power_auth.token_store.request_access_token("sites", POSSESSION).generate_header()
    assert service.is_time_synchronized() is True
    service.reset_time_synchronization()
    assert service.is_time_synchronized() is False
    service.synchronize_time()
    assert service.is_time_synchronized() is True
    assert abs(service.current_time() - now_ms()) < MOMENT
    told = [
        service.current_time(),
        service.local_time_adjustment(),
        service.local_time_adjustment_precision(),
    ]
    assert [type(each) for each in told] == [int] * 3
    asked = program.wire.paths.count(STATUS)
    service.synchronize_time()
    assert program.wire.paths.count(STATUS) == asked


class Server:
    """Tells another time than the clock, ``taking`` milliseconds each way."""

    def __init__(self, taking: int = 5) -> None:
        self.now, self.ahead, self.taking = 1_800_000_000_000, 0, taking
        self.service = TimeSynchronizationService(self.time, lambda: self.now)

    def time(self) -> int:
        self.now += self.taking
        told = self.now + self.ahead
        self.now += self.taking
        return told

    def tell(self, ahead: int) -> bool:
        self.ahead = ahead
        return self.service.complete_time_synchronization_task(
            self.service.start_time_synchronization_task(), self.time()
        )


def test_34_what_is_ignored_and_what_is_taken_over() -> None:
    server = Server()
    service = server.service
    assert service.is_time_synchronized() is False
    assert (service.current_time(), service.local_time_adjustment()) == (server.now, 0)
    adjustments = []
    for ahead in (0, 5_000, -5_000, 30_000, -30_000, -32_000, 0):
        assert server.tell(ahead) is service.is_time_synchronized() is True
        assert service.current_time() == server.now + service.local_time_adjustment()
        adjustments.append(service.local_time_adjustment())
    assert adjustments == [0, 0, 0, 30_000, -30_000, -30_000, 0]
    assert service.local_time_adjustment_precision() == server.taking
    server.tell(60_000)
    service.reset_time_synchronization()
    assert service.is_time_synchronized() is False
    assert (service.current_time(), service.local_time_adjustment()) == (server.now, 0)


def test_35_an_answer_that_took_too_long() -> None:
    server = Server(taking=8_001)
    assert server.tell(60_000) is server.service.is_time_synchronized() is False
    assert server.service.local_time_adjustment() == 0
    server.taking = 8_000
    assert server.tell(60_000) is True
    server.taking = 8_001
    assert server.tell(90_000) is server.service.is_time_synchronized() is True
    assert server.service.local_time_adjustment() == 60_000


def test_what_was_known_of_a_clock_that_was_set_is_forgotten() -> None:
    server = Server()
    # What nobody sets has run on for as long as the clock, but for what that was set by.
    service = TimeSynchronizationService(
        server.time, lambda: server.now, lambda: (server.now + server.ahead) / 1000
    )
    service.synchronize_time()
    server.now, server.ahead = server.now + HOUR, -HOUR
    server.taking = 8_001
    with pytest.raises(PowerAuthError) as error:
        service.synchronize_time()
    assert error.value.code == PowerAuthErrorCode.TIME_SYNCHRONIZATION
    assert service.is_time_synchronized() is False
    server.taking = 5
    service.synchronize_time()
    assert service.current_time() == server.now - HOUR


def test_36_a_task_that_is_none_or_of_later() -> None:
    server = Server()
    service = server.service
    for task in (None, "now", 5.0, object()):
        assert service.complete_time_synchronization_task(task, server.now) is False
    later = service.start_time_synchronization_task()
    server.now -= 1
    assert service.complete_time_synchronization_task(later, server.now) is False
    assert service.is_time_synchronized() is False
    assert server.tell(0) is True

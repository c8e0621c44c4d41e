"""Many callers at once: one request for one name, and a counter that stays where the server's is."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from queue import SimpleQueue
from threading import get_ident
from typing import TYPE_CHECKING

import pytest

from tests.client.program import CREATE, KNOWLEDGE, PIN, POSSESSION, WRONG, stored
from tests.client.wire import PATIENCE, wait_until_they_wait
from tokenauth.client import PowerAuthActivationState, PowerAuthError, PowerAuthErrorCode
from tokenauth.devices.models import DeviceToken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.client.program import Program
    from tokenauth.client import PowerAuth, PowerAuthAuthentication, PowerAuthToken


Callers = list["Future[PowerAuthToken]"]


@contextmanager
def six_who_ask(
    program: Program, power_auth: PowerAuth, factors: PowerAuthAuthentication
) -> Iterator[Callers]:
    """For the same token, which one of them requests, and the others wait for, until the block ends."""
    barrier, begun = program.wire.hold(CREATE), SimpleQueue[int]()

    def ask() -> PowerAuthToken:
        begun.put(get_ident())
        return power_auth.token_store.request_access_token("sites", factors)

    with ThreadPoolExecutor(6) as threads:
        callers = [threads.submit(ask)]
        barrier.wait_for_one()
        begun.get(timeout=PATIENCE)
        callers += [threads.submit(ask) for _ in range(5)]
        wait_until_they_wait([begun.get(timeout=PATIENCE) for _ in range(5)])
        try:
            yield callers
        finally:
            barrier.let_through()


def test_11_20_of_one_name_there_is_one_request(program: Program, power_auth: PowerAuth) -> None:
    with six_who_ask(program, power_auth, POSSESSION) as callers:
        assert not any(caller.done() for caller in callers)
    tokens = [caller.result() for caller in callers]
    assert tokens == [power_auth.token_store.get_local_token("sites")] * 6
    assert str(DeviceToken.objects.get().pk) == tokens[0].token_identifier
    assert [program.get(token.generate_header()) for token in tokens] == [200] * 6


def test_11_20_what_one_is_refused_is_refused_to_all(program: Program, power_auth: PowerAuth) -> None:
    with six_who_ask(program, power_auth, WRONG) as callers:
        pass
    errors = [caller.exception() for caller in callers]
    assert [error.code for error in errors if isinstance(error, PowerAuthError)] == [
        PowerAuthErrorCode.AUTHENTICATION_ERROR
    ] * 6
    # Six who mistype the same are not six attempts, after which the device were blocked.
    assert stored().failed_attempts == program.wire.paths.count(CREATE) == 1


def test_12_20_of_two_names_there_are_two_tokens(program: Program, power_auth: PowerAuth) -> None:
    async def ask() -> list[PowerAuthToken]:
        request = power_auth.token_store.arequest_access_token
        names = ["sites", "events", "sites", "events"]
        return await asyncio.gather(*(request(name, POSSESSION) for name in names))

    one, other, one_again, other_again = asyncio.run(ask())
    assert (one, other) == (one_again, other_again)
    assert one != other
    assert {str(row.pk) for row in DeviceToken.objects.all()} == {
        one.token_identifier,
        other.token_identifier,
    }
    assert [program.get(token.generate_header()) for token in (one, other)] == [200, 200]


@pytest.mark.parametrize("leaves", [0, 2], ids=["who came first", "who joined"])
def test_13_20_who_cancels_is_not_called_back(program: Program, power_auth: PowerAuth, leaves: int) -> None:
    barrier = program.wire.hold(CREATE)

    async def ask() -> list[PowerAuthToken | BaseException]:
        request = power_auth.token_store.arequest_access_token
        tasks = [asyncio.create_task(request("sites", POSSESSION))]
        await asyncio.to_thread(barrier.wait_for_one)
        tasks += [asyncio.create_task(request("sites", POSSESSION)) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[leaves].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[leaves]
        assert not any(task.done() for task in tasks if task is not tasks[leaves])
        barrier.let_through()
        return await asyncio.gather(*tasks, return_exceptions=True)

    answers = asyncio.run(ask())
    assert isinstance(answers.pop(leaves), asyncio.CancelledError)
    assert answers == [power_auth.token_store.get_local_token("sites")] * 3
    assert DeviceToken.objects.count() == 1


def test_13_20_whoever_cancels_all_tells_who_waits(program: Program, power_auth: PowerAuth) -> None:
    tokens = power_auth.token_store
    with six_who_ask(program, power_auth, POSSESSION) as callers:
        tokens.cancel_all_requests()
    assert_canceled(callers)
    # What the server has made all the same is not lost.
    token = tokens.request_access_token("sites", POSSESSION)
    assert str(DeviceToken.objects.get().pk) == token.token_identifier
    assert program.get(token.generate_header()) == 200


def test_13_20_as_does_who_removes_the_activation(program: Program, power_auth: PowerAuth) -> None:
    with (
        ThreadPoolExecutor(1) as thread,
        six_who_ask(program, power_auth, POSSESSION) as callers,
    ):
        removing = thread.submit(power_auth.remove_activation_local)
        assert wait(callers, timeout=PATIENCE).not_done == set()
    removing.result()
    assert_canceled(callers)
    assert power_auth.token_store.local_token_names() == []
    assert power_auth.has_valid_activation() is False


def assert_canceled(callers: Callers) -> None:
    for caller in callers:
        error = caller.exception()
        assert isinstance(error, PowerAuthError)
        assert error.code == PowerAuthErrorCode.OPERATION_CANCELED


def test_14_20_with_other_factors_meanwhile(program: Program, power_auth: PowerAuth) -> None:
    request = power_auth.token_store.request_access_token
    barrier = program.wire.hold(CREATE)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(request, "sites", POSSESSION)
        barrier.wait_for_one()
        with pytest.raises(PowerAuthError) as refused:
            request("sites", KNOWLEDGE)
        assert not first.done()
        barrier.let_through()
    assert refused.value.code == PowerAuthErrorCode.WRONG_PARAMETER
    assert program.get(first.result().generate_header()) == 200
    assert DeviceToken.objects.count() == 1


def test_22_twenty_names_at_once(program: Program, power_auth: PowerAuth) -> None:
    tokens = power_auth.token_store
    names = [f"token {number}" for number in range(20)]
    counted = stored().counter
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda name: tokens.request_access_token(name, KNOWLEDGE), names))
        assert len({token.token_identifier for token in made}) == DeviceToken.objects.count() == 20
        assert stored().counter == counted + 20
        assert [program.get(token.generate_header()) for token in made[:3]] == [200] * 3
        list(threads.map(tokens.remove_access_token, names))
    assert not DeviceToken.objects.exists()
    assert not any(tokens.has_local_token(name) for name in names)
    status = power_auth.fetch_activation_status()
    assert (status.state, status.fail_count) == (PowerAuthActivationState.ACTIVE, 0)
    # Neither was ahead of the other: what is signed now is the very next.
    power_auth.validate_password(PIN)
    assert stored().counter == counted + 41

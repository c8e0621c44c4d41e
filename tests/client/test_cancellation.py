"""Who stops waiting: what was not sent is not sent, and what the server may hold is told to the next."""

from __future__ import annotations

import asyncio
import signal
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import pytest

from tests.client.memory_keychain import MemoryKeychain
from tests.client.program import CREATE, KNOWLEDGE, PIN, POSSESSION, new_code
from tests.client.wire import PATIENCE
from tokenauth.client import PowerAuthActivation, PowerAuthError, PowerAuthErrorCode
from tokenauth.client.shared_requests import SharedRequest, SharedRequests
from tokenauth.client.tokens import StoredToken
from tokenauth.devices.models import DeviceToken

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from testproject.accounts.models import User
    from tests.client.program import Program
    from tests.client.wire import Barrier
    from tokenauth.client import PowerAuth

CREATE_ACTIVATION = "/pa/v3/activation/create"


def assert_canceled(caller: Future[Any]) -> None:
    error = caller.exception(timeout=PATIENCE)
    assert isinstance(error, PowerAuthError)
    assert error.code == PowerAuthErrorCode.OPERATION_CANCELED


def assert_told_once(act: Callable[[], object]) -> None:
    """Of what the server may hold; then it goes on."""
    with pytest.raises(PowerAuthError) as told:
        act()
    assert (told.value.code, told.value.is_outcome_unknown) == (PowerAuthErrorCode.OPERATION_CANCELED, True)
    act()


def assert_next_is_told(program: Program, power_auth: PowerAuth) -> None:
    """Of the token that was asked for last, once what came of it was lost."""
    with power_auth._session.storage.exclusive():
        # It has come back.
        program.wire.lost.clear()
    assert_told_once(lambda: power_auth.token_store.request_access_token("sites", POSSESSION))


def cancelled(barrier: Barrier, *requests: Coroutine[Any, Any, object]) -> list[object]:
    """What comes of ``requests``, the first of which is cancelled when it is on its way."""

    async def ask() -> list[object]:
        tasks = [asyncio.ensure_future(each) for each in requests]
        await asyncio.to_thread(barrier.wait_for_one)
        tasks[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
        barrier.let_through()
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(ask())


def test_a_lost_answer_of_whoever_has_left_is_told_to_the_next(
    program: Program, power_auth: PowerAuth
) -> None:
    tokens, barrier = power_auth.token_store, program.wire.hold(CREATE)
    program.wire.lost.add(CREATE)
    cancelled(barrier, tokens.arequest_access_token("sites", POSSESSION))
    program.wire.lost.clear()
    assert_told_once(lambda: tokens.request_access_token("sites", POSSESSION))
    # The one that nobody has, and the one that was made now.
    assert DeviceToken.objects.count() == 2


def test_unless_somebody_else_has_waited_for_it(program: Program, power_auth: PowerAuth) -> None:
    tokens, barrier = power_auth.token_store, program.wire.hold(CREATE)
    program.wire.lost.add(CREATE)
    _, heard = cancelled(barrier, *(tokens.arequest_access_token("sites", POSSESSION) for _ in range(2)))
    assert isinstance(heard, PowerAuthError)
    assert (heard.code, heard.is_outcome_unknown) == (PowerAuthErrorCode.NETWORK_ERROR, True)
    program.wire.lost.clear()
    assert program.get(tokens.request_access_token("sites", POSSESSION).generate_header()) == 200


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError])
def test_a_lost_answer_after_an_interruption(
    program: Program, power_auth: PowerAuth, interruption: type[BaseException]
) -> None:
    tokens, barrier = power_auth.token_store, program.wire.hold(CREATE)
    program.wire.lost.add(CREATE)

    def handle(*_: object) -> None:
        raise interruption

    before = signal.signal(signal.SIGINT, handle)

    def interrupt() -> None:
        barrier.wait_for_one()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    try:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(interrupt)
            with pytest.raises(interruption):
                tokens.request_access_token("sites", POSSESSION)
    finally:
        signal.signal(signal.SIGINT, before)
    barrier.let_through()
    assert_next_is_told(program, power_auth)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError])
def test_nobody_waits_for_what_was_not_begun(
    power_auth: PowerAuth, monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException]
) -> None:
    def start(thread: threading.Thread) -> None:
        raise interruption

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        with pytest.raises(interruption):
            power_auth.token_store.request_access_token("sites", POSSESSION)
    assert power_auth.token_store._requests._requests == {}
    power_auth.token_store.request_access_token("sites", POSSESSION)


def test_the_handler_of_a_signal_may_cancel_all(program: Program, power_auth: PowerAuth) -> None:
    tokens, start, asked = power_auth.token_store, threading.Thread.start, Future[int]()

    def ask() -> None:
        with pytest.MonkeyPatch.context() as patched:

            def interrupted(thread: threading.Thread) -> None:
                patched.undo()
                tokens.cancel_all_requests()
                start(thread)

            patched.setattr(threading.Thread, "start", interrupted)
            token = tokens.request_access_token("sites", POSSESSION)
        asked.set_result(program.get(token.generate_header()))

    threading.Thread(target=ask, daemon=True).start()
    assert asked.result(timeout=PATIENCE) == 200


def test_who_asks_again_once_they_were_refused_asks_anew() -> None:
    requests, made = SharedRequests(), StoredToken("sites", "1", b"", "2", 1)
    again: Future[StoredToken] = Future()

    def ask_again(_: object) -> None:
        try:
            again.set_result(requests.outcome("sites", 1, lambda request: made))
        except PowerAuthError as error:
            again.set_exception(error)

    def refuse(request: SharedRequest) -> StoredToken:
        # Sooner than the thread that refuses comes to anything else.
        request.outcome.add_done_callback(ask_again)
        raise PowerAuthError(PowerAuthErrorCode.AUTHENTICATION_ERROR, "No.")

    with pytest.raises(PowerAuthError):
        requests.outcome("sites", 1, refuse)
    assert again.result(timeout=PATIENCE) is made


def test_a_lost_answer_after_all_were_canceled(program: Program, power_auth: PowerAuth) -> None:
    tokens, barrier = power_auth.token_store, program.wire.hold(CREATE)
    program.wire.lost.add(CREATE)
    with ThreadPoolExecutor(1) as thread:
        caller = thread.submit(tokens.request_access_token, "sites", POSSESSION)
        barrier.wait_for_one()
        tokens.cancel_all_requests()
        # It is not kept until the request has come back.
        assert_canceled(caller)
    barrier.let_through()
    assert_next_is_told(program, power_auth)


@pytest.mark.parametrize("is_told_of_earlier", [False, True])
def test_who_leaves_while_the_note_is_taken_away(
    program: Program, power_auth: PowerAuth, is_told_of_earlier: bool
) -> None:
    class Slow(MemoryKeychain):
        def write(self, name: str, text: str) -> None:
            super().write(name, text)
            if CREATE in program.wire.paths and '"unfinished": []' in text:
                slow.cancel_all_requests()

    slow, tokens = program.start(keychain=Slow(program.entries)).token_store, power_auth.token_store
    if is_told_of_earlier:
        tokens._entries.begin("sites")
        program.wire.paths.append(CREATE)
    program.wire.lost.add(CREATE)
    with pytest.raises(PowerAuthError) as left:
        slow.request_access_token("sites", POSSESSION)
    assert left.value.is_outcome_unknown is False
    assert_next_is_told(program, power_auth)


def test_what_was_not_sent_is_not_sent(program: Program, power_auth: PowerAuth) -> None:
    tokens, barrier = power_auth.token_store, program.wire.hold(CREATE)
    with ThreadPoolExecutor(4) as threads:
        callers = [threads.submit(tokens.request_access_token, "on its way", KNOWLEDGE)]
        barrier.wait_for_one()
        callers += [threads.submit(tokens.request_access_token, f"behind {n}", KNOWLEDGE) for n in range(3)]
        while len(tokens._requests._requests) < 4:
            assert not wait(callers, timeout=0.01).done
        tokens.cancel_all_requests()
        for caller in callers:
            assert_canceled(caller)
        barrier.let_through()
        # Behind all of them.
        assert tokens.local_token_names() == []
        tokens.remove_local_token("another")
    assert program.wire.paths.count(CREATE) == 1
    assert tokens.local_token_names() == ["on its way"]
    # Nor was anything noted of them.
    for name in ("behind 0", "behind 1", "behind 2"):
        assert program.get(tokens.request_access_token(name, KNOWLEDGE).generate_header()) == 200


def test_an_activation_that_whoever_has_left_may_have(program: Program, alice: User) -> None:
    power_auth = program.start()
    barrier = program.wire.hold(CREATE_ACTIVATION)
    program.wire.lost.add(CREATE_ACTIVATION)

    def activation() -> PowerAuthActivation:
        return PowerAuthActivation.with_activation_code(new_code(alice, program.release))

    cancelled(barrier, power_auth.acreate_activation(activation()))
    program.wire.lost.clear()
    code = activation()
    assert_told_once(lambda: power_auth.create_activation(code))


def test_what_was_begun_is_done(program: Program, alice: User) -> None:
    power_auth = program.start()
    barrier = program.wire.hold(CREATE_ACTIVATION)
    cancelled(barrier, power_auth.aactivate(new_code(alice, program.release), PIN))
    power_auth.validate_password(PIN)

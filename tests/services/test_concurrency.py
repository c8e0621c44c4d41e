"""Rotations, creations and revocations that many threads ask for at the same moment."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from queue import Queue
from threading import Barrier, Event, Semaphore
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from django.core.exceptions import ValidationError
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, transaction
from django.test import RequestFactory
from django.utils import timezone

from testproject.accounts.models import User
from tests.services.threads import at_once, own_connections
from tokenauth.core import lifecycle
from tokenauth.core.status import is_unused
from tokenauth.exceptions import RotationConflict
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    Act = Callable[[], Any]

pytestmark = pytest.mark.django_db(transaction=True)

SITES = "/inventory-service/sites"

THREADS = 20
LIMIT = 5
CLIENTS = 4

# Inside of which transactions it is done, beside doing it in none. SQLite has one at a time.
TRANSACTIONS = {
    "sqlite": ["immediate"],
    "postgresql": ["read committed"],
    "mysql": ["read committed", "repeatable read"],
}


@pytest.fixture(params=["none", *TRANSACTIONS.get(connection.vendor, [])])
def in_transaction(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Act], Act]:
    """Let an act be the later part of a transaction, which has read all tokens before any act began."""
    if request.param == "none":
        return lambda act: act
    if connection.vendor == "mysql":
        monkeypatch.setitem(connection.settings_dict["OPTIONS"], "isolation_level", request.param)
    all_have_looked = Barrier(THREADS, timeout=30)

    def wrap(act: Act) -> Act:
        def look_and_act() -> Any:
            with transaction.atomic():
                list(AccessToken.objects.all())
                if request.param != "immediate":
                    all_have_looked.wait()
                return act()

        return look_and_act

    return wrap


@pytest.fixture
def key(alice: User) -> AccessToken:
    return alice.generate_access_token("export", ["read:sites"], kind="api_key", environment="live")


def reload(token: AccessToken) -> AccessToken:
    return AccessToken.objects.get(pk=token.pk)


def test_rotations_of_one_token_make_one_successor(
    key: AccessToken, in_transaction: Callable[[Act], Act]
) -> None:
    rotations = [in_transaction(reload(key).rotate) for _ in range(THREADS)]
    (successor,), conflicts = at_once(rotations, RotationConflict)
    assert {conflict.reason for conflict in conflicts} == {"rotated"}
    assert AccessToken.objects.get(rotated_from=key) == successor
    assert set(AccessToken.objects.filter(family=key.family)) == {key, successor}
    assert AccessToken.objects.verify(successor.raw_token) == successor


def test_rotations_anew_make_one_successor_again(
    key: AccessToken, in_transaction: Callable[[Act], Act]
) -> None:
    """Its text was lost on the way."""
    lost = key.rotate()
    lost.revoke()
    rotations = [in_transaction(reload(key).rotate) for _ in range(THREADS)]
    (successor,), conflicts = at_once(rotations, RotationConflict)
    assert {conflict.reason for conflict in conflicts} == {"rotated"}
    assert AccessToken.objects.get(rotated_from=key) == successor
    assert set(AccessToken.objects.filter(family=key.family)) == {key, lost, successor}
    assert AccessToken.objects.verify(successor.raw_token) == successor


def creations(user: User, in_transaction: Callable[[Act], Act]) -> list[Act]:
    def create(number: int) -> Act:
        return in_transaction(lambda: user.generate_access_token(f"at once {number}"))

    return [create(number) for number in range(THREADS)]


def test_creations_do_not_exceed_the_limit(
    alice: User, tokenauth_settings: Callable[..., None], in_transaction: Callable[[Act], Act]
) -> None:
    tokenauth_settings(MAX_TOKENS_PER_USER=LIMIT)
    before = {alice.generate_access_token("before") for _ in range(LIMIT - 2)}
    made, refusals = at_once(creations(alice, in_transaction), ValidationError)
    assert len(made) == 2
    assert {tuple(refusal.message_dict) for refusal in refusals} == {("user",)}
    assert set(alice.access_tokens.all()) == {*before, *made}


def test_creations_end_no_more_and_no_less_than_the_oldest(
    alice: User, tokenauth_settings: Callable[..., None], in_transaction: Callable[[Act], Act]
) -> None:
    tokenauth_settings(MAX_TOKENS_PER_USER=LIMIT, MAX_TOKENS_REACHED="revoke_oldest")
    before = {alice.generate_access_token("before") for _ in range(LIMIT - 2)}
    made, _ = at_once(creations(alice, in_transaction), ValidationError)
    assert len(made) == THREADS
    usable = set(alice.access_tokens.usable())
    assert len(usable) == LIMIT
    assert usable <= set(made)
    assert set(alice.access_tokens.all()) == {*before, *made}


class Served(NamedTuple):
    """A request: when it began, as ``time.monotonic()`` says, and the status of its answer."""

    began: float
    status: int


class Clients:
    """Clients that present keys to the project's whole WSGI application, until they are stopped."""

    def __init__(self, keys: list[str]) -> None:
        self.served: list[Served] = []
        self._stopped = Event()
        self._answered = Semaphore(0)
        self._application = WSGIHandler()
        self._threads = ThreadPoolExecutor(CLIENTS)
        self._loops = [
            self._threads.submit(self._loop, key) for key in itertools.islice(itertools.cycle(keys), CLIENTS)
        ]

    def wait_for(self, count: int) -> None:
        """Wait until as many more requests were answered, from now on."""
        while self._answered.acquire(blocking=False):
            pass
        for _ in range(count):
            assert self._answered.acquire(timeout=30)

    def stop(self) -> None:
        """:raises Exception: one of the clients failed."""
        self._stopped.set()
        self._threads.shutdown()
        for loop in self._loops:
            loop.result()

    def _loop(self, key: str) -> None:
        with own_connections():
            while not self._stopped.is_set():
                environ = RequestFactory().get(SITES, headers={"X-API-Key": key}).environ
                began = time.monotonic()
                response = self._application(environ, lambda *args: None)
                response.close()
                self.served.append(Served(began, response.status_code))
                self._answered.release()


def revoke_token(key: AccessToken) -> None:
    reload(key).revoke()


def revoke_family(key: AccessToken) -> None:
    lifecycle.revoke(AccessToken.objects.filter(family=key.family))


@pytest.mark.parametrize(("revoke", "requests"), [(revoke_token, 500), (revoke_family, 150)])
def test_no_request_that_begins_after_a_revocation_is_let_through(
    key: AccessToken,
    revoke: Callable[[AccessToken], None],
    requests: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As many requests are answered before it, and again after it."""
    # A client's thread keeps its connection: to open one is slower than all else in a request.
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", None)
    keys = [key] if revoke is revoke_token else [key, key.rotate()]
    clients = Clients([one.raw_token or "" for one in keys])
    try:
        clients.wait_for(requests)
        revoke(key)
        returned = time.monotonic()
        clients.wait_for(requests)
    finally:
        clients.stop()
    before = [one.status for one in clients.served if one.began < returned]
    after = [one.status for one in clients.served if one.began > returned]
    assert before[:requests] == [200] * requests
    # What was under way while it was revoked is either.
    assert set(before) <= {200, 401}
    assert len(after) >= requests - CLIENTS
    assert set(after) == {401}


# Whether the connection of this id waits for a lock.
WAITS = {
    "postgresql": "SELECT cardinality(pg_blocking_pids(%s))",
    "mysql": "SELECT COUNT(*) FROM information_schema.innodb_trx "
    "WHERE trx_mysql_thread_id = %s AND trx_state = 'LOCK WAIT'",
}
CONNECTION_ID = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT CONNECTION_ID()"}


def asked(sql: str, *params: object) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        (answer,) = cursor.fetchone()
        return int(answer)


@pytest.mark.skipif(
    connection.vendor not in WAITS,
    reason="a revocation that waits for a rotation: SQLite locks no rows. Run it with "
    "DATABASE_URL=postgres://... or mysql://...",
)
def test_a_family_that_is_revoked_while_it_is_rotated_has_none_left(key: AccessToken) -> None:
    """Whoever rotates a stolen key in a loop is nearly always rotating it when it is revoked."""
    revoking_id: Queue[int] = Queue()

    def revoke() -> int:
        with own_connections():
            revoking_id.put(asked(CONNECTION_ID[connection.vendor]))
            return lifecycle.revoke(AccessToken.objects.filter(family=key.family))

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            successor = key.rotate()
            revoked = other.submit(revoke)
            waiting, deadline = revoking_id.get(timeout=30), time.monotonic() + 30
            while not asked(WAITS[connection.vendor], waiting):
                assert time.monotonic() < deadline, "it does not wait for the rotation"
                # MariaDB answers from a copy for as long as it is asked again within a tenth of a second.
                time.sleep(0.2)
        assert revoked.result(timeout=30) == 2
    assert reload(successor).status == "revoked"


def test_what_is_done_to_the_tokens_of_two_users_ends_in_no_deadlock(
    alice: User, bob: User, tokenauth_settings: Callable[..., None]
) -> None:
    """With a limit, a creation locks its owner, to whom the others refer while they lock a token."""
    tokenauth_settings(MAX_TOKENS_PER_USER=100)
    acts: list[Act] = []
    for _ in range(4):
        rotated, revoked = (alice.generate_access_token("t") for _ in range(2))
        keys = [user.generate_access_token("k", kind="api_key", environment="live") for user in (alice, bob)]
        acts += [
            partial(alice.generate_access_token, "made", created_by=bob),
            partial(bob.generate_access_token, "made", created_by=alice),
            partial(rotated.rotate, by=alice),
            partial(revoked.revoke, by=alice),
            partial(keys[0].rotate, owner=bob, by=bob),
            partial(keys[1].rotate, owner=alice, by=bob),
            partial(log_attempts_with, revoked),
        ]
    done, _ = at_once(acts)
    assert len(done) == len(acts)
    assert AccessToken.objects.count() == 4 * (4 + 2 + 3)
    assert TokenLogin.objects.count() == 4 * 10


def test_a_password_change_beside_a_rotation_ends_every_token(
    tokenauth_settings: Callable[..., None],
) -> None:
    """The one locks the user and then the tokens, as the other would in the opposite order."""
    tokenauth_settings(END_TOKENS_ON_PASSWORD_CHANGE=True)
    acts: list[Act] = []
    for number in range(10):
        user = User.objects.create_user(f"user{number}")
        acts += [user.generate_access_token("t").rotate, partial(change_password, user.pk)]
    at_once(acts, RotationConflict)
    assert not AccessToken.objects.usable().exists()


@pytest.mark.skipif(
    connection.vendor == "sqlite",
    reason="tokens of others beside a revocation: SQLite has one writer. Run it with DATABASE_URL=mysql://...",
)
@pytest.mark.parametrize("is_first", [False, True])
def test_a_revocation_waits_for_no_token_of_somebody_else(alice: User, bob: User, is_first: bool) -> None:
    """Whichever index the database finds the rows by: here, those that are not revoked are the fewest.

    It may be the first that a thread asks of the database.
    """
    ended = {"user": alice, "name": "ended", "revoked_at": timezone.now()}
    AccessToken.objects.bulk_create(AccessToken(**ended, secret=f"{number:064x}") for number in range(3000))
    last, of_another = alice.generate_access_token("last"), bob.generate_access_token("t")
    with connection.cursor() as cursor:
        analyze = "ANALYZE TABLE" if connection.vendor == "mysql" else "ANALYZE"
        cursor.execute(f"{analyze} tokenauth_accesstoken")
    is_locked, is_over = Event(), Event()

    def revoke() -> int:
        try:
            if not is_first:
                connection.ensure_connection()
            return alice.revoke_all_access_tokens()
        finally:
            connection.close()

    def hold() -> None:
        with own_connections(), transaction.atomic():
            AccessToken.objects.filter(pk=of_another.pk).update(last_used_at=of_another.created_at)
            is_locked.set()
            is_over.wait(timeout=30)

    with ThreadPoolExecutor(2) as threads:
        holding = threads.submit(hold)
        assert is_locked.wait(timeout=30)
        try:
            assert threads.submit(revoke).result(timeout=10) == 1
        finally:
            is_over.set()
        holding.result()
    last.refresh_from_db()
    assert last.revoked_at is not None


def test_what_is_used_meanwhile_is_not_revoked_as_unused(alice: User) -> None:
    """Which the database sees where it locks what it looks at, and else has to be looked at again."""
    made = timezone.now() - timedelta(days=100)
    used, unused = (alice.generate_access_token(name) for name in ("used", "unused"))
    AccessToken.objects.update(created_at=made)
    is_used = False

    def use(execute: Any, sql: str, *arguments: Any) -> Any:
        nonlocal is_used
        if not is_used and "tokenauth_accesstoken" in sql and "UPDATE" in sql:
            is_used = True
            at_once([lambda: AccessToken.objects.filter(pk=used.pk).update(last_used_at=timezone.now())])
        return execute(sql, *arguments)

    since = timezone.now()
    with connection.execute_wrapper(use):
        count = lifecycle.revoke(AccessToken.objects.filter(is_unused(since, timedelta(days=90))))
    assert is_used
    assert (count, reload(used).revoked_at is None, reload(unused).revoked_at is None) == (1, True, False)


def change_password(user_id: int) -> None:
    # As in a request of ATOMIC_REQUESTS.
    with transaction.atomic():
        user = User.objects.get(pk=user_id)
        user.password = f"another {user.password}"
        user.save()


def log_attempts_with(token: AccessToken) -> None:
    for _ in range(10):
        TokenLogin.objects.create(id_type="access_token", success=True, user=token.user, token=token)

"""What befalls a prune on a database server: its connection is ended, its rows are referred to anew."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.utils import timezone

from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

# How a server's own client asks which connection it is, and ends another.
STATEMENTS = {
    "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend(%s)"),
    "mysql": ("SELECT CONNECTION_ID()", "KILL CONNECTION %s"),
}

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor not in STATEMENTS,
        reason="a prune beside other connections, one of them ended: this database has no server. "
        "Run it with DATABASE_URL=postgres://... or mysql://...",
    ),
]


class Killer:
    """Ends the connection, by another one, when it is about to delete for the second time."""

    def __init__(self) -> None:
        ask, self.end = STATEMENTS[connection.vendor]
        with connection.cursor() as cursor:
            cursor.execute(ask)
            (self.pid,) = cursor.fetchone()
        self.other = connection.copy("killer")
        self.deletes = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: Any, context: Any) -> Any:
        self.deletes += sql.startswith("DELETE FROM")
        if self.deletes == 2:
            self.deletes += 1
            with self.other.cursor() as cursor:
                cursor.execute(self.end, [self.pid])
            self.other.close()
        return execute(sql, params, many, context)


def test_it_says_how_far_it_came_and_can_be_run_again(alice: User) -> None:
    for _ in range(3):
        alice.generate_access_token("t")
    AccessToken.objects.update(revoked_at=timezone.now() - timedelta(days=31))
    TokenLogin.objects.create(id_type="jwt", success=True, date=timezone.now() - timedelta(days=91))
    killer = Killer()
    with connection.execute_wrapper(killer), pytest.raises(CommandError) as raised:
        call_command("prunetokens", "--batch", "1")
    assert killer.deletes == 3
    assert str(raised.value).startswith("The database failed: ")
    assert "0 tokens and 1 row of the login log were deleted before" in str(raised.value)
    connection.close()
    assert AccessToken.objects.count() == 3
    call_command("prunetokens", "--batch", "1")
    assert not AccessToken.objects.exists()


def test_a_client_that_still_tries_a_token_does_not_stop_it(alice: User) -> None:
    """Its refused attempt would refer to the row between the two statements that delete it."""
    token = alice.generate_access_token("t")
    AccessToken.objects.update(revoked_at=timezone.now() - timedelta(days=31))
    outcomes: list[object] = []

    def attempt() -> None:
        other = connection.copy("attempt")
        try:
            with other.cursor() as cursor:
                columns = "id_type, identifier, hint, user_agent, request_id, client_version, reason"
                cursor.execute(
                    f"INSERT INTO tokenauth_tokenlogin ({columns}, date, success, count, token_id) "  # noqa: S608
                    "VALUES ('access_token', '', '', '', '', '', 'revoked', %s, %s, 1, %s)",
                    [timezone.now().replace(tzinfo=None), False, token.pk],
                )
            outcomes.append("written")
        except IntegrityError as error:
            outcomes.append(error)
        finally:
            other.close()

    thread = threading.Thread(target=attempt)

    def try_it(execute: Callable[..., Any], sql: str, *args: Any) -> Any:
        if sql.startswith("DELETE FROM"):
            thread.start()
            # Where the row is locked it waits for this transaction, and is not waited for.
            thread.join(timeout=1)
        return execute(sql, *args)

    with connection.execute_wrapper(try_it):
        call_command("prunetokens")
    thread.join(timeout=30)
    assert not AccessToken.objects.exists()
    (outcome,) = outcomes
    assert isinstance(outcome, IntegrityError)

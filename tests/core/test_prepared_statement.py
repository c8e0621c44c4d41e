"""On PostgreSQL, the lookup is planned once a connection; and whatever becomes of that, it is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from tokenauth.core import compiled_lookup, lookup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testproject.accounts.models import User
    from tokenauth.models import AccessToken

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql",
        reason="prepared statements are PostgreSQL's. They are tested by "
        "DATABASE_URL=postgres://postgres@127.0.0.1/postgres pytest tests/core",
    ),
]


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Neither what was compiled before, nor the connection that it was prepared on."""
    _forget()
    yield
    _forget()


def _forget() -> None:
    connection.close()
    connections["default"].__dict__.pop(compiled_lookup._ATTRIBUTE, None)


@pytest.fixture
def token(alice: User) -> AccessToken:
    return alice.generate_access_token("t", ["read:sites"])


def asked(token: AccessToken, times: int = 1) -> list[str]:
    """The first words of what the database was asked."""
    with CaptureQueriesContext(connection) as captured:
        for _ in range(times):
            found = lookup.find([token.secret])
            assert found is not None
            assert (found.pk, found.scopes, found.user_id) == (token.pk, token.scopes, token.user_id)
    return [query["sql"].split()[0] for query in captured.captured_queries]


def test_what_is_asked_again_is_prepared(token: AccessToken) -> None:
    assert asked(token, 4) == ["SELECT", "SELECT", "EXECUTE", "EXECUTE"]
    with CaptureQueriesContext(connection) as captured:
        lookup.find([token.secret])
    # As every other query, with what it is asked for.
    assert token.secret in captured.captured_queries[0]["sql"]


def test_each_number_of_digests_is_another_statement(token: AccessToken) -> None:
    asked(token, 3)
    for _ in range(4):
        assert lookup.find(["0" * 64, token.secret]) == token
    assert asked(token) == ["EXECUTE"]
    assert lookup.find(["0" * 64]) is None


def test_a_new_connection_has_nothing_prepared(token: AccessToken) -> None:
    asked(token, 3)
    connection.close()
    assert asked(token, 3) == ["SELECT", "SELECT", "EXECUTE"]


def test_a_transaction_asks_plainly(token: AccessToken) -> None:
    asked(token, 3)
    with transaction.atomic():
        assert asked(token) == ["SELECT"]
    assert asked(token) == ["EXECUTE"]


def test_a_session_that_was_reset_is_noticed(token: AccessToken) -> None:
    asked(token, 3)
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    assert asked(token, 3) == ["EXECUTE", "SELECT", "SELECT", "SELECT"]
    assert asked(token) == ["EXECUTE"]


def test_a_statement_that_is_there_is_the_same(token: AccessToken) -> None:
    """As where a pool hands on a session in which another process has prepared it."""
    asked(token, 3)
    connections["default"].__dict__.pop(compiled_lookup._ATTRIBUTE)
    assert asked(token, 3) == ["SELECT", "SELECT", "EXECUTE"]


def test_a_migration_is_noticed(token: AccessToken) -> None:
    asked(token, 3)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tokenauth_accesstoken ALTER COLUMN name TYPE varchar(300)")
        try:
            assert asked(token)[-1] == "SELECT"
            assert asked(token, 3)[-1] == "EXECUTE"
        finally:
            cursor.execute("ALTER TABLE tokenauth_accesstoken ALTER COLUMN name TYPE varchar(255)")


def test_the_other_driver_is_understood(token: AccessToken) -> None:
    """The whole module passes with psycopg2 in psycopg's place, too; here is what it needs for that."""

    class OfPsycopg2(Exception):  # noqa: N818 - as it stands for one of many
        pgcode = "26000"

    asked(token, 3)
    compiled = compiled_lookup.of(connections["default"], 1)
    assert compiled is not None
    assert compiled._prepared is not None
    error = DatabaseError()
    assert not compiled._prepared.is_gone(error)
    error.__cause__ = OfPsycopg2()
    assert compiled._prepared.is_gone(error)


def test_what_else_fails_is_raised(token: AccessToken) -> None:
    asked(token, 3)

    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        raise ZeroDivisionError

    with connection.execute_wrapper(fail), pytest.raises(ZeroDivisionError):
        lookup.find([token.secret])


@pytest.mark.parametrize(
    ("name", "value"), [("DISABLE_SERVER_SIDE_CURSORS", True), ("OPTIONS", {"server_side_binding": True})]
)
def test_where_it_would_not_do_nothing_is_prepared(
    name: str, value: Any, token: AccessToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured = connections["default"].settings_dict
    if name == "OPTIONS":
        value = {**configured["OPTIONS"], **value}
    monkeypatch.setitem(configured, name, value)
    _forget()
    assert set(asked(token, 4)) == {"SELECT"}
    _forget()

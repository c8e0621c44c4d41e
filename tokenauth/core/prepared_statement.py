"""A statement that PostgreSQL plans once a connection, and not each time that it is asked.

To plan the lookup of a token takes longer than to look it up. Where the statement is gone, after a reset of
the session, a migration, or with another backend, it is sent as it is.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from django.db import DatabaseError
    from django.db.backends.base.base import BaseDatabaseWrapper

# No such statement, a result that is not as it was, and one that is there: of this name, and so the same.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_UNKNOWN, _CHANGED, _DUPLICATE = "26000", "0A000", "42P05"


class PreparedStatement:
    """``sql``, with ``%s`` for each of ``count`` texts."""

    def __init__(self, connection: BaseDatabaseWrapper, sql: str, count: int) -> None:
        self._connection = connection
        numbered = sql % tuple(f"${number}" for number in range(1, count + 1))
        # By what it says: nobody's statement of this name is another.
        self._name = f"tokenauth_{hashlib.sha256(numbered.encode()).hexdigest()[:32]}"
        self._definition = f"PREPARE {self._name} AS {numbered}"
        self.execute = f"EXECUTE {self._name}({', '.join(['%s'] * count)})"
        # Connections of the driver, of which a pool has several, and whether it is prepared there.
        self._known: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()

    def is_ready(self) -> bool:
        """Whether ``execute`` may be sent now. Prepares it where it is asked for a second time."""
        connection = self._connection
        # A failure would end a transaction.
        if connection.in_atomic_block or not connection.get_autocommit():
            return False
        driver = connection.connection
        known = self._known.get(driver)
        if known is None:
            # A connection that is opened for one request is not worth it.
            self._known[driver] = False
        elif not known:
            self._known[driver] = self._prepare(driver)
        return bool(known)

    def is_gone(self, error: DatabaseError) -> bool:
        """Whether ``error``, of sending ``execute``, only says that it has to be prepared anew."""
        code = _code(error.__cause__)
        if code not in (_UNKNOWN, _CHANGED):
            return False
        driver = self._connection.connection
        self._known.pop(driver, None)
        if code == _CHANGED:
            # It is there, and would be for ever.
            self._run(driver, f"DEALLOCATE {self._name}")
        return True

    def _prepare(self, driver: Any) -> bool:
        return self._run(driver, self._definition) in (None, _DUPLICATE)

    def _run(self, driver: Any, sql: str) -> str | None:
        """Send ``sql``; the code of the error, or None."""
        # Past Django's cursor, which logs, counts and wraps queries: the project's own.
        with driver.cursor() as cursor:
            try:
                cursor.execute(sql)
            except self._connection.Database.Error as error:  # type: ignore[attr-defined]
                return _code(error) or ""
        return None


def _code(error: BaseException | None) -> str | None:
    """By either driver: psycopg2 has another name for it."""
    code: str | None = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return code


def prepared(connection: BaseDatabaseWrapper, sql: str, count: int) -> PreparedStatement | None:
    """``sql`` as a prepared statement; None where the database or the project's settings have none."""
    configured = connection.settings_dict
    if (
        connection.vendor != "postgresql"
        # What Django asks to be set where a pooler hands sessions on between transactions.
        or configured.get("DISABLE_SERVER_SIDE_CURSORS")
        # Which prepares by itself, and binds what EXECUTE does not take.
        or configured["OPTIONS"].get("server_side_binding")
    ):
        return None
    return PreparedStatement(connection, sql, count)

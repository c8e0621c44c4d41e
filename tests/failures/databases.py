"""Databases that refuse to write: each in the way of its own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG = "tokenauth_tokenlogin"

_REFUSING = {
    "sqlite": [
        f"CREATE TRIGGER refuses BEFORE INSERT ON {LOG} BEGIN SELECT RAISE(ABORT, 'no more rows'); END",
    ],
    "postgresql": [
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RAISE EXCEPTION 'no more rows'; END $$""",
        f"CREATE TRIGGER refuses BEFORE INSERT ON {LOG} FOR EACH ROW EXECUTE FUNCTION refuse()",
    ],
    "mysql": [
        f"""CREATE TRIGGER refuses BEFORE INSERT ON {LOG} FOR EACH ROW
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no more rows'""",
    ],
}
_TAKING = {
    "sqlite": ["DROP TRIGGER refuses"],
    "postgresql": ["DROP FUNCTION refuse() CASCADE"],
    "mysql": ["DROP TRIGGER refuses"],
}


@contextmanager
def read_only() -> Iterator[None]:
    """This thread's connection is one by which nobody may write."""
    given = {key: connection.settings_dict[key] for key in ("NAME", "OPTIONS")}
    options = given["OPTIONS"]
    if connection.vendor == "sqlite":
        changed: dict[str, Any] = {
            "NAME": f"file:{given['NAME']}?mode=ro",
            "OPTIONS": {**options, "uri": True},
        }
    elif connection.vendor == "postgresql":
        changed = {"OPTIONS": {**options, "options": "-c default_transaction_read_only=on"}}
    else:
        changed = {"OPTIONS": {**options, "init_command": "SET SESSION TRANSACTION READ ONLY"}}
    connection.close()
    connection.settings_dict.update(changed)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(given)


@contextmanager
def refusing_rows() -> Iterator[None]:
    """The table of the login log takes no row."""
    _execute(_REFUSING[connection.vendor])
    try:
        yield
    finally:
        _execute(_TAKING[connection.vendor])


@contextmanager
def without_log() -> Iterator[None]:
    """There is no table for the login log."""
    _execute([f"ALTER TABLE {LOG} RENAME TO {LOG}_gone"])
    try:
        yield
    finally:
        _execute([f"ALTER TABLE {LOG}_gone RENAME TO {LOG}"])


def _execute(statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)

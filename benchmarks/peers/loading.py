"""Very many rows, as a dump is restored: indexes and constraints are made when the rows are there."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from django.db.models import Model

BATCH = 20_000

# What may be asked of the database for as long as nobody else is in it, and a crash means to begin anew.
_HURRIES = {
    "sqlite": (
        *("PRAGMA synchronous = OFF", "PRAGMA journal_mode = OFF", "PRAGMA foreign_keys = OFF"),
        # In kibibytes: of random keys in an index that is a part of its table, each is on another page.
        *("PRAGMA cache_size = -1000000", "PRAGMA temp_store = MEMORY"),
    ),
    "postgresql": ("SET synchronous_commit TO off", "SET maintenance_work_mem TO '512MB'"),
}

# What drops each index and constraint, and what makes it again, in the order in which they are made. A unique
# one stays where a foreign key is held by it; on SQLite it is a part of the table, and has no SQL.
_PARTS = {
    "sqlite": (
        """
        SELECT printf('DROP INDEX "%%w"', name), sql FROM sqlite_master
        WHERE tbl_name = %s AND type = 'index' AND sql IS NOT NULL ORDER BY name
        """,
    ),
    "postgresql": (
        """
        SELECT format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid) FROM pg_index
        WHERE indrelid = %s::regclass AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
        ORDER BY indexrelid::regclass::text
        """,
        """
        SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
            format('ALTER TABLE %%s ADD CONSTRAINT %%I ', conrelid::regclass, conname)
                || pg_get_constraintdef(oid)
        FROM pg_constraint AS one
        WHERE conrelid = %s::regclass AND (contype = 'f' OR contype IN ('p', 'u') AND NOT EXISTS (
            SELECT FROM pg_constraint WHERE contype = 'f' AND conindid = one.conindid
        )) ORDER BY contype = 'f', conname
        """,
    ),
}


@contextmanager
def bare(models: Iterable[type[Model]]) -> Iterator[None]:
    """Within the block, the tables of ``models`` have no index and no foreign key that can be done without.

    :raises RuntimeError: afterwards they are not what they were before.
    """
    parts = {model._meta.db_table: _parts(model._meta.db_table) for model in models}
    _execute(_HURRIES[connection.vendor])
    for of_table in parts.values():
        _execute(drop for drop, _ in reversed(of_table))
    yield
    for of_table in parts.values():
        _execute(make for _, make in of_table)
    if connection.vendor == "sqlite":
        # Written into the file, and so not of this connection alone.
        _execute(["PRAGMA journal_mode = WAL"])
    # All else that was set ends with the connection.
    connection.close()
    for table, before in parts.items():
        if _parts(table) != before:
            raise RuntimeError(f"The indexes and constraints of {table} are not what they were.")


def insert(model: type[Model], rows: Iterable[Mapping[str, Any]], count: int, what: str) -> None:
    """Insert ``count`` rows, each of the same attributes of ``model``; all else is as in a new instance.

    What a new one has is made once, and so is alike: what is random, or made of an attribute, is to be given.
    """
    iterator = iter(rows)
    first = next(iterator, None)
    if first is None:
        return
    given = {field.attname: field for field in model._meta.concrete_fields if field.attname in first}
    new = model(**first)
    others = [
        field
        for field in model._meta.concrete_fields
        if field.attname not in given and field is not model._meta.auto_field
    ]
    alike = tuple(field.get_db_prep_save(field.pre_save(new, add=True), connection) for field in others)
    prepare = [(name, field.get_db_prep_save) for name, field in given.items()]
    columns = [str(field.column) for field in (*given.values(), *others)]
    prepared = (
        (*(save(row[name], connection) for name, save in prepare), *alike) for row in chain([first], iterator)
    )
    with (
        tqdm(total=count, desc=what, unit="row", leave=False, disable=None) as progress,
        transaction.atomic(),
    ):
        while batch := list(islice(prepared, BATCH)):
            _write(model._meta.db_table, columns, batch)
            progress.update(len(batch))


def _write(table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    quote = connection.ops.quote_name
    into = f"{quote(table)} ({', '.join(map(quote, columns))})"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {into} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            values = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"INSERT INTO {into} VALUES ({values})", rows)  # noqa: S608


def _parts(table: str) -> list[tuple[str, str]]:
    parts: list[tuple[str, str]] = []
    with connection.cursor() as cursor:
        for query in _PARTS[connection.vendor]:
            cursor.execute(query, [table])
            parts += cursor.fetchall()
    return parts


def _execute(statements: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)

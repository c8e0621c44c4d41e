"""What PostgreSQL's planner makes of the statements that code sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXPLAINED = ("SELECT", "UPDATE", "DELETE")


class Plan(NamedTuple):
    """``reads``: each index that is used, as ``"table(column, column)"``; each table that is read whole."""

    sql: str
    reads: frozenset[str]
    cost: float


def plans(run: Callable[[], object], containing: str = "") -> list[Plan]:
    """The plan of every statement that ``run`` sends, or of those that contain a text; it leaves no trace."""
    with transaction.atomic():
        with CaptureQueriesContext(connection) as captured:
            run()
        statements = [
            query["sql"]
            for query in captured.captured_queries
            if query["sql"].startswith(EXPLAINED) and containing in query["sql"]
        ]
        explained = [_plan(statement) for statement in statements]
        transaction.set_rollback(True)
    assert explained, "it sent nothing that can be explained"
    return explained


def index_names() -> dict[str, str]:
    """Every index, as ``"table(column, column)"``, and its name."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT tables.relname || '(' || string_agg(attname, ', ' ORDER BY attnum) || ')', indexes.relname
            FROM pg_index
            JOIN pg_class indexes ON indexes.oid = indexrelid
            JOIN pg_class tables ON tables.oid = indrelid
            JOIN pg_attribute ON attrelid = indexrelid
            WHERE indexes.relnamespace = current_schema()::regnamespace
            GROUP BY tables.relname, indexes.relname
            """
        )
        return dict(cursor.fetchall())


def drop_index(index: str) -> None:
    """Drop ``"table(column, column)"``, with the constraint that it serves."""
    table, name = index.partition("(")[0], index_names()[index]
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT IF EXISTS "{name}" CASCADE')
        cursor.execute(f'DROP INDEX IF EXISTS "{name}"')


def _plan(sql: str) -> Plan:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        (((top,),),) = cursor.fetchall()
    indexes = {name: index for index, name in index_names().items()}
    reads = set()
    for node in _nodes(top["Plan"]):
        if "Index Name" in node:
            reads.add(indexes[node["Index Name"]])
        elif node["Node Type"] == "Seq Scan":
            reads.add(node["Relation Name"])
    return Plan(sql, frozenset(reads), top["Plan"]["Total Cost"])


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)

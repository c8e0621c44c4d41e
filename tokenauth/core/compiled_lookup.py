"""A token and its user by digest, by a statement that the ORM has compiled once.

To build the query set and to compile its SQL takes the ORM several times as long as the database takes to
answer it. The statement, the converters of its columns and their order are the ORM's own, for the models and
the database in use, and are kept with the connection that they were compiled for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings

from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models import Expression, QuerySet

    Converter = tuple[int, Callable[..., Any], Expression]

# On a connection, which belongs to one thread: what was compiled for it ends with it.
_ATTRIBUTE = "_tokenauth_lookups"


def rows(digests: Sequence[str]) -> QuerySet[AccessToken]:
    """The query itself, for the ORM."""
    # By equality where one digest is asked for: it is what an index is best at on every database.
    condition = {"secret": digests[0]} if len(digests) == 1 else {"secret__in": digests}
    return AccessToken.objects.select_related("user").filter(**condition)


class CompiledLookup:
    """The statement for a number of digests on one connection."""

    def __init__(self, connection: BaseDatabaseWrapper, count: int) -> None:
        """:raises NotImplementedError: the ORM's query is not of the form that this class can send."""
        self.connection = connection
        placeholders = [f"digest {number}" for number in range(count)]
        query = rows(placeholders).using(connection.alias).order_by().query
        compiler = query.get_compiler(connection=connection)
        self.sql, params = compiler.as_sql()
        token, related = compiler.klass_info or {}, []
        related = token.get("related_klass_infos", [])
        if list(params) != placeholders or len(related) != 1 or compiler.annotation_col_map:
            raise NotImplementedError("The database's own way of this query has to be taken.")
        columns = [column for column, *_ in compiler.select]
        self.token_fields, self.token_slice = _part(columns, token)
        self.user_fields, self.user_slice = _part(columns, related[0])
        self.user_model = related[0]["model"]
        self.keep_user = AccessToken._meta.get_field("user").set_cached_value
        converters = compiler.get_converters(columns)
        self.converters: list[Converter] = [
            (index, convert, expression)
            for index, (of_column, expression) in sorted(converters.items())
            for convert in of_column
        ]

    def values(self, digests: Sequence[str]) -> list[Any] | None:
        """The columns of the row under one of ``digests``, as the models take them; or None."""
        with self.connection.cursor() as cursor:
            cursor.execute(self.sql, digests)
            row = cursor.fetchone()
        if row is None:
            return None
        values, connection = list(row), self.connection
        for index, convert, expression in self.converters:
            values[index] = convert(values[index], expression, connection)
        return values

    def token(self, values: Sequence[Any]) -> AccessToken:
        """The token of such a row, with its user."""
        alias = self.connection.alias
        token = AccessToken.from_db(alias, self.token_fields, values[self.token_slice])
        user = self.user_model.from_db(alias, self.user_fields, values[self.user_slice])
        self.keep_user(token, user)
        return token


def of(connection: BaseDatabaseWrapper, count: int) -> CompiledLookup | None:
    """The statement for ``count`` digests on ``connection``; None where the ORM has to be asked itself."""
    lookups: dict[tuple[int, bool], CompiledLookup | None] = connection.__dict__.setdefault(_ATTRIBUTE, {})
    # How a database gives times depends on that.
    key = count, settings.USE_TZ
    if key not in lookups:
        try:
            lookups[key] = CompiledLookup(connection, count)
        except NotImplementedError:
            lookups[key] = None
    return lookups[key]


def _part(columns: Sequence[Any], part: dict[str, Any]) -> tuple[list[str], slice]:
    """The names of a model's columns in a row, and where they are."""
    indexes: list[int] = part["select_fields"]
    whole = slice(indexes[0], indexes[-1] + 1)
    return [column.target.attname for column in columns[whole]], whole

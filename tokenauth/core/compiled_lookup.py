"""A token and its user by digest, by a statement that the ORM has compiled once.

To build the query set and to compile its SQL takes the ORM several times as long as the database takes to
answer it. The statement, the converters of its columns and their order are the ORM's own, for the models and
the database in use, and are kept with the connection that they were compiled for.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Model, signals
from django.db.models.base import ModelState
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute
from django.db.models.query_utils import DeferredAttribute

from tokenauth.core import prepared_statement
from tokenauth.core.converted import Conversions
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models import Expression, QuerySet

    Converter = tuple[int, Callable[..., Any], Expression]
    from tokenauth.core.converted import Values

# Attributes that keep what they are given.
_PLAIN = (DeferredAttribute, ForeignKeyDeferredAttribute)
# What is called where Django makes an instance of what the database says.
_MAKING = ("from_db", "__new__", "__init__", "__setattr__")

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
        self._prepared = prepared_statement.prepared(connection, self.sql, count)
        self._names: list[str] = []
        if _takes_names(connection) and "%%" not in self.sql:
            # Django looks for each %s in the text, which takes as long as SQLite; names it puts in at once.
            self._names = [f"digest{number}" for number in range(count)]
            self.sql %= tuple(f"%({name})s" for name in self._names)
        columns = [column for column, *_ in compiler.select]
        self._token = Instances(columns, token, connection.alias)
        self._user = Instances(columns, related[0], connection.alias)
        self._keep_user = AccessToken._meta.get_field("user").set_cached_value
        converters = compiler.get_converters(columns)
        self.converters: list[Converter] = [
            (index, convert, expression)
            for index, (of_column, expression) in sorted(converters.items())
            for convert in of_column
        ]
        # What a project's own field makes of a column may be another thing each time.
        repeats = all(
            getattr(convert, "__module__", "").startswith("django.") for _, convert, _ in self.converters
        )
        self._conversions = Conversions(self._convert) if repeats else None

    def values(self, digests: Sequence[str]) -> Values | None:
        """What the row under one of ``digests`` has, as the models take it; or None."""
        row = self._row(digests)
        if row is None:
            return None
        return self._convert(row) if self._conversions is None else self._conversions.values(digests[0], row)

    def _convert(self, row: Sequence[Any]) -> Values:
        columns, connection = list(row), self.connection
        for index, convert, expression in self.converters:
            columns[index] = convert(columns[index], expression, connection)
        return self._token.values(columns), self._user.values(columns)

    def _row(self, digests: Sequence[str]) -> Any:
        with self.connection.cursor() as cursor:
            prepared = self._prepared
            if prepared is not None and prepared.is_ready():
                try:
                    cursor.execute(prepared.execute, digests)
                    return cursor.fetchone()
                except DatabaseError as error:
                    if not prepared.is_gone(error):
                        raise
            cursor.execute(self.sql, dict(zip(self._names, digests, strict=True)) if self._names else digests)
            return cursor.fetchone()

    def token(self, values: Values) -> AccessToken:
        """The token of such a row, with its user. The dictionaries are theirs from now on."""
        of_token, of_user = values
        token: AccessToken = self._token.make(of_token)
        self._keep_user(token, self._user.make(of_user))
        return token


class Instances:
    """Instances of one of the models in a row, as ``Model.from_db`` makes them."""

    def __init__(self, columns: Sequence[Any], part: dict[str, Any], using: str) -> None:
        indexes: list[int] = part["select_fields"]
        self.columns = slice(indexes[0], indexes[-1] + 1)
        self.names = [column.target.attname for column in columns[self.columns]]
        self.model: type[Model] = part["model"]
        self.using = using
        # Neither the model nor one of its fields does anything of its own with what comes from the database.
        self._is_plain = (
            all(_is_of_django(self.model, name) for name in _MAKING)
            and [field.attname for field in self.model._meta.concrete_fields] == self.names
            and all(type(inspect.getattr_static(self.model, name)) in _PLAIN for name in self.names)
        )

    def values(self, columns: Sequence[Any]) -> dict[str, Any]:
        """What the columns of a row are to the attributes of the instance."""
        return dict(zip(self.names, columns[self.columns], strict=True))

    def make(self, values: dict[str, Any]) -> Any:
        """The instance with ``values``, which are its own from now on."""
        model = self.model
        if not self._is_plain or _is_heard(model):
            return model.from_db(self.using, self.names, tuple(values.values()))
        # What Model.__init__ does then, without asking each field: it takes as long as the database.
        instance = model.__new__(model)
        values["_state"] = state = ModelState()
        state.db, state.adding = self.using, False
        instance.__dict__ = values
        return instance


def _takes_names(connection: BaseDatabaseWrapper) -> bool:
    return connection.vendor == "sqlite" and connection.features.supports_paramstyle_pyformat


def _is_of_django(model: type[Model], name: str) -> bool:
    # Of what comes after Model, too: its own __init__ calls theirs.
    return all(name not in vars(each) for each in model.__mro__ if each not in (Model, object))


def _is_heard(model: type[Model]) -> bool:
    return bool(signals.pre_init.receivers or signals.post_init.receivers) and (
        signals.pre_init.has_listeners(model) or signals.post_init.has_listeners(model)
    )


def of(connection: BaseDatabaseWrapper, count: int) -> CompiledLookup | None:
    """The statement for ``count`` digests on ``connection``; None where the ORM has to be asked itself."""
    # How a database gives times depends on that.
    key = count, settings.USE_TZ
    try:
        return connection.__dict__[_ATTRIBUTE][key]  # type: ignore[no-any-return]
    except KeyError:
        lookups = connection.__dict__.setdefault(_ATTRIBUTE, {})
        try:
            lookups[key] = CompiledLookup(connection, count)
        except NotImplementedError:
            lookups[key] = None
        return lookups[key]  # type: ignore[no-any-return]

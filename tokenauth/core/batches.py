"""Deleting many rows a few at a time: others write in between, and what is done stays done."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import SET_NULL, BooleanField, F, Func, Model, Q, QuerySet, Value
from django.db.models.deletion import get_candidate_relations_to_delete
from django.db.models.signals import post_delete, pre_delete
from django.dispatch import Signal

# How many rows at first, before it is known how long they take.
FIRST = 500
# In seconds: what takes longer holds others up, and what takes less could be more.
LONG, SHORT = 0.25, 0.1
# Where a batch holds the only lock for all who write; they wait for it, and then for their turn to ask again.
LONG_ON_SQLITE, SHORT_ON_SQLITE = 0.15, 0.06
# The memory of lookups (its dispatch_uid): it need not hear of each row, since the query set tells it of all.
_FORGETS = "tokenauth.lookup_cache"


class Pace:
    """``size``: how many rows at a time; ``most`` where the database is quick, and fewer where it is busy.

    :raises ValueError: ``most`` is less than 1.
    """

    def __init__(self, most: int, using: str = DEFAULT_DB_ALIAS) -> None:
        if most < 1:
            raise ValueError(f"A batch has 1 row or more, not {most}.")
        self.most = most
        is_sqlite = connections[using].vendor == "sqlite"
        self.long, self.short = (LONG_ON_SQLITE, SHORT_ON_SQLITE) if is_sqlite else (LONG, SHORT)
        self.size = min(most, FIRST)

    def took(self, seconds: float) -> None:
        """Change the size by how long the last one took."""
        if seconds > self.long:
            self.size = max(1, self.size // 2)
        elif seconds < self.short:
            self.size = min(self.most, self.size * 2)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Change the size by how long the block takes."""
        start = monotonic()
        yield
        self.took(monotonic() - start)


def delete(rows: QuerySet[Any], by: str, most: int) -> Iterator[int]:
    """Delete ``rows`` in the order of the indexed column ``by``, ``most`` at a time; how many, each time.

    Each batch is a transaction of its own, and is found where the one before ended. Any number of rows may
    refer to it, and are parted from it before, a few at a time as well. A row is loaded only where somebody
    hears of it (``pre_delete``, ``post_delete``), or where others are deleted with it.

    :raises ValueError: ``most`` is less than 1.
    """
    ordered = rows.order_by(by, "pk")
    remaining = ordered
    delete_found = _delete_each if _is_each_loaded(rows.model) else _delete_at_once
    pace, pace_of_parting = Pace(most, rows.db), Pace(most, rows.db)
    while batch := list(remaining.values_list(by, "pk")[: pace.size]):
        keys = [key for _, key in batch]
        found = rows.filter(_among(rows.model._meta.pk, keys, rows.db)).order_by()
        _part(found, keys, pace_of_parting)
        with pace.measured(), _transaction(rows.db):
            # Asked again what they are, since a row may have changed.
            count = delete_found(found)
        yield count
        last, key = batch[-1]
        # The first condition is for the index, which the second would not be found by.
        remaining = ordered.filter(Q(**{f"{by}__gte": last}), Q(**{f"{by}__gt": last}) | Q(pk__gt=key))


def _is_each_loaded(model: type[Model]) -> bool:
    """Whether Django has to see each row, for a receiver or for what is to be deleted with it."""
    return (
        any(_is_heard(signal, model) for signal in (pre_delete, post_delete))
        or bool(model._meta.parents)
        or any(relation.on_delete is not SET_NULL for relation in _relations(model))
        or any(hasattr(field, "bulk_related_objects") for field in model._meta.private_fields)
    )


def _is_heard(signal: Signal, model: type[Model]) -> bool:
    return any(
        listener != _FORGETS and sender in (id(None), id(model))
        for (listener, sender), *_ in signal.receivers
    )


def _relations(model: type[Model]) -> list[Any]:
    """Those by which rows refer to ``model``, also where it knows no name for them."""
    return list(get_candidate_relations_to_delete(model._meta))


def _delete_each(found: QuerySet[Any]) -> int:
    # Whole, as a receiver may want to read them: by then, what was left out is gone.
    doomed = (
        _of(found.model, found.model._meta.pk, _locked(found), found.db) if _relations(found.model) else found
    )
    _, deleted = doomed.delete()
    return deleted.get(found.model._meta.label, 0)


def _delete_at_once(found: QuerySet[Any]) -> int:
    """As Django does for rows that it has loaded, by one statement for each table."""
    relations = _relations(found.model)
    if not relations:
        return int(found._raw_delete(found.db))
    keys = _locked(found)
    for relation in relations:
        _referring(relation, keys, found.db).update(**{relation.field.name: None})
    return int(_of(found.model, found.model._meta.pk, keys, found.db)._raw_delete(found.db))


def _locked(found: QuerySet[Any]) -> list[Any]:
    # So that none is referred to anew while those that refer to it are parted from it: a log is written all
    # the while. In one order, whoever else locks them.
    return list(found.order_by("pk").select_for_update().values_list("pk", flat=True))


@contextmanager
def _transaction(using: str) -> Iterator[None]:
    with transaction.atomic(using=using):
        if connections[using].vendor == "postgresql":
            with connections[using].cursor() as cursor:
                # Nobody need wait for the disk: what a crash brings back, the next run deletes.
                cursor.execute("SET LOCAL synchronous_commit TO off")
        yield


def _part(found: QuerySet[Any], keys: list[Any], pace: Pace) -> None:
    """Part from ``found``, of these keys, what outlives them, a few at a time; fewer than that are left."""
    for relation in _relations(found.model):
        # What refers to one row alone is no more than the rows themselves.
        if relation.one_to_one or relation.on_delete is not SET_NULL:
            continue
        # Not as a subquery, for which all that ever referred to a row may be read.
        while len(some := _some_referring(relation, keys, found.db, pace.size)) == pace.size:
            # Asked each time, since this may take long.
            keys = list(found.values_list("pk", flat=True))
            with pace.measured(), _transaction(found.db):
                referring = _referring(relation, keys, found.db)
                of_these = _among(relation.related_model._meta.pk, some, found.db)
                referring.filter(of_these).update(**{relation.field.name: None})


def _some_referring(relation: Any, keys: list[Any], using: str, most: int) -> list[Any]:
    return list(_referring(relation, keys, using).values_list("pk", flat=True)[:most])


def _referring(relation: Any, keys: list[Any], using: str) -> QuerySet[Any]:
    if not keys:
        return relation.related_model._base_manager.none()  # type: ignore[no-any-return]
    if not relation.field.target_field.primary_key:
        # It has another column of theirs (``to_field``), which they are to be asked for.
        referring = relation.related_model._base_manager.using(using).order_by()
        return referring.filter(**{f"{relation.field.name}__pk__in": keys})  # type: ignore[no-any-return]
    column = relation.field.attname
    referring = _of(relation.related_model, relation.field, keys, using)
    if connections[using].vendor != "sqlite":
        # Others have orders of their own, of texts by their collation, of UUIDs on MariaDB.
        return referring
    # It reads the whole table for each batch where it knows of none that refers to any.
    return referring.filter(**{f"{column}__gte": min(keys), f"{column}__lte": max(keys)})


def _of(model: type[Model], field: Any, keys: list[Any], using: str) -> QuerySet[Any]:
    return model._base_manager.using(using).filter(_among(field, keys, using)).order_by()


def _among(field: Any, keys: list[Any], using: str) -> Q | Func:
    """``field`` is one of ``keys``, which are one parameter where the database can read them from it.

    As thousands of parameters, they take longer to be written down than to be found.
    """
    connection = connections[using]
    prepared = [field.get_db_prep_value(key, connection) for key in keys]
    if connection.vendor == "postgresql":
        read = Func(Value(prepared), function="ANY", output_field=BooleanField())
        return _Compared(F(field.attname), read, arg_joiner=" = ")
    if connection.vendor == "sqlite":
        read = Func(Value(json.dumps(prepared)), template="(SELECT value FROM json_each(%(expressions)s))")
        return _Compared(F(field.attname), read, arg_joiner=" IN ")
    return Q(**{f"{field.attname}__in": keys})


class _Compared(Func):
    template = "%(expressions)s"
    output_field = BooleanField()

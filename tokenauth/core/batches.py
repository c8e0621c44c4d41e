"""Deleting many rows a few at a time: others write in between, and what is done stays done."""

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.db.models import SET_NULL, Model, Q, QuerySet

# An update writes each index of a row anew: on PostgreSQL 5000 of the login log take seconds on a busy disk.
MOST_PARTED = 1000


def delete(rows: QuerySet[Any], by: str, size: int) -> Iterator[int]:
    """Delete ``rows`` in the order of the indexed column ``by``, ``size`` at a time; how many, each time.

    Each batch is a transaction of its own, and is found where the one before ended. Any number of rows may
    refer to it, and are parted from it before, a few at a time as well.

    :raises ValueError: ``size`` is less than 1.
    """
    if size < 1:
        raise ValueError(f"A batch has 1 row or more, not {size}.")
    model: type[Model] = rows.model
    ordered = rows.order_by(by, "pk")
    remaining = ordered
    while batch := list(remaining.values_list(by, "pk")[:size]):
        found = rows.filter(pk__in=[key for _, key in batch])
        _part(found, min(size, MOST_PARTED))
        with transaction.atomic(using=rows.db):
            # Asked again what they are, since a row may have changed; and locked, so that none is referred
            # to anew while those that refer to it are parted from it: a log is written all the while.
            keys = list(found.select_for_update().values_list("pk", flat=True))
            deleted = model._base_manager.using(rows.db).filter(pk__in=keys).only("pk").delete()
        yield deleted[1].get(model._meta.label, 0)
        last, key = batch[-1]
        # The first condition is for the index, which the second would not be found by.
        remaining = ordered.filter(Q(**{f"{by}__gte": last}), Q(**{f"{by}__gt": last}) | Q(pk__gt=key))


def _part(rows: QuerySet[Any], most: int) -> None:
    """Part from ``rows`` those that outlive them, at most so many at a time; fewer than that may be left."""
    for relation in rows.model._meta.related_objects:
        # What refers to one row alone is no more than the rows themselves.
        if relation.one_to_one or relation.on_delete is not SET_NULL:
            continue
        name = relation.field.name
        referring = relation.related_model._base_manager.using(rows.db).order_by()
        parted = most
        while parted == most:
            # Not as a subquery, for which all that ever referred to a row may be read; and asked each
            # time, since this may take long.
            keys = list(rows.values_list("pk", flat=True))
            some = referring.filter(**{f"{name}__pk__in": keys}).values_list("pk", flat=True)[:most]
            parted = referring.filter(pk__in=list(some)).update(**{name: None})

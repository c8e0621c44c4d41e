"""Deleting many rows a few at a time: others write in between, and what is done stays done."""

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.db.models import Model, Q, QuerySet


def delete(rows: QuerySet[Any], by: str, size: int) -> Iterator[int]:
    """Delete ``rows`` in the order of the indexed column ``by``, ``size`` at a time; how many, each time.

    Each batch is a transaction of its own, and is found where the one before ended.

    :raises ValueError: ``size`` is less than 1.
    """
    if size < 1:
        raise ValueError(f"A batch has 1 row or more, not {size}.")
    model: type[Model] = rows.model
    ordered = rows.order_by(by, "pk")
    remaining = ordered
    while batch := list(remaining.values_list(by, "pk")[:size]):
        with transaction.atomic(using=rows.db):
            # Asked again what they are, since a row may have changed; and locked, so that none is referred
            # to anew while those that refer to it are parted from it: a log is written all the while.
            found = rows.filter(pk__in=[key for _, key in batch]).select_for_update()
            keys = list(found.values_list("pk", flat=True))
            deleted = model._base_manager.using(rows.db).filter(pk__in=keys).only("pk").delete()
        yield deleted[1].get(model._meta.label, 0)
        last, key = batch[-1]
        # The first condition is for the index, which the second would not be found by.
        remaining = ordered.filter(Q(**{f"{by}__gte": last}), Q(**{f"{by}__gt": last}) | Q(pk__gt=key))

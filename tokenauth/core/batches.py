"""Deleting many rows a few at a time: others write in between, and what is done stays done."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from django.db import connections, transaction
from django.db.models import SET_NULL, Model, Q, QuerySet

# How many rows at first, before it is known how long they take.
FIRST = 500
# In seconds: what takes longer holds others up, and what takes less could be more.
LONG, SHORT = 0.25, 0.1


class Pace:
    """``size``: how many rows at a time; ``most`` where the database is quick, and fewer where it is busy.

    :raises ValueError: ``most`` is less than 1.
    """

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError(f"A batch has 1 row or more, not {most}.")
        self.most = most
        self.size = min(most, FIRST)

    def took(self, seconds: float) -> None:
        """Change the size by how long the last one took."""
        if seconds > LONG:
            self.size = max(1, self.size // 2)
        elif seconds < SHORT:
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
    refer to it, and are parted from it before, a few at a time as well.

    :raises ValueError: ``most`` is less than 1.
    """
    model: type[Model] = rows.model
    ordered = rows.order_by(by, "pk")
    remaining = ordered
    pace, pace_of_parting = Pace(most), Pace(most)
    while batch := list(remaining.values_list(by, "pk")[: pace.size]):
        found = rows.filter(pk__in=[key for _, key in batch])
        _part(found, pace_of_parting)
        with pace.measured(), _transaction(rows.db):
            # Asked again what they are, since a row may have changed.
            doomed = found.order_by()
            if model._meta.related_objects:
                # Locked as well, so that none is referred to anew while those that refer to it are parted
                # from it: a log is written all the while.
                locked = found.order_by("pk").select_for_update()
                keys = list(locked.values_list("pk", flat=True))
                doomed = model._base_manager.using(rows.db).filter(pk__in=keys).only("pk")
            _, deleted = doomed.delete()
        yield deleted.get(model._meta.label, 0)
        last, key = batch[-1]
        # The first condition is for the index, which the second would not be found by.
        remaining = ordered.filter(Q(**{f"{by}__gte": last}), Q(**{f"{by}__gt": last}) | Q(pk__gt=key))


@contextmanager
def _transaction(using: str) -> Iterator[None]:
    with transaction.atomic(using=using):
        if connections[using].vendor == "postgresql":
            with connections[using].cursor() as cursor:
                # Nobody need wait for the disk: what a crash brings back, the next run deletes.
                cursor.execute("SET LOCAL synchronous_commit TO off")
        yield


def _part(rows: QuerySet[Any], pace: Pace) -> None:
    """Part from ``rows`` those that outlive them, a few at a time; fewer than that may be left."""
    for relation in rows.model._meta.related_objects:
        # What refers to one row alone is no more than the rows themselves.
        if relation.one_to_one or relation.on_delete is not SET_NULL:
            continue
        name = relation.field.name
        referring = relation.related_model._base_manager.using(rows.db).order_by()
        is_done = False
        while not is_done:
            # Not as a subquery, for which all that ever referred to a row may be read; and asked each
            # time, since this may take long.
            keys = list(rows.values_list("pk", flat=True))
            some = referring.filter(**{f"{name}__pk__in": keys}).values_list("pk", flat=True)
            parted, size = list(some[: pace.size]), pace.size
            with pace.measured(), _transaction(rows.db):
                referring.filter(pk__in=parted).update(**{name: None})
            is_done = len(parted) < size

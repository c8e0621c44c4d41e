"""Secrets at rest under the newest key, so that an older one can be taken away.

Rows that are there already are passed over: what was interrupted goes on where it stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import router, transaction
from django.db.models import Q

from tokenauth.devices import encryption
from tokenauth.devices.encryption import EncryptedColumn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model, QuerySet


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of some rows."""

    moved: int
    """How many are under the newest key now."""
    unreadable: tuple[str, ...]
    """Which are not, since the key that they were encrypted by is not there: the texts of the errors."""


def reencrypt(batch: int) -> Iterator[Outcome]:
    """Move every secret to the newest key, ``batch`` rows at a time; how it went, each time."""
    for model, name, column in _columns():
        yield from _reencrypt(model, name, column, batch)


def outdated() -> int:
    """How many secrets are not under the newest key."""
    return sum(_outdated(model, column).count() for model, _, column in _columns())


def _columns() -> Iterator[tuple[type[Model], str, str]]:
    for model in apps.get_app_config("tokenauth_devices").get_models():
        for name, value in vars(model).items():
            if isinstance(value, EncryptedColumn):
                yield model, name, value.column


def _outdated(model: type[Model], column: str) -> QuerySet[Any]:
    # An empty one is of what was removed.
    rows = model._default_manager.using(router.db_for_write(model)).exclude(**{column: ""})
    current = encryption.current_key_id()
    if current == encryption.OF_SECRET_KEY and settings.SECRET_KEY_FALLBACKS:
        # Whether it was this one or an earlier one, the row does not say.
        return rows
    return rows.filter(~Q(**{f"{column}__startswith": f"{current}$"}))


def _reencrypt(model: type[Model], name: str, column: str, batch: int) -> Iterator[Outcome]:
    rows = _outdated(model, column).order_by("pk")
    remaining = rows
    while some := list(remaining.only("pk", column)[:batch]):
        moved, unreadable = 0, []
        with transaction.atomic(using=rows.db):
            for row in some:
                stored = getattr(row, column)
                try:
                    setattr(row, name, getattr(row, name))
                except ImproperlyConfigured as error:
                    unreadable.append(str(error))
                    continue
                # As it was read: what was removed meanwhile stays removed.
                as_it_was = model._default_manager.using(rows.db).filter(pk=row.pk, **{column: stored})
                moved += as_it_was.update(**{column: getattr(row, column)})
        yield Outcome(moved, tuple(unreadable))
        remaining = rows.filter(pk__gt=some[-1].pk)

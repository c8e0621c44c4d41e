"""The command that reads or writes tables, and says so where they are not there yet."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import Error, OperationalError, ProgrammingError, connections, router
from django.db.migrations.executor import MigrationExecutor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model


class DatabaseCommand(BaseCommand):
    """Where migrations are what the database lacks, it ends with that instead of a traceback.

    Django's ``requires_migrations_checks`` says it on standard output, which is for programs here, and goes
    on to the traceback.
    """

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except (OperationalError, ProgrammingError) as error:
            if cause := what_is_missing(error):
                raise CommandError(cause) from error
            raise


def what_is_missing(error: Error) -> str:
    """What to do about ``error`` of the database, where migrations are not applied; else nothing."""
    # Only now: a command that succeeds asks for nothing more.
    waiting: list[str] = []
    # Whatever else it fails of, such as its being down, has been said by the error.
    with suppress(Error):
        waiting = sorted(_waiting())
    if not waiting:
        return ""
    said = str(error).strip().partition("\n")[0]
    return (
        f"Run manage.py migrate first: the database lacks migrations of {', '.join(waiting)}. It says: {said}"
    )


def _waiting() -> set[str]:
    """The apps, of ours and of those that they rely on, of which migrations are not applied."""
    labels = defaultdict[str, set[str]](set)
    for model in _models():
        labels[router.db_for_write(model)].add(model._meta.app_label)
    found = set()
    for alias, of_it in labels.items():
        executor = MigrationExecutor(connections[alias])
        nodes = [node for label in of_it for node in executor.loader.graph.leaf_nodes(label)]
        found |= {migration.app_label for migration, _ in executor.migration_plan(nodes)}
    return found


def _models() -> Iterator[type[Model]]:
    yield get_user_model()
    for app in apps.get_app_configs():
        if app.name.partition(".")[0] == "tokenauth":
            yield from app.get_models()

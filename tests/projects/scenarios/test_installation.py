"""The app is installed without complaint, and its migrations fit the project's models."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connections, router

from tests.projects.scenarios import on_its_databases
from tokenauth.models import AccessToken, TokenLogin

pytestmark = on_its_databases


def test_the_checks_find_nothing() -> None:
    out = StringIO()
    call_command("check", fail_level="DEBUG", databases=list(connections), stdout=out, stderr=out)
    assert out.getvalue() == "System check identified no issues (0 silenced).\n"


def test_no_migration_is_missing() -> None:
    out = StringIO()
    call_command("makemigrations", check_changes=True, dry_run=True, stdout=out)
    assert out.getvalue() == "No changes detected\n"


def test_every_table_is_on_one_database() -> None:
    names = {model._meta.db_table for model in (AccessToken, TokenLogin)}
    for alias in connections:
        if alias == "replica":
            continue
        tables = set(connections[alias].introspection.table_names())
        assert (names <= tables) == (alias == router.db_for_write(AccessToken))
        assert bool(names & tables) == (names <= tables)


# SQLite changes no table inside of a transaction.
@pytest.mark.django_db(transaction=True, databases="__all__")
def test_the_migrations_can_be_taken_back() -> None:
    using = router.db_for_write(AccessToken)
    connection = connections[using]
    call_command("migrate", "tokenauth", "zero", database=using, verbosity=0)
    try:
        assert AccessToken._meta.db_table not in connection.introspection.table_names()
    finally:
        call_command("migrate", "tokenauth", database=using, verbosity=0)
    assert AccessToken._meta.db_table in connection.introspection.table_names()

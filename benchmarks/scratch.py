"""A database of a benchmark's own, beside the one that ``DATABASE_URL`` names."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from django.db import connection


@contextmanager
def scratch_database(name: str) -> Iterator[dict[str, str]]:
    """Create the database while the block runs; this process, and those with this environment, are in it."""
    given = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        with TemporaryDirectory(prefix=name) as directory:
            path = Path(directory) / "db.sqlite3"
            _move_to(str(path))
            try:
                yield {**os.environ, "DATABASE_URL": f"sqlite:///{path}"}
            finally:
                _move_to(given)
        return
    quoted = connection.ops.quote_name(name)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {quoted}")
    try:
        _move_to(name)
        url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
        yield {**os.environ, "DATABASE_URL": url}
    finally:
        _move_to(given)
        with connection.cursor() as cursor:
            # By force: what still uses it is a process of this benchmark that did not end well.
            force = " WITH (FORCE)" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP DATABASE {quoted}{force}")
        connection.close()


def _move_to(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name

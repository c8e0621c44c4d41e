"""One statement by itself: where it fails, nothing else does."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, transaction

from tokenauth.core.lookup_cache import is_in_transaction


@contextmanager
def around_statement(using: str) -> Iterator[None]:
    """A savepoint within a transaction, which a failure would break; by itself, one statement needs none."""
    if is_in_transaction(connections[using]):
        with transaction.atomic(using=using):
            yield
    else:
        # To begin and to commit would be two more ways to the database.
        yield

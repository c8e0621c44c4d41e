"""What stays, whatever becomes of the request: nonces that are spent, counters and failed attempts."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from django.db import connections, transaction

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def committed(using: str, *, is_one_statement: bool = False) -> AbstractContextManager[None]:
    """A block whose work is committed at its end.

    :param is_one_statement: it is a transaction of its own anyway, and to say so would cost two more.
    :raises RuntimeError: there is a transaction that could undo it, or the project commits by itself.
    """
    connection = connections[using]
    if not connection.in_atomic_block:
        if not connection.get_autocommit():
            raise RuntimeError("Without autocommit, what a device spends could be undone.")
        if is_one_statement:
            return nullcontext()
    return transaction.atomic(using=using, durable=True)

"""``LOOKUP_CACHE_SECONDS``: what was found is known for a while, in the memory of this process.

Whatever this process changes of a token or a user, it has forgotten what it knew before the change is done:
nothing outlives a revocation here. What another process changes, or what is changed past the models
(``QuerySet.update()`` of users, SQL), is seen after ``LOOKUP_CACHE_SECONDS`` at the latest.

It is told of a commit as everybody is: where a hook of the project's own fails before it (``on_commit``
without ``robust``), Django runs no other.

Within a transaction nothing is taken from here and nothing is put here: what it sees may be older than what
others have committed, or never be committed at all.
"""

from __future__ import annotations

import copy
import os
import threading
from time import monotonic
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models.signals import post_delete, post_save

from tokenauth.conf import conf
from tokenauth.core.converted import Template
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

    from tokenauth.core.converted import Values

# Some 30 MB of a user model as Django's.
MOST = 10_000


class Entry:
    """What a row has. ``at``: when it was asked for, by the clock that is never set."""

    __slots__ = ("at", "template")

    def __init__(self, template: Template, at: float) -> None:
        self.template = template
        self.at = at


class LookupCache:
    """Rows by where they are, and their digest."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str | None, str], Entry] = {}
        self._lock = threading.Lock()
        # How often something was changed.
        self._changes = 0

    def ticket(self) -> tuple[int, float]:
        """To be taken before the database is asked, and given to :meth:`put` with what it said."""
        return self._changes, monotonic()

    def get(self, connection: BaseDatabaseWrapper, digest: str, seconds: float) -> Entry | None:
        """What was found under ``digest`` within ``seconds``."""
        entry = self._entries.get(_key(connection, digest))
        return None if entry is None or monotonic() - entry.at >= seconds else entry

    def put(
        self, connection: BaseDatabaseWrapper, digest: str, values: Values, ticket: tuple[int, float]
    ) -> None:
        """Keep what was found, unless something was changed since ``ticket`` was taken."""
        changes, at = ticket
        key = _key(connection, digest)
        try:
            entry = Entry(Template(values), at)
        except (TypeError, copy.Error):
            # A value of the project's that cannot be copied: it is asked for each time.
            return
        with self._lock:
            if changes != self._changes:
                return
            # The oldest first, which is the next to be too old.
            self._entries.pop(key, None)
            if len(self._entries) >= MOST:
                del self._entries[next(iter(self._entries))]
            self._entries[key] = entry

    def forget(self, connection: BaseDatabaseWrapper, digest: str) -> None:
        """Ask the database the next time."""
        with self._lock:
            self._entries.pop(_key(connection, digest), None)

    def clear(self) -> None:
        """Forget everything, and what is being asked for at this moment."""
        with self._lock:
            self._changes += 1
            self._entries.clear()


def _key(connection: BaseDatabaseWrapper, digest: str) -> tuple[str, str | None, str]:
    # Under one alias, a project of tenants has a schema for each: one's token is no other's.
    return connection.alias, getattr(connection, "schema_name", None), digest


lookups = LookupCache()
# A child begins with nothing, and with a lock that nobody holds.
os.register_at_fork(after_in_child=lookups.__init__)  # type: ignore[misc]


def is_in_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Whether what is asked now is asked within a transaction; opens no connection."""
    if connection.in_atomic_block:
        return True
    # Without autocommit, everything is.
    is_open = connection.connection is not None
    return not (connection.autocommit if is_open else connection.settings_dict["AUTOCOMMIT"])


def changed(using: str | None) -> None:
    """Tokens or users were changed in the database ``using``."""
    lookups.clear()
    # Of a project that commits without atomic(), nobody is told when it does.
    if conf.LOOKUP_CACHE_SECONDS and transaction.get_connection(using).in_atomic_block:
        # Until it is committed, others find what was there before.
        transaction.on_commit(lookups.clear, using=using)


def connect() -> None:
    """Hear of each token and each user that is saved or deleted."""
    post_save.connect(_saved, dispatch_uid="tokenauth.lookup_cache")
    # Not of every model: Django then deletes no row without loading it.
    for model in (AccessToken, get_user_model()):
        post_delete.connect(_deleted, sender=model, dispatch_uid="tokenauth.lookup_cache")


def _saved(instance: Any, created: bool, using: str, **kwargs: Any) -> None:
    # A proxy of the user model is a sender of its own, and so is a model that it inherits columns from.
    user = get_user_model()
    if not created and (
        isinstance(instance, AccessToken | user) or issubclass(user, instance._meta.concrete_model)
    ):
        changed(using)


def _deleted(using: str, **kwargs: Any) -> None:
    changed(using)

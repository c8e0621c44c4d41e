"""Digest to token and user, in one query."""

from collections.abc import Sequence

from django.db import connections, router

from tokenauth.conf import conf
from tokenauth.core import compiled_lookup
from tokenauth.core.digests import is_one_of
from tokenauth.core.lookup_cache import is_in_transaction, lookups
from tokenauth.models import AccessToken


def find(digests: Sequence[str]) -> AccessToken | None:
    """The token stored under one of ``digests``, the newest scheme first, with its user; or None."""
    token = _find(digests) if digests else None
    # The database compares as its collation does, and in no constant time.
    return token if token is not None and is_one_of(token.secret, digests) else None


def _find(digests: Sequence[str]) -> AccessToken | None:
    connection = connections[router.db_for_read(AccessToken)]
    compiled = compiled_lookup.of(connection, len(digests))
    if compiled is None:
        return compiled_lookup.rows(digests).using(connection.alias).first()
    seconds = conf.LOOKUP_CACHE_SECONDS
    is_cached = seconds > 0 and not is_in_transaction(connection)
    if is_cached and (entry := lookups.get(connection, digests[0], seconds)):
        return compiled.token(entry.template.fresh())
    ticket = lookups.ticket()
    values = compiled.values(digests)
    if values is None:
        return None
    if is_cached:
        lookups.put(connection, digests[0], values, ticket)
    return compiled.token(values)

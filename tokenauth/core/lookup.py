"""Digest to token and user, in one query."""

from collections.abc import Sequence

from tokenauth.core.digests import is_one_of
from tokenauth.models import AccessToken


def find(digests: Sequence[str]) -> AccessToken | None:
    """The token stored under one of ``digests``, with its user, or None."""
    token = AccessToken.objects.select_related("user").filter(secret__in=digests).first()
    # The database compares as its collation does, and in no constant time.
    return token if token is not None and is_one_of(token.secret, digests) else None

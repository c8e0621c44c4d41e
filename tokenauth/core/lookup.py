"""Digest to token and user, in one query."""

from collections.abc import Sequence

from tokenauth.models import AccessToken


def find(digests: Sequence[str]) -> AccessToken | None:
    """The token stored under one of ``digests``, with its user, or None."""
    return AccessToken.objects.select_related("user").filter(secret__in=digests).first()

"""Tokens that somebody still used when they had been rotated and had ended."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from tokenauth.exceptions import Reason
from tokenauth.models import AccessToken, TokenLogin

_ENDED = (Reason.EXPIRED, Reason.UNUSED, Reason.REVOKED)


def used_late(families: Collection[UUID]) -> QuerySet[AccessToken]:
    """Of ``families``, the tokens that were refused after their rotation because they had ended.

    Either a client was forgotten, or somebody has a token who should not. It is known as far back as the
    login log goes, and not at all where ``RECORD_LOGIN_ATTEMPTS`` is ``"none"``.
    """
    # One suffices: a client that goes on asking leaves very many.
    refused = TokenLogin.objects.filter(
        token=OuterRef("pk"), success=False, reason__in=_ENDED, date__gte=OuterRef("rotated_at")
    )
    return AccessToken.objects.filter(Exists(refused), family__in=families, rotated_at__isnull=False)

"""What is typed into the search of the list of tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db.models import Q

from tokenauth.core import digests
from tokenauth.core.credential import hint_in

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from tokenauth.models import AccessToken


def found(tokens: QuerySet[AccessToken], text: str) -> QuerySet[AccessToken]:
    """Those of ``tokens`` whose digest or hint is ``text``; else those that have each of its words in part.

    A word is looked for in names, hints, and the user names of owners.
    """
    text = text.strip()
    if digests.is_digest(text):
        # Where a pasted token was found: see pasted.find().
        return tokens.filter(secret=text)
    if hint := hint_in(text):
        return tokens.filter(hint=hint)
    user_model = get_user_model()
    for word in text.split():
        # Not by a join, for which MariaDB starts from the users, and looks up a million tokens one by one.
        owners = user_model._base_manager.filter(**{f"{user_model.USERNAME_FIELD}__icontains": word})
        tokens = tokens.filter(
            Q(name__icontains=word) | Q(hint__icontains=word) | Q(user__in=owners.values("pk"))
        )
    return tokens

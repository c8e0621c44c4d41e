"""How many tokens a user may have that still work: ``MAX_TOKENS_PER_USER``."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import QuerySet
from django.utils.translation import ngettext

from tokenauth.conf import conf
from tokenauth.core.status import Status, has_status
from tokenauth.models import AccessToken

# Not translated: rows are searched for it, whatever the language of whoever was served.
REASON = "A newer token took its place."


def take_turn(user_ids: Iterable[Any], using: str) -> None:
    """Wait until nobody else has the turn of one of these users, and hold the others up till the commit.

    Whoever makes a token has the turns of its owner and of its maker (or None). With a limit, whoever
    writes a user into a token, or into its successor, takes that user's turn before it locks the token:
    MariaDB locks the user then, and what locks the two in the opposite order ends in a deadlock.
    """
    features = connections[using].features
    if features.has_select_for_update:
        # Where there is a weaker lock, the login log goes on referring to the user meanwhile.
        users = get_user_model()._base_manager.using(using)
        locked = users.select_for_update(no_key=features.has_select_for_no_key_update)
        list(locked.filter(pk__in=set(user_ids) - {None}).order_by("pk").values_list("pk"))


def surplus(user_id: Any, using: str, limit: int) -> QuerySet[AccessToken]:
    """The tokens that must end where the user, a new token counted, has more than ``limit``.

    A token and what it was rotated into are one. The oldest are those whose newest token is oldest.

    :raises ValidationError: there are some, and ``MAX_TOKENS_REACHED`` is ``"refuse"``.
    """
    usable = AccessToken.objects.using(using).filter(has_status(Status.ACTIVE), user_id=user_id)
    # Locked, and so read as they are by now, whatever this transaction has seen before.
    rows = usable.select_for_update().order_by("created_at", "pk").values_list("family", flat=True)
    families: dict[Any, None] = {}
    for family in rows:
        families.pop(family, None)
        families[family] = None
    if len(families) > limit and conf.MAX_TOKENS_REACHED == "refuse":
        message = ngettext(
            "The user has %(limit)d token, which is as many as a user may have.",
            "The user has %(limit)d tokens, which are as many as a user may have.",
            limit,
        )
        raise ValidationError({"user": message % {"limit": limit}})
    oldest = list(families)[: max(0, len(families) - limit)]
    return usable.filter(family__in=oldest)

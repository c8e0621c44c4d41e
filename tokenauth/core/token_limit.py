"""How many tokens a user may have that still work: ``MAX_TOKENS_PER_USER``."""

from collections import Counter
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


def takes_turns(using: str) -> bool:
    """Whether whoever writes users into tokens takes turns: for the limit, and where a user is locked by it.

    SQLite locks no rows; its first writer has the turn.
    """
    features = connections[using].features
    locks_users = not features.has_select_for_no_key_update
    return features.has_select_for_update and (conf.MAX_TOKENS_PER_USER is not None or locks_users)


def take_turn(user_ids: Iterable[Any], using: str, *, always: bool = False) -> None:
    """Wait until nobody else has the turn of one of these users, and hold the others up till the commit.

    Whoever makes a token has the turns of its owner and of its maker (or None); whoever writes a user into
    a token, or into its successor, takes that user's turn before it locks the token. MariaDB locks the user
    then, and what locks the two in the opposite order (saving a user whose tokens end with the password)
    ends in a deadlock. ``always``: the caller needs it, whatever :func:`takes_turns` says.
    """
    if takes_turns(using) or (always and connections[using].features.has_select_for_update):
        # Where there is a weaker lock, the login log goes on referring to the user meanwhile.
        no_key = connections[using].features.has_select_for_no_key_update
        users = get_user_model()._base_manager.using(using).select_for_update(no_key=no_key)
        list(users.filter(pk__in=set(user_ids) - {None}).order_by("pk").values_list("pk"))


def surplus(user_id: Any, using: str, limit: int) -> QuerySet[AccessToken]:
    """The tokens that must end where the user, a new token counted, has more than ``limit``: the oldest.

    A token and the one that it was rotated from are one; each that its family has beyond the two is one more.

    :raises ValidationError: there are some, and ``MAX_TOKENS_REACHED`` is ``"refuse"``.
    """
    usable = AccessToken.objects.using(using).filter(has_status(Status.ACTIVE), user_id=user_id)
    # Locked, and so read as they are by now, whatever this transaction has seen before. By their keys: of
    # what was made while others waited for their turn, that is the order.
    rows = usable.select_for_update().order_by("-pk").values_list("pk", "family")
    kept, count, oldest = Counter[Any](), 0, []
    for key, family in rows:
        price = 0 if kept[family] == 1 else 1
        if count + price > limit:
            oldest.append(key)
        else:
            kept[family] += 1
            count += price
    if oldest and conf.MAX_TOKENS_REACHED == "refuse":
        message = ngettext(
            "The user has %(limit)d token, which is as many as a user may have.",
            "The user has %(limit)d tokens, which are as many as a user may have.",
            limit,
        )
        raise ValidationError({"user": message % {"limit": limit}})
    return usable.filter(pk__in=oldest)

"""Telling owners what others do with what is theirs: where ``NOTIFY_OWNER`` says so, and of leaks always.

Mail goes out once the change is committed, and whether it does changes nothing else: what fails is logged.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.db import router, transaction
from django.utils import timezone

from tokenauth.conf import conf
from tokenauth.core import mail
from tokenauth.core.status import Status, status_of
from tokenauth.models import AccessToken

logger = logging.getLogger("tokenauth")

# How many owners are loaded at once.
BATCH = 500


def made(token: AccessToken, by: Any) -> None:
    """Tell the owner of a new ``token``, unless it was made ``by`` the owner.

    ``by`` None, a command or a program, is somebody else. The text of the token is not told.
    """
    told = token.without_raw_token()
    done("token_made", told, by, {"token": told})


def done(template: str, owned: Any, by: Any, context: dict[str, Any]) -> None:
    """Tell the user of ``owned``, a row, by the mail ``template``, unless the user did it.

    ``by`` None, a command or a program, is somebody else.
    """
    if not conf.NOTIFY_OWNER or _is_owner(by, owned):
        return

    # A function, not a partial: Django names what failed by its __qualname__.
    def tell() -> None:
        _tell(template, owned.user, {**context, "by": by})

    transaction.on_commit(tell, using=router.db_for_write(type(owned)), robust=True)


def revoked(tokens: Iterable[AccessToken], by: Any, reason: str) -> None:
    """Tell the owners of ``tokens``, each as it was before it was revoked; one mail an owner.

    Nobody is told of what they revoked themselves, nor of a token that had ended already.
    """
    if conf.NOTIFY_OWNER:
        others = [token for token in tokens if not _is_owner(by, token)]
        _tell_owners("tokens_revoked", others, {"by": by, "reason": reason})


def leaked(tokens: Iterable[AccessToken]) -> None:
    """Tell the owners of ``tokens``, each as it was before it was revoked for having been found somewhere.

    Whatever ``NOTIFY_OWNER`` says: somebody must look what was done with it. Not of one that had ended.
    """
    _tell_owners("tokens_leaked", tokens, {})


def _tell_owners(template: str, tokens: Iterable[AccessToken], context: dict[str, Any]) -> None:
    now = timezone.now()
    ended = defaultdict(list)
    for token in tokens:
        if status_of(token, now) is Status.ACTIVE:
            ended[token.user_id].append(token)

    def tell() -> None:
        using = router.db_for_write(AccessToken)
        keys = list(ended)
        for start in range(0, len(keys), BATCH):
            owners = get_user_model()._base_manager.using(using).filter(pk__in=keys[start : start + BATCH])
            for owner in owners.order_by("pk"):
                _tell(template, owner, {**context, "tokens": ended[owner.pk], "at": now})

    if ended:
        transaction.on_commit(tell, using=router.db_for_write(AccessToken), robust=True)


def _is_owner(by: Any, owned: Any) -> bool:
    return by is not None and by.pk == owned.user_id


def _tell(template: str, owner: Any, context: dict[str, Any]) -> None:
    if not owner.is_active or not mail.address_of(owner):
        return
    try:
        mail.send(template, owner, context)
    except mail.MailError:
        logger.exception("The mail %s to user %s could not be sent.", template, owner.pk)

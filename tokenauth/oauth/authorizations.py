"""What users let applications do, and how that ends: every token of it, at once."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import router, transaction
from django.db.models import Q, QuerySet
from django.db.models.signals import post_save
from django.utils import timezone
from oauth2_provider.models import get_access_token_model, get_grant_model, get_refresh_token_model
from oauth2_provider.settings import oauth2_settings

from tokenauth.conf import conf
from tokenauth.core import batches
from tokenauth.oauth.models import Authorization

# Not translated: rows are searched for them, whatever the language of whoever was served.
REUSED_CODE = "Its code was used twice."
REUSED_REFRESH_TOKEN = "A refresh token was used twice."  # noqa: S105 - no secret, as the next ones
REVOKED_BY_APPLICATION = "The application revoked it."
REVOKED_BY_USER = "The user revoked it."
USER_INACTIVE = "The user was deactivated."


def is_live() -> Q:
    """Of those that were not ended, and have not reached their end."""
    lifetime = conf.OAUTH_AUTHORIZATION_LIFETIME
    not_ended = Q(ended_at__isnull=True)
    return not_ended if lifetime is None else not_ended & Q(created_at__gt=timezone.now() - lifetime)


def live(user: Any) -> QuerySet[Authorization]:
    """The applications that ``user`` let in, the newest first."""
    return Authorization.objects.filter(is_live(), user=user).select_related("application")


def end(authorizations: QuerySet[Authorization], reason: str) -> int:
    """End those of ``authorizations`` that have not ended, with all of their tokens; how many there were."""
    using = router.db_for_write(Authorization)
    with transaction.atomic(using=using):
        standing = authorizations.using(using).filter(ended_at__isnull=True)
        families = dict(standing.order_by("pk").values_list("pk", "user_id"))
        if not families:
            return 0
        now = timezone.now()
        # First: a refresh that is under way holds the row, and what it makes is seen then.
        rows = Authorization.objects.using(using).filter(pk__in=list(families), ended_at__isnull=True)
        count = rows.update(ended_at=now, ended_reason=reason)
        of_them = refresh_tokens_of(families).using(using)
        # Locked as well as read, and so as it is by now, whatever this transaction has seen before.
        keys = list(of_them.select_for_update().values_list("access_token_id", flat=True))
        of_them.update(revoked=now)
        tokens = get_access_token_model().objects.using(using)
        tokens.filter(pk__in=[key for key in keys if key is not None]).delete()
    return count


def refresh_tokens_of(families: Mapping[Any, Any]) -> QuerySet[Any]:
    """Those that are not revoked, of the authorizations with these keys; beside each, the key of its user."""
    # Of families there is no index. Without one, each row would be read, and on MariaDB waited for.
    of_users: QuerySet[Any] = get_refresh_token_model().objects.filter(user_id__in=set(families.values()))
    return of_users.filter(token_family__in=list(families), revoked__isnull=True)


def end_all_of(user: Any, reason: str) -> None:
    """End what ``user`` let every application do, and the codes that are not traded in yet."""
    get_grant_model().objects.filter(user_id=user.pk).delete()
    end(Authorization.objects.filter(user_id=user.pk), reason)


def prune(before: datetime, batch: int) -> Iterator[int]:
    """Delete those that ended or lapsed before, ``batch`` rows at a time; how many, each time."""
    rows = Authorization.objects.using(router.db_for_write(Authorization))
    yield from batches.delete(rows.filter(ended_at__lt=before), "ended_at", batch)
    if whole := conf.OAUTH_AUTHORIZATION_LIFETIME:
        yield from batches.delete(rows.filter(created_at__lt=before - whole), "created_at", batch)
    if lifetime := oauth2_settings.REFRESH_TOKEN_EXPIRE_SECONDS:
        # No refresh token of it is good any more.
        since = before - timedelta(seconds=int(lifetime))
        unused = Q(refreshed_at__isnull=True) | Q(refreshed_at__lt=since)
        yield from batches.delete(rows.filter(unused, created_at__lt=since), "created_at", batch)


def connect() -> None:
    """End what a user let applications do, when the user is saved as inactive."""
    post_save.connect(_end_of_inactive, dispatch_uid="tokenauth.oauth.inactive")


def _end_of_inactive(instance: Any, raw: bool, created: bool, **kwargs: Any) -> None:
    if raw or created or not isinstance(instance, get_user_model()) or instance.is_active:
        return
    end_all_of(instance, USER_INACTIVE)

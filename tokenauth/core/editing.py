"""What may still be changed of a token: what it is called, when it ends, and from where it works."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from tokenauth.conf import conf
from tokenauth.core import authority, network, token_arguments
from tokenauth.core.status import Status, status_of
from tokenauth.core.token_arguments import Arguments
from tokenauth.models import AccessToken

EDITABLE = ("name", "expires_at", "allowed_networks")


def change(
    token: AccessToken, values: Mapping[str, Any], shown: Mapping[str, Any], *, by: Any
) -> AccessToken:
    """Write ``values``, by field, and nothing else; the row as it is then.

    ``shown``: what the fields were when ``by`` decided. That ``by`` may change tokens at all is for the
    caller to know.

    :raises ValidationError: by field, all that is wrong at once; nothing is written.
    """
    with transaction.atomic(using=router.db_for_write(AccessToken, instance=token)):
        row, valid = _judged(token, values, shown, by)
        for name, value in valid.items():
            setattr(row, name, value)
        row.save(update_fields=list(valid))
    return row


def check(token: AccessToken, values: Mapping[str, Any], shown: Mapping[str, Any], *, by: Any) -> None:
    """Whether :func:`change` would do it. It will, until the transaction that this is called in ends.

    :raises ValidationError: as there.
    """
    with transaction.atomic(using=router.db_for_write(AccessToken, instance=token)):
        _judged(token, values, shown, by)


def is_wider(values: Mapping[str, Any], shown: Mapping[str, Any]) -> bool:
    """Whether the token lives longer, or works from elsewhere, with ``values`` than as it was ``shown``."""
    after = {**shown, **values}
    return _is_later(after["expires_at"], shown["expires_at"]) or not network.is_within(
        after["allowed_networks"], shown["allowed_networks"]
    )


def _judged(
    token: AccessToken, values: Mapping[str, Any], shown: Mapping[str, Any], by: Any
) -> tuple[AccessToken, dict[str, Any]]:
    """The row, for this transaction alone to change, and what is to be written there."""
    using = router.db_for_write(AccessToken, instance=token)
    row = AccessToken.objects.using(using).select_for_update().filter(pk=token.pk).first()
    now = timezone.now()
    if row is None or status_of(row, now) is not Status.ACTIVE:
        raise ValidationError({"name": _("This access token has ended: it is not changed any more.")})
    authority.check_changer(by, row)
    arguments = Arguments()
    valid = {name: arguments.take(name, _valid, row, name, values[name], shown[name], now) for name in values}
    arguments.raise_errors()
    return row, valid


def _valid(row: AccessToken, name: str, value: Any, shown: Any, now: datetime) -> Any:
    if getattr(row, name) != shown:
        raise ValidationError(
            _("Somebody has changed this meanwhile. Open the page again to see it; nothing was changed.")
        )
    if name == "expires_at":
        return _valid_expiry(row, value, now)
    if name == "allowed_networks":
        return token_arguments.valid_networks(value)
    return token_arguments.valid_name(value)


def _valid_expiry(row: AccessToken, expires_at: datetime | None, now: datetime) -> datetime | None:
    if row.rotated_at and _is_later(expires_at, row.expires_at):
        raise ValidationError(_("It was rotated: its end may be brought forward, not put off."))
    if expires_at is not None:
        return token_arguments.valid_expiry(expires_at, now)
    if conf.MAX_TOKEN_LIFETIME is not None:
        raise ValidationError(_("Every token expires here."))
    return None


def _is_later(end: datetime | None, other: datetime | None) -> bool:
    return other is not None and (end is None or end > other)

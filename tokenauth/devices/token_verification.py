"""``X-PowerAuth-Token`` to the token that authorizes a request, or ``DeviceError``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import router
from django.db.models import Q
from django.views.decorators.debug import sensitive_variables

from tokenauth.conf import conf
from tokenauth.core import attempts
from tokenauth.core.savepoint import around_statement
from tokenauth.devices import clock, nonces
from tokenauth.devices.exceptions import DeviceError
from tokenauth.devices.models import DeviceToken
from tokenauth.devices.protocol.headers import TOKEN_HEADER, TokenHeader
from tokenauth.devices.protocol.octets import KEY_LENGTH
from tokenauth.devices.protocol.token_digest import is_token_digest
from tokenauth.devices.request_headers import check_version, parsed
from tokenauth.devices.standing import refusal
from tokenauth.exceptions import DeviceReason

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet
    from django.http import HttpRequest

# Of a token that is unknown, whose digest is none.
_NO_SECRET = bytes(KEY_LENGTH)


def verify(request: HttpRequest, now: datetime) -> DeviceToken:
    """The token, with its activation and user, that authorizes ``request``. Its header is good this once.

    The nonce is spent by whoever has the secret alone: the digest comes before it. That is committed before
    this returns or raises, and so it is called outside of a transaction.

    :raises DeviceError: it is refused.
    :raises RuntimeError: there is a transaction, with which that would be undone.
    """
    header = parsed(request, TOKEN_HEADER, TokenHeader.parse)
    check_version(header.version, header.token_id)
    if not clock.is_acceptable(header.timestamp_ms, header.version, now):
        raise DeviceError(DeviceReason.CLOCK, subject=header.token_id)
    token = next(iter(_tokens().filter(pk=header.token_id)), None)
    is_authentic = _is_authentic(header, token)
    if token is None:
        raise DeviceError(DeviceReason.UNKNOWN, subject=header.token_id)
    activation = token.activation
    if not is_authentic:
        raise DeviceError(DeviceReason.DIGEST, activation, header.token_id)
    until = clock.acceptable_until(header.timestamp_ms, header.version, now)
    if not nonces.spend(token, header.nonce, until):
        raise DeviceError(DeviceReason.REPLAYED, activation, header.token_id)
    if reason := refusal(activation):
        raise DeviceError(reason, activation, header.token_id)
    _keep_last_used(token, now)
    return token


def _tokens() -> QuerySet[DeviceToken]:
    # Where it was written, as the nonce will be: a device uses a token as soon as it has it. In no order: to
    # compile one takes longer than to find the row.
    rows = DeviceToken.objects.using(router.db_for_write(DeviceToken))
    return rows.select_related("activation__user").order_by()


@sensitive_variables("secret")
def _is_authentic(header: TokenHeader, token: DeviceToken | None) -> bool:
    secret = _NO_SECRET if token is None else token.secret
    digest, stamped = header.token_digest, header.timestamp_ms
    return is_token_digest(digest, secret, header.nonce, stamped, header.version) and token is not None


def _keep_last_used(token: DeviceToken, now: datetime) -> None:
    before = now - conf.LAST_USED_INTERVAL
    due = Q(last_used_at__isnull=True) | Q(last_used_at__lte=before)
    for row in (token, token.activation):
        if row.last_used_at is None or row.last_used_at <= before:
            using = router.db_for_write(type(row))
            rows = type(row)._base_manager.using(using).filter(due, pk=row.pk)
            known = {type(row)._meta.model_name or "": str(row.pk)}
            with attempts.failure_logged("last_used_at", known), around_statement(using):
                # Of many requests at once, the first writes.
                rows.update(last_used_at=now)

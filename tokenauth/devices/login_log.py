"""What the login log has of devices: the reason that they are not told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from tokenauth.core import attempts
from tokenauth.core.request_state import Attempt
from tokenauth.devices.protocol.headers import TOKEN_HEADER
from tokenauth.devices.request_headers import HEADERS, value_of
from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest

    from tokenauth.devices.exceptions import DeviceError
    from tokenauth.devices.models import Activation, DeviceToken
    from tokenauth.exceptions import DeviceReason, Reason

ID_TYPE = TokenLogin.IdType.DEVICE.value


def accepted(request: HttpRequest, activation: Activation, token: DeviceToken | None = None) -> None:
    """Note a request that ``activation`` has signed, or that ``token`` of it authorizes."""
    name, hint = str(activation)[:255], _hint_of(activation, token)
    attempts.note(request, Attempt(ID_TYPE, name, hint, None, None, timezone.now(), activation.user_id))


def refused(request: HttpRequest, error: DeviceError) -> str:
    """Note a request of a device that is refused; the hint that the log has of it."""
    kind = "token" if value_of(request, TOKEN_HEADER) else "activation"
    hint = _hint(kind, error.subject) if error.subject else ""
    # What names itself by nothing that could be read is known by all that it sent.
    subject = error.subject or next((value for name in HEADERS if (value := value_of(request, name))), "")
    user_id = None if error.activation is None else error.activation.user_id
    _note_refused(request, subject, hint, error.reason, timezone.now(), user_id)
    return hint


def refused_after_all(
    request: HttpRequest, activation: Activation, token: DeviceToken, reason: Reason
) -> str:
    """Note that what ``token`` authorizes does not include this request; the hint that the log has of it."""
    hint = _hint_of(activation, token)
    _note_refused(request, str(token.pk), hint, reason, timezone.now(), activation.user_id)
    return hint


def _note_refused(
    request: HttpRequest,
    subject: str,
    hint: str,
    reason: DeviceReason | Reason,
    at: datetime,
    user_id: object,
) -> None:
    identifier = attempts.identifier_of(subject)
    attempts.note(request, Attempt(ID_TYPE, identifier, hint, None, reason, at, user_id))


def _hint_of(activation: Activation, token: DeviceToken | None) -> str:
    return _hint("activation", activation.pk) if token is None else _hint("token", token.pk)


def _hint(kind: str, identifier: object) -> str:
    # Both are random, and neither is secret: what is told of it finds the row in the admin.
    return f"{kind} {str(identifier)[:8]}…"

"""The ``WWW-Authenticate`` challenge of a refusal (RFC 6750, section 3)."""

from http import HTTPStatus

from django.http import HttpRequest

from tokenauth.core.request_state import Refusal, state_of
from tokenauth.exceptions import CredentialError, Reason

_BEARER = 'Bearer realm="api"'


def of_refusal(request: HttpRequest, refusal: Refusal) -> str | None:
    """The challenge of an answer that refuses for ``refusal``; None for a 403 that no scope would change."""
    if refusal.reason is Reason.INSUFFICIENT_SCOPE:
        return insufficient_scope(refusal.scopes)
    return challenge(request) if refusal.reason.status == HTTPStatus.UNAUTHORIZED else None


def challenge(request: HttpRequest) -> str:
    """The challenge of a 401: with ``invalid_token`` where a credential was presented and refused."""
    outcome = state_of(request).outcome
    if isinstance(outcome, CredentialError):
        return _refused("invalid_token", outcome.reason)
    return _BEARER


def insufficient_scope(scopes: tuple[str, ...]) -> str:
    """The challenge of a 403 for want of ``scopes``."""
    refused = _refused("insufficient_scope", Reason.INSUFFICIENT_SCOPE)
    # Some are refused for what no scope would change.
    return f'{refused}, scope="{" ".join(scopes)}"' if scopes else refused


def _refused(error: str, reason: Reason) -> str:
    return f'{_BEARER}, error="{error}", error_description="{reason.description}"'

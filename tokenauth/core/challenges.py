"""The ``WWW-Authenticate`` challenge of a refusal (RFC 6750, section 3)."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest
from django.utils.encoding import iri_to_uri

from tokenauth.core.request_state import Refusal, state_of
from tokenauth.exceptions import CredentialError, Reason

# What other apps say in every challenge, by the name of its parameter.
_uris: dict[str, Callable[[HttpRequest], str]] = {}


def register_uri(name: str, uri_of: Callable[[HttpRequest], str]) -> None:
    """Say in every challenge, as the parameter ``name``, which URI ``uri_of`` has for the request.

    Where that is "", it is not said.
    """
    _uris[name] = uri_of


def of_refusal(request: HttpRequest, refusal: Refusal) -> str | None:
    """The challenge of an answer that refuses for ``refusal``; None for a 403 that no scope would change."""
    if refusal.reason is Reason.INSUFFICIENT_SCOPE:
        return insufficient_scope(request, refusal.scopes)
    return challenge(request) if refusal.reason.status == HTTPStatus.UNAUTHORIZED else None


def challenge(request: HttpRequest) -> str:
    """The challenge of a 401: with ``invalid_token`` where a credential was presented and refused."""
    outcome = state_of(request).outcome
    if isinstance(outcome, CredentialError):
        return _refused(request, "invalid_token", outcome.reason)
    return _bearer(request)


def insufficient_scope(request: HttpRequest, scopes: tuple[str, ...]) -> str:
    """The challenge of a 403 for want of ``scopes``."""
    refused = _refused(request, "insufficient_scope", Reason.INSUFFICIENT_SCOPE)
    # Some are refused for what no scope would change.
    return f'{refused}, scope="{" ".join(scopes)}"' if scopes else refused


def _refused(request: HttpRequest, error: str, reason: Reason) -> str:
    return f'{_bearer(request)}, error="{error}", error_description="{reason.description}"'


def _bearer(request: HttpRequest) -> str:
    parameters = ['realm="api"']
    for name, uri_of in _uris.items():
        # It leaves no quote, backslash or line break as it is: nothing ends the quoted text early.
        if uri := iri_to_uri(uri_of(request)):
            parameters.append(f'{name}="{uri}"')
    return f"Bearer {', '.join(parameters)}"

"""Which application makes a request of oauthlib, and whether it has proved that."""

import base64
import binascii
from typing import Any
from urllib.parse import unquote_plus

from django.db import DataError
from django.views.decorators.debug import sensitive_variables
from oauth2_provider.models import get_application_model

from tokenauth.core import network
from tokenauth.oauth import client_secrets
from tokenauth.oauth.policies import policy_of


def usable(client_id: object) -> Any:
    """The application of this id; None where there is none, or one that may do nothing.

    That is one without a policy, or disabled.
    """
    if not isinstance(client_id, str) or not client_id or len(client_id) > 255:
        return None
    applications = get_application_model().objects.select_related("tokenauth_policy")
    try:
        application = applications.filter(client_id=client_id).first()
    except (ValueError, DataError):
        # What the database cannot compare, as a NUL.
        return None
    # MariaDB compares without case.
    if application is None or application.client_id != client_id:
        return None
    policy = policy_of(application)
    return None if policy is None or policy.is_disabled else application


def is_in_its_network(application: Any, request: Any) -> bool:
    """Whether ``request``, which ``application`` makes itself, comes from where it may come from.

    A person's browser is another matter: it is where the person is.
    """
    address = network.client_address(request.headers)
    return network.is_allowed(address, application.tokenauth_policy.allowed_networks)


def is_public(application: Any) -> bool:
    """Whether it has no secret: an app on people's devices, or in a browser."""
    return bool(application.client_type != application.CLIENT_CONFIDENTIAL)


@sensitive_variables()
def credentials(request: Any) -> tuple[str, str] | None:
    """Id and secret that ``request`` presents; None where there is no secret, or more than one."""
    basic = _basic(request.headers.get("HTTP_AUTHORIZATION", ""))
    in_body = request.client_secret
    if basic is None:
        return None if in_body is None or not request.client_id else (request.client_id, in_body)
    if in_body is not None or request.client_id not in (None, basic[0]):
        return None
    return basic


def presents_secret(request: Any) -> bool:
    """Whether a secret is presented, be it right or wrong."""
    return has_basic(request.headers.get("HTTP_AUTHORIZATION", "")) or request.client_secret is not None


def has_basic(authorization: str) -> bool:
    """Whether the header has HTTP Basic in it."""
    return authorization.partition(" ")[0].lower() == "basic"


@sensitive_variables()
def is_authenticated(application: Any, secret: str, request: Any) -> bool:
    """Whether ``secret`` is that of ``application``, a confidential one, which may make ``request``.

    :raises CredentialError: ``throttled``.
    """
    if is_public(application) or not is_in_its_network(application, request):
        return False
    address = network.client_address(request.headers)
    return client_secrets.is_right(application, application.tokenauth_policy, secret, address)


@sensitive_variables()
def _basic(authorization: str) -> tuple[str, str] | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return "", ""
    client_id, _, secret = decoded.partition(":")
    # RFC 6749, section 2.3.1: each is form-encoded first.
    return unquote_plus(client_id), unquote_plus(secret)

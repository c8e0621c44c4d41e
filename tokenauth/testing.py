"""For a project's own tests: requests with a real token, through every check there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.test import AsyncClient

from tokenauth.conf import conf
from tokenauth.core import headers
from tokenauth.core.credential import Kind
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Unpack

    from django.test import Client

    from tokenauth.core.lifecycle import TokenOptions


def acting_as(
    client: Client | AsyncClient,
    user: Any,
    scopes: Iterable[str] | None = None,
    *,
    name: str = "acting_as",
    **options: Unpack[TokenOptions],
) -> AccessToken:
    """Make every further request of ``client`` as ``user``, with a token of these scopes.

    The token is made and saved as any other, and returned. ``client`` is a ``Client``, an
    ``AsyncClient`` or REST framework's ``APIClient``; a second call replaces the first.

    :raises ValidationError: as ``generate_access_token``.
    """
    token = AccessToken.objects.generate(user, name, scopes, **options)
    # The asynchronous client takes headers by their own names, the others by those of META.
    to_default = str.lower if isinstance(client, AsyncClient) else headers.meta_key
    bearer, key = to_default(conf.AUTH_HEADER), to_default(conf.API_KEY_HEADER)
    defaults: dict[str, Any] = client.defaults  # type: ignore[assignment]
    defaults.pop(bearer, None)
    defaults.pop(key, None)
    if token.kind == Kind.API_KEY:
        defaults[key] = token.raw_token
    else:
        defaults[bearer] = f"Bearer {token.raw_token}"
    return token

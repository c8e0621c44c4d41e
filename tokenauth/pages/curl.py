"""The first request with a new token, ready to be pasted into a terminal."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from django.urls import NoReverseMatch, reverse
from django.views.decorators.debug import sensitive_variables

from tokenauth.conf import conf
from tokenauth.core.credential import Kind

if TYPE_CHECKING:
    from django.http import HttpRequest

    from tokenauth.models import AccessToken

# Where tokenauth.rest.urls may be mounted: by itself, or in the namespace that most APIs have.
_TELLS_OF_THE_TOKEN = ("token-current", "api:token-current")


@sensitive_variables("credential")
def curl_line(request: HttpRequest, token: AccessToken) -> str:
    """Asks what the token is; or, without the management API, for the site's root."""
    if token.kind == Kind.API_KEY:
        credential = f"{conf.API_KEY_HEADER}: {token.raw_token}"
    else:
        credential = f"{conf.AUTH_HEADER}: Bearer {token.raw_token}"
    # In double quotes, which every shell takes, that of Windows too; nothing within means something to one.
    return f'curl -H "{credential}" {shlex.quote(request.build_absolute_uri(_path()))}'


def _path() -> str:
    for name in _TELLS_OF_THE_TOKEN:
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return "/"

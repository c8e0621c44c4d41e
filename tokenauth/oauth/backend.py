"""oauthlib behind Django's requests: what of a request it is given."""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict
from oauth2_provider.oauth2_backends import OAuthLibCore
from oauth2_provider.settings import oauth2_settings

from tokenauth.oauth import issuing
from tokenauth.oauth.validator import FirstPartyValidator, Validator

FORM = "application/x-www-form-urlencoded"

# What oauthlib is given of a request. It keeps its own findings under the names of parameters, "client" and
# "scopes" among them: whoever could send those would answer its questions.
PARAMETERS = frozenset(
    (
        *("response_type", "client_id", "redirect_uri", "scope", "state", "resource"),
        *("code_challenge", "code_challenge_method", "code", "code_verifier"),
        *("grant_type", "client_secret", "username", "password", "refresh_token"),
        *("token", "token_type_hint"),
    )
)


class FormBackend(OAuthLibCore):  # type: ignore[misc]
    """Of the form-encoded endpoints, and of the authorization endpoint.

    Made anew for each request, as the settings are then.
    """

    validator_class = Validator

    def __init__(self, server: Any = None) -> None:
        # Not the one that is given: that has the validator of the settings.
        kwargs = {**oauth2_settings.server_kwargs, "token_expires_in": issuing.lifetime}
        super().__init__(oauth2_settings.OAUTH2_SERVER_CLASS(self.validator_class(), **kwargs))

    def extract_body(self, request: HttpRequest) -> list[tuple[str, str]]:
        """The form's fields, with the digest of a code in place of the code."""
        return [
            (name, issuing.digest_of_code(value) if name == "code" else value)
            for name, value in _known(request.POST)
        ]

    def extract_headers(self, request: HttpRequest) -> dict[str, Any]:
        """With the Django request itself, which the validator needs."""
        # By a function: oauthlib would read a request through, which can be iterated.
        return {**super().extract_headers(request), "tokenauth.request": lambda: request}

    def _get_escaped_full_path(self, request: HttpRequest) -> str:
        return f"{request.path}?{urlencode(_known(request.GET))}"

    def token_response(self, request: HttpRequest) -> tuple[dict[str, Any], int]:
        """Members and status of the answer to a token request."""
        *_, body, status = self.create_token_response(request)
        return json.loads(body), status


def _known(fields: QueryDict) -> list[tuple[str, str]]:
    return [(name, value) for name, values in fields.lists() if name in PARAMETERS for value in values]


class FieldsBackend(FormBackend):
    """Of ``/auth/token``: of members that are validated, and with the password grant."""

    validator_class = FirstPartyValidator

    def __init__(self, fields: Iterable[tuple[str, str]]) -> None:
        super().__init__()
        self.fields = list(fields)

    def extract_body(self, request: HttpRequest) -> list[tuple[str, str]]:
        return self.fields

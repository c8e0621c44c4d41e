"""``/oauth2/token``, ``/oauth2/revoke``, ``/oauth2/introspect``."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from oauth2_provider.models import get_refresh_token_model
from oauthlib.common import Request as OAuthlibRequest

from tokenauth.exceptions import CredentialError
from tokenauth.oauth import issuer, issuing, jwt, verification
from tokenauth.oauth.backend import FormBackend
from tokenauth.oauth.models import Authorization
from tokenauth.oauth.policies import available, is_still_let_in, policy_of
from tokenauth.oauth.validator import Validator, is_lapsed
from tokenauth.oauth.views.form_endpoint import FormEndpoint

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


class TokenView(FormEndpoint):
    """A token for a code, a client secret or a refresh token (RFC 6749, section 3.2)."""

    answers_browsers = True

    def answer(self, request: HttpRequest) -> HttpResponse:
        grant = request.POST.get("grant_type")
        if not grant:
            return self.refused("invalid_request", "Missing grant_type.")
        if grant not in Validator.grants:
            # Of passwords, /auth/token takes those that it takes.
            return self.refused("unsupported_grant_type", "There is no such grant here.")
        members, status = FormBackend().token_response(request)
        return self.response(members, status)


class RevocationView(FormEndpoint):
    """RFC 7009: of a token that is not the application's, the answer is the same."""

    answers_browsers = True

    def answer(self, request: HttpRequest) -> HttpResponse:
        _, _, body, status = FormBackend().create_revocation_response(request)
        return self.response(json.loads(body) if body else {}, status)


class IntrospectionView(FormEndpoint):
    """RFC 7662: an application asks about its own tokens, or about all where its policy says so."""

    def answer(self, request: HttpRequest) -> HttpResponse:
        application = _authenticated(request)
        if application is None:
            return self.refused(
                "invalid_client", "The application's secret is wrong.", HTTPStatus.UNAUTHORIZED
            )
        text = request.POST.get("token", "")
        if not text:
            return self.refused("invalid_request", "Missing token.")
        of_whom, members = _refresh_token(text) if issuing.is_refresh_token(text) else _jwt(text, request)
        if of_whom is None or not (of_whom == application or application.tokenauth_policy.may_introspect):
            members = {"active": False}
        return self.response(members, HTTPStatus.OK)


def _authenticated(request: HttpRequest) -> Any:
    """The confidential application that makes ``request``, or None."""
    uri, method, body, headers = FormBackend()._extract_params(request)
    asked = OAuthlibRequest(uri, method, body, headers)
    return asked.client if Validator().authenticate_client(asked) else None


@sensitive_variables()
def _jwt(text: str, request: HttpRequest) -> tuple[Any, dict[str, Any]]:
    if not jwt.is_ours(text):
        return None, {}
    try:
        row, _claims = verification.standing(text, request, timezone.now())
    except CredentialError:
        return None, {}
    return row.application, {
        **_members(row, issuer.issuer(request)),
        "scope": _allowed(row.scope.split(), row.application),
        "token_type": "Bearer",
        "exp": int(row.expires.timestamp()),
        "aud": issuer.audience(request),
    }


@sensitive_variables()
def _refresh_token(text: str) -> tuple[Any, dict[str, Any]]:
    checksum = issuing.digest_of_token(text)
    rows = get_refresh_token_model().objects.select_related("user", "application__tokenauth_policy")
    row = rows.filter(token_checksum=checksum, revoked__isnull=True).first()
    family = None if row is None else Authorization.objects.filter(pk=row.token_family).first()
    if row is None or family is None or family.is_over or not _is_usable(row, family):
        return None, {}
    if is_lapsed(row):
        return None, {}
    return row.application, {**_members(row, None), "scope": _allowed(family.scopes, row.application)}


def _allowed(scopes: list[str], application: Any) -> str:
    """Those that the application's policy allows by now, as the API judges them."""
    return " ".join(available(scopes, application.tokenauth_policy))


def _is_usable(row: Any, family: Authorization) -> bool:
    policy = policy_of(row.application)
    if policy is None or not policy.allows_tokens_of(row.user):
        return False
    return is_still_let_in(row.user, row.application, family.organization)


def _members(row: Any, iss: str | None) -> dict[str, Any]:
    members = {
        "active": True,
        "client_id": row.application.client_id,
        "sub": issuing.subject(row.user, row.application),
        "iat": int(row.created.timestamp()),
    }
    if iss is not None:
        members["iss"] = iss
    if row.user is not None:
        members["username"] = row.user.get_username()
    return members

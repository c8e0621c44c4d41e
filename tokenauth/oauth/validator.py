"""oauthlib's questions, answered by the policies of applications."""

import re
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from oauth2_provider.models import get_access_token_model, get_grant_model, get_refresh_token_model
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.settings import oauth2_settings
from oauthlib.oauth2.rfc6749 import errors

from tokenauth.conf import conf
from tokenauth.core import password_check
from tokenauth.oauth import authorizations, client_authentication, issuer, issuing, redirects, trading_in
from tokenauth.oauth.client_authentication import is_public
from tokenauth.oauth.models import Authorization
from tokenauth.oauth.models import Grant as GrantType
from tokenauth.oauth.policies import available, is_still_let_in, may_let_in
from tokenauth.oauth.scopes import Scopes

# RFC 7636, sections 4.1 and 4.2: SHA-256 in base64url, and its verifier.
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class Validator(OAuth2Validator):  # type: ignore[misc]
    """``OAUTH2_VALIDATOR_CLASS``: of every endpoint but ``/auth/token``."""

    grants = frozenset({GrantType.AUTHORIZATION_CODE, GrantType.CLIENT_CREDENTIALS, "refresh_token"})

    # Who asks.

    def _load_application(self, client_id: Any, request: Any) -> Any:
        if request.client is None or request.client.client_id != client_id:
            request.client = client_authentication.usable(client_id)
        return request.client

    def client_authentication_required(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        if client_authentication.presents_secret(request):
            return True
        application = self._load_application(request.client_id, request)
        return application is None or not is_public(application)

    @sensitive_variables()
    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        presented = client_authentication.credentials(request)
        if presented is None:
            return False
        client_id, secret = presented
        application = self._load_application(client_id, request)
        if application is None or not client_authentication.is_authenticated(application, secret, request):
            return False
        request.client_id = client_id
        return True

    def authenticate_client_id(self, client_id: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        application = self._load_application(client_id, request)
        if application is None or not is_public(application):
            return False
        return client_authentication.is_in_its_network(application, request)

    # What it may ask for.

    def validate_grant_type(
        self, client_id: Any, grant_type: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        if grant_type not in self.grants or not client.tokenauth_policy.allows(grant_type):
            return False
        request.tokenauth_issuer = issuer.issuer(request.headers["tokenauth.request"]())
        request.tokenauth_audience = issuer.audience(request.headers["tokenauth.request"]())
        self._check_resource(request)
        return not (grant_type == GrantType.CLIENT_CREDENTIALS and is_public(client))

    def validate_response_type(
        self, client_id: Any, response_type: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        return response_type == "code" and client.tokenauth_policy.allows(GrantType.AUTHORIZATION_CODE)

    def validate_redirect_uri(
        self, client_id: Any, redirect_uri: str, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        return redirects.is_registered(redirect_uri, request.client.redirect_uris.split())

    def get_default_redirect_uri(self, client_id: Any, request: Any, *args: Any, **kwargs: Any) -> str | None:
        uri = super().get_default_redirect_uri(client_id, request)
        return uri if uri and redirects.is_registered(uri, [uri]) else None

    def is_pkce_required(self, client_id: Any, request: Any) -> bool:
        return is_public(request.client) or conf.OAUTH_PKCE_REQUIRED

    def validate_scopes(
        self, client_id: Any, scopes: list[str], client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        if request.response_type is not None:
            # The last question before a person is asked: what would be refused after that is refused here.
            self._check_challenge(request)
            self._check_resource(request)
        return bool(scopes) and set(scopes) <= set(Scopes().get_available_scopes(client, request))

    def _check_challenge(self, request: Any) -> None:
        if request.code_challenge is None:
            return
        if request.code_challenge_method != "S256" or not _CHALLENGE.fullmatch(request.code_challenge):
            raise errors.InvalidRequestError(
                description="PKCE takes code_challenge_method=S256 and a code_challenge of 43 characters.",
                request=request,
            )

    def _check_resource(self, request: Any) -> None:
        whole = issuer.audience(request.headers["tokenauth.request"]())
        pairs = [*request.uri_query_params, *(request.decoded_body or [])]
        if any(name == "resource" and not issuer.is_within(value, whole) for name, value in pairs):
            raise errors.CustomOAuth2Error(
                error="invalid_target",
                description=f"The resource is {whole}.",
                state=request.state,
                request=request,
            )

    # Codes.

    def _create_authorization_code(self, request: Any, code: dict[str, str], expires: Any = None) -> Any:
        seconds = oauth2_settings.AUTHORIZATION_CODE_EXPIRE_SECONDS
        return get_grant_model().objects.create(
            application=request.client,
            user=request.user,
            code=issuing.digest_of_code(code["code"]),
            expires=timezone.now() + timedelta(seconds=seconds),
            redirect_uri=request.redirect_uri,
            scope=" ".join(request.scopes),
            # A field of OpenID Connect's, which is off: what else the page has said of the token.
            claims=request.client.tokenauth_policy.organization,
            code_challenge=request.code_challenge or "",
            code_challenge_method=request.code_challenge_method or "",
        )

    def validate_code(
        self, client_id: Any, code: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        grants = get_grant_model().objects.select_related("user")
        grant = grants.filter(code=code, application=client).first()
        if grant is None:
            # RFC 6749, section 4.1.2: whoever has it a second time may not be who had it first.
            used = Authorization.objects.filter(code_digest=code, application=client)
            authorizations.end(used, authorizations.REUSED_CODE)
            return False
        verifier = request.code_verifier
        # A verifier without a challenge: the challenge was taken away on the way (RFC 9700, section 4.8).
        if verifier is not None and not (grant.code_challenge and _VERIFIER.fullmatch(verifier)):
            return False
        if grant.is_expired() or not is_still_let_in(grant.user, client, grant.claims):
            return False
        request.scopes = available(grant.scope.split(), client.tokenauth_policy)
        request.user = grant.user
        request.tokenauth_grant = grant
        return bool(request.scopes)

    def get_code_challenge(self, code: str, request: Any) -> str | None:
        return request.tokenauth_grant.code_challenge or None

    def get_code_challenge_method(self, code: str, request: Any) -> str | None:
        return request.tokenauth_grant.code_challenge_method or None

    def confirm_redirect_uri(
        self, client_id: Any, code: str, redirect_uri: str, client: Any, request: Any, *args: Any
    ) -> bool:
        return bool(request.tokenauth_grant.redirect_uri == redirect_uri)

    def invalidate_authorization_code(
        self, client_id: Any, code: str, request: Any, *args: Any, **kwargs: Any
    ) -> None:
        # Done with the tokens, in one transaction.
        return

    # Refresh tokens.

    @sensitive_variables("refresh_token")
    def validate_refresh_token(
        self, refresh_token: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        if not issuing.is_refresh_token(refresh_token):
            return False
        rows = get_refresh_token_model().objects.select_related("user")
        of_client = rows.filter(token_checksum=issuing.digest_of_token(refresh_token), application=client)
        row = of_client.order_by(F("revoked").desc(nulls_first=True)).first()
        authorization = None if row is None else self._authorization_of(row)
        if row is None or authorization is None or authorization.is_over:
            return False
        if row.revoked is not None:
            family = Authorization.objects.filter(pk=authorization.pk)
            authorizations.end(family, authorizations.REUSED_REFRESH_TOKEN)
            return False
        if is_lapsed(row) or not is_still_let_in(row.user, client, authorization.organization):
            return False
        # What a password or a code began goes on as long as one may begin it.
        if authorization.code_digest is None:
            may_begin = may_ask_for_passwords(client)
        else:
            may_begin = client.tokenauth_policy.allows(GrantType.AUTHORIZATION_CODE)
        if not may_begin:
            return False
        request.user = row.user
        request.refresh_token_instance = row
        request.tokenauth_authorization = authorization
        return True

    def validate_bearer_token(self, token: str, scopes: Any, request: Any) -> bool:
        # Those of django-oauth-toolkit's own classes would pass over policies, and users who are inactive.
        return False

    def get_original_scopes(self, refresh_token: str, request: Any, *args: Any, **kwargs: Any) -> list[str]:
        return available(request.tokenauth_authorization.scopes, request.client.tokenauth_policy)

    def _authorization_of(self, row: Any) -> Authorization | None:
        return Authorization.objects.filter(pk=row.token_family).first()

    def _save_bearer_token(self, token: dict[str, Any], request: Any, *args: Any, **kwargs: Any) -> None:
        trading_in.save(token, request)

    # How it ends.

    @sensitive_variables("token")
    def revoke_token(self, token: str, token_type_hint: Any, request: Any, *args: Any, **kwargs: Any) -> None:
        checksum = issuing.digest_of_token(token)
        by_checksum = {"token_checksum": checksum, "application": request.client}
        refresh_tokens, tokens = get_refresh_token_model().objects, get_access_token_model().objects
        families = refresh_tokens.filter(**by_checksum).values_list("token_family", flat=True)
        of_access = refresh_tokens.filter(
            access_token__token_checksum=checksum, application=request.client
        ).values_list("token_family", flat=True)
        ended = Authorization.objects.filter(pk__in=[*families, *of_access])
        authorizations.end(ended, authorizations.REVOKED_BY_APPLICATION)
        # One that an application has for itself is of no family.
        tokens.filter(**by_checksum).delete()


class FirstPartyValidator(Validator):
    """Of ``/auth/token``: a password for a token too, and no code."""

    grants = frozenset({GrantType.PASSWORD, GrantType.CLIENT_CREDENTIALS, "refresh_token"})

    def validate_grant_type(
        self, client_id: Any, grant_type: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        if grant_type == GrantType.PASSWORD and not may_ask_for_passwords(client):
            return False
        return super().validate_grant_type(client_id, grant_type, client, request)

    @sensitive_variables("password")
    def validate_user(
        self, username: str, password: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        # oauthlib asks for the grant after this: its answer would tell whether the password was right.
        if not self.validate_grant_type(request.client_id, GrantType.PASSWORD, client, request):
            raise errors.UnauthorizedClientError(request=request)
        user = password_check.user_of(request.headers["tokenauth.request"](), username, password)
        if user is None or not may_let_in(user, client):
            return False
        request.user = user
        return True


def may_ask_for_passwords(application: Any) -> bool:
    """Whether people may give ``application`` their passwords."""
    policy = application.tokenauth_policy
    return bool(conf.OAUTH_PASSWORD_GRANT and policy.first_party and policy.allows(GrantType.PASSWORD))


def is_lapsed(row: Any) -> bool:
    """Whether a refresh token was not traded in for too long."""
    lifetime = oauth2_settings.REFRESH_TOKEN_EXPIRE_SECONDS
    return bool(lifetime) and row.created + timedelta(seconds=int(lifetime)) <= timezone.now()

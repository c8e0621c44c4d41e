"""A JWT in the headers of a request to who makes it, or :class:`~tokenauth.exceptions.CredentialError`."""

import hashlib
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from oauth2_provider.models import get_access_token_model

from tokenauth import signals
from tokenauth.core import attempts, failure_limit, headers, network, organizations
from tokenauth.core.credential import Kind
from tokenauth.core.headers import Presented
from tokenauth.core.request_state import Attempt, VerifiedElsewhere, state_of
from tokenauth.exceptions import CredentialError, Reason
from tokenauth.models import AccessToken, TokenLogin
from tokenauth.oauth import issuer, jwt
from tokenauth.oauth.models import ApplicationPolicy
from tokenauth.oauth.principals import OAuthAccess, ServicePrincipal

SHAPE = TokenLogin.IdType.JWT.value


def authenticate(request: HttpRequest) -> VerifiedElsewhere | None:
    """Who makes ``request`` by a JWT, and with which rights; None where it presents none.

    Judged once a request, whichever doors ask, and recorded in the login log.

    :raises CredentialError: a JWT was presented, and is refused.
    """
    state = state_of(request)
    state.consulted = True
    found = list(headers.presented(request.META))
    if not any(_is_jwt(one) for one in found):
        return None
    if state.outcome is None:
        state.outcome = _judge_request(request, found)
    if isinstance(state.outcome, CredentialError):
        # A fresh one: raising the same exception again would pile up its traceback.
        raise CredentialError(state.outcome.reason, retry_after=state.outcome.retry_after)
    return state.outcome if isinstance(state.outcome, VerifiedElsewhere) else None


def _is_jwt(presented: Presented) -> bool:
    # One that is not ours as well, which a view that takes no other bearer text refuses.
    is_bearer = presented.kind is Kind.PERSONAL and not presented.misplaced
    return presented.shape == SHAPE or (is_bearer and jwt.has_shape(presented.text))


@sensitive_variables("found", "first")
def _judge_request(request: HttpRequest, found: list[Presented]) -> VerifiedElsewhere | CredentialError:
    now = timezone.now()
    first = found[0]
    try:
        if not first.shape:
            raise CredentialError(Reason.MALFORMED)
        if len(found) > 1:
            raise CredentialError(Reason.AMBIGUOUS)
        address = network.client_address(request.META)
        verified = _judge(first.text, request, address, now)
    except CredentialError as error:
        attempts.refused(request, first, "", error, now)
        signals.token_rejected.send_robust(
            AccessToken, reason=error.reason, token=None, hint="", request=request
        )
        return error
    access: OAuthAccess = verified.auth
    name = str(access.application)[:255]
    hint = f"jti {access.jti[:8]}…"
    attempts.note(request, Attempt(SHAPE, name, hint, None, None, now, verified.user.pk))
    return verified


@sensitive_variables("text")
def _judge(text: str, request: HttpRequest, address: str | None, now: datetime) -> VerifiedElsewhere:
    """The one order of the checks: nothing is told of a token before its signature was right."""
    failure_limit.check(address, now)
    try:
        key = jwt.key_of(text)
        claims = jwt.verify(
            text, key, issuer=issuer.issuer(request), audience=issuer.audience(request), now=now
        )
    except CredentialError as error:
        if error.reason is Reason.UNKNOWN:
            failure_limit.count(address, now)
        raise
    row = find(text)
    # What ends a token deletes it: by the application, by its user, or by an operator.
    if row is None:
        raise CredentialError(Reason.REVOKED)
    if row.expires <= now:
        raise CredentialError(Reason.EXPIRED)
    policy = policy_of(row.application)
    if policy is None or not policy.allows_tokens_of(row.user):
        raise CredentialError(Reason.REVOKED)
    user = ServicePrincipal(row.application) if row.user is None else row.user
    if not user.is_active:
        raise CredentialError(Reason.USER_INACTIVE)
    if policy.organization and policy.organization not in organizations.organizations_of(user):
        raise CredentialError(Reason.REVOKED)
    if not network.is_allowed(address, policy.allowed_networks):
        raise CredentialError(Reason.IP_ADDRESS)
    access = OAuthAccess(
        client_id=row.application.client_id,
        application=row.application,
        # What the application was let have, and still may.
        scopes=tuple(scope for scope in row.scope.split() if scope in policy.scopes),
        organization=policy.organization,
        jti=claims.jti,
        expires_at=row.expires,
        family=f"oauth {row.application_id} {row.user_id or ''}",
    )
    user.current_access_token = access
    return VerifiedElsewhere(user, access)


@sensitive_variables("text")
def find(text: str) -> Any:
    """The row of an access token, with its user, its application and that one's policy; or None."""
    checksum = hashlib.sha256(text.encode()).hexdigest()
    tokens = get_access_token_model().objects.select_related("user", "application__tokenauth_policy")
    return tokens.filter(token_checksum=checksum).first()


def policy_of(application: Any) -> ApplicationPolicy | None:
    """The policy of ``application``; None where it has none, and may do nothing."""
    return getattr(application, "tokenauth_policy", None)

"""A JWT in the headers of a request to who makes it, or :class:`~tokenauth.exceptions.CredentialError`."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from oauth2_provider.models import get_access_token_model

from tokenauth import signals
from tokenauth.core import attempts, failure_limit, headers, network, verification
from tokenauth.core.credential import Kind
from tokenauth.core.headers import Presented
from tokenauth.core.request_state import Attempt, VerifiedElsewhere, state_of
from tokenauth.exceptions import CredentialError, Reason
from tokenauth.models import AccessToken, TokenLogin
from tokenauth.oauth import issuer, issuing, jwt
from tokenauth.oauth.policies import available, policy_of, refusal
from tokenauth.oauth.principals import OAuthAccess, ServicePrincipal

SHAPE = TokenLogin.IdType.JWT.value


def authenticate(request: HttpRequest) -> VerifiedElsewhere | None:
    """Who makes ``request`` by a JWT, and with which rights; None where it presents none.

    Judged once a request, whichever doors ask, and recorded in the login log.

    :raises CredentialError: a JWT was presented, and is refused.
    """
    state = state_of(request)
    state.consulted = True
    found = headers.presented(request.META)
    if not any(_is_jwt(one) for one in found):
        return None
    outcome = verification.judged_once(request, found, _judge_request)
    return outcome if isinstance(outcome, VerifiedElsewhere) else None


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
        row, claims = standing(text, request, now)
    except CredentialError as error:
        if error.reason is Reason.UNKNOWN:
            failure_limit.count(address, now)
        raise
    user = ServicePrincipal(row.application) if row.user is None else row.user
    policy = row.application.tokenauth_policy
    if not network.is_allowed(address, policy.allowed_networks):
        raise CredentialError(Reason.IP_ADDRESS)
    access = OAuthAccess(
        client_id=row.application.client_id,
        application=row.application,
        # What the application was let have, and still may.
        scopes=tuple(available(row.scope.split(), policy)),
        organization=policy.organization,
        jti=claims.jti,
        expires_at=row.expires,
        family=f"oauth {row.application_id} {row.user_id or ''}",
    )
    user.current_access_token = access
    return VerifiedElsewhere(user, access)


@sensitive_variables("text")
def standing(text: str, request: HttpRequest, now: datetime) -> tuple[Any, jwt.Claims]:
    """The row of a JWT that is good here at ``now``, from wherever it comes; and its claims.

    With its user, its application and that one's policy.

    :raises CredentialError: it is not good, or not any more.
    """
    key = jwt.key_of(text)
    claims = jwt.verify(text, key, issuer=issuer.issuer(request), audience=issuer.audience(request), now=now)
    tokens = get_access_token_model().objects.select_related("user", "application__tokenauth_policy")
    row = tokens.filter(token_checksum=issuing.digest_of_token(text)).first()
    # What ends a token deletes it: by the application, by its user, or by an operator.
    policy = None if row is None else policy_of(row.application)
    if row is None or policy is None or not policy.allows_tokens_of(row.user):
        raise CredentialError(Reason.REVOKED)
    reason = None if row.user is None else refusal(row.user, policy, claims.organization)
    if reason is not None:
        raise CredentialError(reason)
    return row, claims

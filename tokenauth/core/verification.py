"""Text and request facts to a verified token, or :class:`~tokenauth.exceptions.CredentialError`."""

from collections.abc import Callable
from datetime import datetime

from django.http import HttpRequest
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from tokenauth import signals
from tokenauth.conf import conf
from tokenauth.core import attempts, credential, digests, failure_limit, headers, lookup, network
from tokenauth.core.credential import Credential, Kind
from tokenauth.core.headers import Presented
from tokenauth.core.request_state import Verified, VerifiedElsewhere, state_of
from tokenauth.core.status import Status, status_of
from tokenauth.exceptions import CredentialError, Reason
from tokenauth.models import AccessToken

Judge = Callable[[HttpRequest, list[Presented]], Verified | VerifiedElsewhere | CredentialError]

_REASON_OF_STATUS = {
    Status.EXPIRED: Reason.EXPIRED,
    Status.UNUSED: Reason.UNUSED,
    Status.REVOKED: Reason.REVOKED,
}


@sensitive_variables("raw")
def verify(raw: str, *, address: str | None = None) -> AccessToken:
    """The token whose text is ``raw``, with its user. Outside of a request: nothing is recorded.

    ``address`` is the client's; a token with an address allowlist is refused without one, and
    ``FAILURE_LIMIT`` limits nothing without one.

    :raises CredentialError: the credential is refused; ``reason`` says why.
    """
    hint = ""
    try:
        parsed = credential.parse(raw)
        hint = parsed.hint
        # Without an address, nobody says that there is a client: a worker's failures are not everybody's.
        verified = _judge(parsed, address, timezone.now(), is_limited=address is not None)
    except CredentialError as error:
        _tell_rejected(error, hint, None)
        raise
    _tell_authenticated(verified, None)
    return verified.token


def authenticate(request: HttpRequest, *kinds: Kind) -> Verified | None:
    """The verified credential in the headers for ``kinds``; None where none was presented there.

    Judged once a request, whichever doors ask; recorded in the login log, and ``last_used_at``
    kept, as the settings say.

    :raises CredentialError: a credential was presented, and is refused.
    """
    state = state_of(request)
    state.consulted = True
    found = headers.presented(request.META)
    for one in found:
        if one.kind in kinds and not one.shape:
            break
    else:
        return None
    outcome = judged_once(request, found, _judge_request)
    return outcome if isinstance(outcome, Verified) else None


def judged_once(request: HttpRequest, found: list[Presented], judge: Judge) -> Verified | VerifiedElsewhere:
    """What ``judge`` says of what was presented, whichever doors ask, and in whatever order.

    :raises CredentialError: it is refused.
    """
    state = state_of(request)
    outcome = state.outcome
    if outcome is None:
        outcome = state.outcome = judge(request, found)
    if isinstance(outcome, CredentialError):
        # A fresh one: raising the same exception again would pile up its traceback.
        raise CredentialError(outcome.reason, outcome.token, outcome.retry_after)
    return outcome


# The last three are of what it calls.
@sensitive_variables("found", "first", "text", "body", "payload")
def _judge_request(request: HttpRequest, found: list[Presented]) -> Verified | CredentialError:
    now = timezone.now()
    first = found[0]
    # Beside one that is ours, or it would not be judged here.
    parsed = None if first.shape else credential.parsed(first.text)
    outcome: Verified | CredentialError
    if len(found) > 1 and (first.shape or parsed is not None):
        outcome = CredentialError(Reason.AMBIGUOUS)
    elif parsed is None or first.misplaced or parsed.kind is not first.kind:
        outcome = CredentialError(Reason.MALFORMED)
    else:
        try:
            outcome = _judge(parsed, network.client_address(request.META), now, is_limited=True)
        except CredentialError as error:
            # Without the frames that it came through, which hold the request that it is kept on.
            outcome = error.with_traceback(None)
    if isinstance(outcome, CredentialError):
        hint = "" if parsed is None else parsed.hint
        attempts.refused(request, first, hint, outcome, now)
        _tell_rejected(outcome, hint, request)
    else:
        attempts.accepted(request, outcome)
        _tell_authenticated(outcome, request)
    return outcome


def _judge(parsed: Credential, address: str | None, now: datetime, *, is_limited: bool) -> Verified:
    """The one order of the checks: what is told of a known token comes after its secret was right."""
    if is_limited:
        failure_limit.check(address, now)
    candidates = digests.candidates(parsed.text)
    token = lookup.find(candidates)
    if token is None:
        if is_limited:
            failure_limit.count(address, now)
        raise CredentialError(Reason.UNKNOWN)
    status = status_of(token, now)
    if status is not Status.ACTIVE:
        raise CredentialError(_REASON_OF_STATUS[status], token)
    if token.environment and token.environment not in conf.ENVIRONMENTS:
        raise CredentialError(Reason.ENVIRONMENT, token)
    user = token.user
    if not user.is_active:
        raise CredentialError(Reason.USER_INACTIVE, token)
    if not network.is_allowed(address, token.allowed_networks):
        raise CredentialError(Reason.IP_ADDRESS, token)
    # For token_can(); the attribute of HasAccessTokens, and as useful on a stock user.
    user.current_access_token = token
    return Verified(token, candidates[0], now)


def _tell_authenticated(verified: Verified, request: HttpRequest | None) -> None:
    signals.token_authenticated.send_robust(AccessToken, token=verified.token, request=request)


def _tell_rejected(error: CredentialError, hint: str, request: HttpRequest | None) -> None:
    signals.token_rejected.send_robust(
        AccessToken, reason=error.reason, token=error.token, hint=hint, request=request
    )

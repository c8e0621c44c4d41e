"""What a device presents in the headers of a request to who makes it, or ``CredentialError``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from tokenauth import signals
from tokenauth.core import attempts, failure_limit, headers, network, verification
from tokenauth.core.request_state import VerifiedElsewhere, state_of
from tokenauth.devices import login_log, signed_requests, token_verification, view_options
from tokenauth.devices.access import DeviceAccess
from tokenauth.devices.exceptions import DeviceError
from tokenauth.devices.protocol.headers import SIGNATURE_HEADER, TOKEN_HEADER, SignatureHeader
from tokenauth.devices.protocol.signatures import SignatureType
from tokenauth.devices.request_headers import parsed, value_of
from tokenauth.exceptions import CredentialError, DeviceReason, Reason
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest

    from tokenauth.core.headers import Presented

SHAPE = login_log.ID_TYPE

# Of whoever tries what nobody has: not of a known device whose clock is wrong, or whose user mistyped a PIN.
_UNKNOWN = frozenset({DeviceReason.UNKNOWN, DeviceReason.DIGEST})


def authenticate(request: HttpRequest) -> VerifiedElsewhere | None:
    """Who makes ``request`` with a device, and with which rights; None where no device presents anything.

    Judged once a request, whichever doors ask, and recorded in the login log. What it presents is good once.
    A view of the protocol itself judges on its own, and is told nothing here.

    :raises CredentialError: a token or a signature was presented, and is refused: as ``unknown``, whatever
        was wrong with it. The login log says more.
    :raises RuntimeError: there is a transaction, with which what is spent would be undone: the middleware
        is missing, or comes within one.
    """
    state = state_of(request)
    state.consulted = True
    found = headers.presented(request.META)
    if not any(one.shape == SHAPE for one in found) or view_options.speaks_powerauth(request):
        return None
    outcome = verification.judged_once(request, found, _judge_request)
    return outcome if isinstance(outcome, VerifiedElsewhere) else None


@sensitive_variables("found")
def _judge_request(request: HttpRequest, found: list[Presented]) -> VerifiedElsewhere | CredentialError:
    now = timezone.now()
    address = network.client_address(request.META)
    try:
        if len(found) > 1:
            raise CredentialError(Reason.AMBIGUOUS)
        failure_limit.check(address, now)
        access = _judge(request, now)
    except CredentialError as error:
        attempts.refused(request, found[0], "", error, now)
        return _told(request, error, "")
    except DeviceError as error:
        if error.reason in _UNKNOWN:
            failure_limit.count(address, now)
        return _told(request, CredentialError(Reason.UNKNOWN), login_log.refused(request, error))
    activation, token = access.activation, access.token
    if token is not None and not view_options.takes_tokens(request):
        hint = login_log.refused_after_all(request, activation, token, Reason.READ_ONLY)
        return _told(request, CredentialError(Reason.READ_ONLY), hint)
    login_log.accepted(request, activation, token)
    user: Any = activation.user
    user.current_access_token = access
    return VerifiedElsewhere(user, access, str(activation.pk if token is None else token.pk))


def _told(request: HttpRequest, error: CredentialError, hint: str) -> CredentialError:
    signals.token_rejected.send_robust(
        AccessToken, reason=error.reason, token=None, hint=hint, request=request
    )
    return error


def _judge(request: HttpRequest, now: datetime) -> DeviceAccess:
    if value_of(request, TOKEN_HEADER):
        token = token_verification.verify(request, now)
        return DeviceAccess.of(token.activation, token, SignatureType(token.signature_type))
    uri_id = view_options.signature_uri_id(request)
    if uri_id is None:
        # It cannot be of this address, which has no name to be signed. Nothing is counted for it.
        header = parsed(request, SIGNATURE_HEADER, SignatureHeader.parse)
        raise DeviceError(DeviceReason.SIGNATURE, subject=header.activation_id)
    signed = signed_requests.verify(request, uri_id, view_options.signature_types(request))
    return DeviceAccess.of(signed.activation, None, signed.signature_type)

"""What all that devices call has in common: how it is answered, and how it is refused."""

from __future__ import annotations

from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import connections, transaction
from django.http import JsonResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables
from django.views.generic import View

from tokenauth.core import failure_limit, network
from tokenauth.core.request_body import is_longer
from tokenauth.devices import json_objects, login_log, signed_requests
from tokenauth.devices.exceptions import DeviceError
from tokenauth.devices.keystore import TemporaryKeyError
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.signatures import Factor, SignatureType
from tokenauth.exceptions import CredentialError, DeviceReason

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from tokenauth.devices.json_objects import JsonObject
    from tokenauth.devices.signed_requests import SignedRequest

# Ten times what an activation, the longest of them, comes to.
BODY_LENGTH = 16_384

# Whoever has the device; alone, or with something else.
WITH_POSSESSION = frozenset(each for each in SignatureType if Factor.POSSESSION in each.factors)


class Failure(Enum):
    """All that a device is told of why it is refused: status, code and message."""

    AUTHENTICATION = HTTPStatus.UNAUTHORIZED, "ERR_AUTHENTICATION", "POWER_AUTH_SIGNATURE_INVALID"
    ACTIVATION = HTTPStatus.BAD_REQUEST, "ERR_ACTIVATION", "POWER_AUTH_ACTIVATION_INVALID"
    ENCRYPTION = HTTPStatus.BAD_REQUEST, "ERR_ENCRYPTION", "POWER_AUTH_ENCRYPTION_FAILED"
    TEMPORARY_KEY = HTTPStatus.BAD_REQUEST, "ERR_TEMPORARY_KEY", "POWER_AUTH_TEMPORARY_KEY_FAILURE"
    REQUEST = HTTPStatus.BAD_REQUEST, "ERROR_GENERIC", "UNKNOWN_ERROR"
    THROTTLED = HTTPStatus.TOO_MANY_REQUESTS, "ERROR_GENERIC", "UNKNOWN_ERROR"

    def response(self) -> JsonResponse:
        """The answer."""
        status, code, message = self.value
        body = {"status": "ERROR", "responseObject": {"code": code, "message": message}}
        return JsonResponse(body, status=status)


def outside_of_transactions(view: Callable[..., Any]) -> Callable[..., Any]:
    """Leave ``view`` out of ``ATOMIC_REQUESTS``: what is spent or counted by a refused request stays so."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


@method_decorator((outside_of_transactions, csrf_exempt, login_not_required), name="dispatch")
class DeviceEndpoint(View):
    """Takes what a device sends, and answers as the protocol does."""

    http_method_names = ["post", "options"]
    # It is not for the middleware to judge its headers: here, they are part of more.
    speaks_powerauth = True
    refused_as: ClassVar[Failure] = Failure.AUTHENTICATION
    malformed_as: ClassVar[Failure] = Failure.REQUEST

    @sensitive_variables()
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        address, now = network.client_address(request.META), timezone.now()
        response: HttpResponseBase
        try:
            failure_limit.check(address, now)
            _check_length(request)
            response = super().dispatch(request, *args, **kwargs)
        except CredentialError as error:
            response = Failure.THROTTLED.response()
            response["Retry-After"] = str(error.retry_after)
        except ProtocolError:
            login_log.refused(request, DeviceError(DeviceReason.MALFORMED))
            response = self.malformed_as.response()
        except DeviceError as error:
            if error.reason is DeviceReason.UNKNOWN:
                failure_limit.count(address, now)
            login_log.refused(request, error)
            response = self._failure(error).response()
        response["Cache-Control"] = "no-store"
        return response

    def post(self, request: HttpRequest) -> JsonResponse:
        return JsonResponse(self.answer(request))

    def answer(self, request: HttpRequest) -> Mapping[str, Any]:
        """The answer to a request whose length is bounded.

        :raises DeviceError: the device is refused.
        :raises ProtocolError: the request is malformed.
        """
        raise NotImplementedError

    def _failure(self, error: DeviceError) -> Failure:
        if isinstance(error, TemporaryKeyError):
            return Failure.TEMPORARY_KEY
        # Only what was encrypted says here of when it is.
        if error.reason in {DeviceReason.ENCRYPTION, DeviceReason.CLOCK}:
            return Failure.ENCRYPTION
        return self.refused_as


class SignedEndpoint(DeviceEndpoint):
    """Takes what a device has signed."""

    uri_id: ClassVar[str]
    signature_types: ClassVar[Collection[SignatureType]] = WITH_POSSESSION

    def answer(self, request: HttpRequest) -> Mapping[str, Any]:
        signed = signed_requests.verify(request, self.uri_id, self.signature_types)
        login_log.accepted(request, signed.activation)
        return self.answer_signed(request, signed)

    def answer_signed(self, request: HttpRequest, signed: SignedRequest) -> Mapping[str, Any]:
        """The answer to a request whose signature is right, and spent: see :meth:`answer`."""
        raise NotImplementedError


def okay(members: Mapping[str, Any]) -> Mapping[str, Any]:
    """``members`` as what is not encrypted is answered."""
    return {"status": "OK", "responseObject": members}


@sensitive_variables()
def request_object(request: HttpRequest) -> JsonObject:
    """What is asked for in a request that is not encrypted.

    :raises ProtocolError: the body is malformed.
    """
    return json_objects.object_member(json_objects.parse(request.body), "requestObject")


def _check_length(request: HttpRequest) -> None:
    try:
        too_long = is_longer(request, BODY_LENGTH)
    except RequestDataTooBig:
        too_long = True
    if too_long:
        raise ProtocolError("the body is too long")

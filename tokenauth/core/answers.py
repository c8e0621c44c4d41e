"""The answer to a refused request: one form, whichever door gives it."""

from http import HTTPStatus

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control

from tokenauth.core import attempts, challenges, headers
from tokenauth.core.request_state import Refusal

# The statuses that have this form.
CODES = {
    HTTPStatus.UNAUTHORIZED: "UNAUTHORIZED",
    HTTPStatus.FORBIDDEN: "FORBIDDEN",
    HTTPStatus.CONFLICT: "CONFLICT",
    HTTPStatus.TOO_MANY_REQUESTS: "TOO_MANY_REQUESTS",
}


def body(status: HTTPStatus, message: str, reason: str) -> dict[str, dict[str, str]]:
    """``{"error": {"code", "message", "reason"}}``."""
    return {"error": {"code": CODES[status], "message": message, "reason": reason}}


def keep_from_shared_caches(request: HttpRequest, response: HttpResponseBase) -> None:
    """Let no shared cache keep the answer to what is good once, and give it to who sends that again."""
    if headers.in_registered_headers(request.META):
        patch_cache_control(response, private=True)


def refused(request: HttpRequest, refusal: Refusal) -> JsonResponse:
    """The answer of a view of plain Django; the refusal is noted for the login log."""
    attempts.refused_request(request, refusal)
    reason = refusal.reason
    status = HTTPStatus(reason.status)
    response = JsonResponse(body(status, reason.message, reason.value), status=status)
    if challenge := challenges.of_refusal(request, refusal):
        response["WWW-Authenticate"] = challenge
    if refusal.retry_after is not None:
        response["Retry-After"] = str(refusal.retry_after)
    response["Cache-Control"] = "no-store"
    return response

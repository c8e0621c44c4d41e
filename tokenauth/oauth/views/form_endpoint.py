"""What the form-encoded endpoints of RFC 6749, 7009 and 7662 have in common."""

from http import HTTPStatus
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.generic import View

from tokenauth.core.request_body import is_longer
from tokenauth.exceptions import CredentialError
from tokenauth.oauth.backend import FORM
from tokenauth.oauth.client_authentication import has_basic

BODY_LENGTH = 16_384


@method_decorator((csrf_exempt, login_not_required, sensitive_post_parameters()), name="dispatch")
class FormEndpoint(View):
    """Takes one form of fields that are there once, and answers as RFC 6749 (section 5.2) does."""

    http_method_names = ["post", "options"]
    # Whether a page of any origin may read the answer. No cookie is looked at: who may have it shows that by
    # the form alone.
    answers_browsers = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = super().dispatch(request, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        if self.answers_browsers:
            response["Access-Control-Allow-Origin"] = "*"
        return response

    # Nor what the library keeps of the form and the headers in variables of its own.
    @sensitive_variables()
    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            if is_longer(request, BODY_LENGTH):
                raise RequestDataTooBig
            if wrong := _wrong_with(request):
                return self.refused("invalid_request", wrong)
        except RequestDataTooBig:
            return self.refused(
                "invalid_request", "The body is too long.", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            )
        except (SuspiciousOperation, BadRequest):
            # Django's own words for it are a page.
            return self.refused("invalid_request", "The form has too many fields, or is not in UTF-8.")
        try:
            return self.answer(request)
        except CredentialError as error:
            # No code of RFC 6749, section 5.2, says "later"; this one, of the authorization endpoint, does.
            response = self.refused(
                "temporarily_unavailable",
                "Too many secrets were tried; try again later.",
                HTTPStatus.TOO_MANY_REQUESTS,
            )
            response["Retry-After"] = str(error.retry_after)
            return response

    def answer(self, request: HttpRequest) -> HttpResponse:
        """The answer to a form that is well-formed.

        :raises CredentialError: ``throttled``.
        """
        raise NotImplementedError

    def refused(self, error: str, description: str, status: int = HTTPStatus.BAD_REQUEST) -> HttpResponse:
        """An error of RFC 6749, section 5.2."""
        return self.response({"error": error, "error_description": description}, status)

    def response(self, members: dict[str, Any], status: int) -> HttpResponse:
        """``members`` as JSON; with the challenge that belongs to a 401."""
        response = JsonResponse(members, status=status)
        if status == HTTPStatus.UNAUTHORIZED:
            basic = has_basic(self.request.META.get("HTTP_AUTHORIZATION", ""))
            response["WWW-Authenticate"] = 'Basic realm="api"' if basic else 'Bearer realm="api"'
        return response


def _wrong_with(request: HttpRequest) -> str:
    """Why the form is none that is read; "" where it is one."""
    if request.content_type != FORM:
        return f"The body must be {FORM}."
    if request.GET:
        return "Nothing is taken from the URL."
    for name, values in request.POST.lists():
        if len(values) > 1 and name != "resource":
            return "A parameter is there more than once."
        if any("\x00" in value for value in values):
            return "A parameter has a NUL character in it."
    return ""

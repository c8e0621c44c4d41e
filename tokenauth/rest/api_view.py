"""What the endpoints of this app have in common."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, RawPostDataException
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from tokenauth.core import challenges
from tokenauth.core.request_state import django_request
from tokenauth.exception_handler import exception_handler

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.core.exceptions import ValidationError
    from rest_framework.request import Request
    from rest_framework.response import Response


class BoundedJSONParser(JSONParser):
    """Refuses what is nested too deeply for Python."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError(_("The body is nested too deeply.")) from error


class TokenAPIView(APIView):
    """Answers are this app's own, whatever the project's defaults; and no cache keeps one."""

    parser_classes: Any = (BoundedJSONParser,)
    # Not as a page: that would show a token, and a form, beside the project's own.
    renderer_classes = (JSONRenderer,)

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        initialized = super().initialize_request(request, *args, **kwargs)
        # Whatever charset it says: Python has some that decompress, or raise what no parser expects.
        initialized.parser_context["encoding"] = "utf-8"
        return initialized

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # As a whole: REST framework reads JSON past DATA_UPLOAD_MAX_MEMORY_SIZE. Of a form that a middleware
        # has asked for, Django has looked at the size itself.
        with suppress(RawPostDataException):
            django_request(request).body  # noqa: B018
        super().initial(request, *args, **kwargs)

    def check_throttles(self, request: Request) -> None:
        if request.method != "POST":
            return
        # One after the other: who is over the limit of an address uses up nobody's name.
        for throttle in self.get_throttles():
            if not throttle.allow_request(request, self):
                self.throttled(request, throttle.wait())  # type: ignore[arg-type]

    def get_authenticate_header(self, request: Request) -> str:
        return challenges.challenge(django_request(request))

    def get_exception_handler(self) -> Callable[..., Response | None]:
        return exception_handler

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response["Cache-Control"] = "no-store"
        return super().finalize_response(request, response, *args, **kwargs)


def by_field(error: ValidationError, names: Mapping[str, str]) -> dict[str, list[str]]:
    """What the core refuses, by the fields that gave its arguments (``names``: field of each argument)."""
    other = api_settings.NON_FIELD_ERRORS_KEY
    by_argument = error.message_dict if hasattr(error, "error_dict") else {other: error.messages}
    errors: dict[str, list[str]] = {}
    for argument, messages in by_argument.items():
        errors.setdefault(names.get(argument, other), []).extend(messages)
    return errors

"""Reports of leaked tokens, by whoever has found them."""

from typing import Any

from django.http import HttpRequest
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_variables
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from tokenauth.core import leaks
from tokenauth.rest.api_view import TokenAPIView
from tokenauth.rest.serializers import LeakReportSerializer
from tokenauth.rest.throttling import LeakReportThrottle


class LeakReportView(TokenAPIView):
    """Revokes each token whose text is reported, and mails its owner; 202 whether there was one or not."""

    # Holding a token is the authority to revoke it.
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (LeakReportThrottle,)

    @method_decorator(sensitive_variables())
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)

    @sensitive_variables()
    def post(self, request: Request) -> Response:
        """Revoke each of `tokens`, and mail its owner. The answer says of none whether there was one."""
        serializer = LeakReportSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        leaks.report(serializer.validated_data["tokens"])
        # No word on what was found: who guesses is told nothing.
        return Response(status=202)

"""Views that devices may open, of REST framework and of plain Django."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views import View
from django.views.decorators.cache import cache_page
from django.views.decorators.vary import vary_on_headers
from rest_framework.authentication import SessionAuthentication
from rest_framework.decorators import action, api_view, authentication_classes, permission_classes
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from tokenauth.authentication import AccessTokenAuthentication, APIKeyAuthentication
from tokenauth.decorators import scopes_required
from tokenauth.devices.authentication import DeviceTokenAuthentication, SignatureAuthentication
from tokenauth.devices.decorators import device_signature, device_token_methods
from tokenauth.devices.models import DeviceToken
from tokenauth.devices.protocol.headers import SIGNATURE_HEADER, TOKEN_HEADER
from tokenauth.devices.protocol.signatures import SignatureType
from tokenauth.oauth.authentication import JWTAuthentication
from tokenauth.permissions import HasScopes

if TYPE_CHECKING:
    from rest_framework.request import Request

URI_ID = "/transfers"
VARYING = ("Authorization", "X-API-Key", TOKEN_HEADER, SIGNATURE_HEADER, "Cookie")


def who(user: Any, auth: Any) -> dict[str, Any]:
    """Who asks, and by what."""
    return {
        "user": user.get_username(),
        "token": auth and auth.token and str(auth.token.pk),
        "activation": auth and str(auth.activation.pk),
        "factors": auth and auth.signature_type,
        "same": getattr(user, "current_access_token", None) is auth,
    }


class Reading(APIView):
    # In this order: each leaves to the next what is not for it.
    authentication_classes: Any = [
        SessionAuthentication,
        AccessTokenAuthentication,
        APIKeyAuthentication,
        JWTAuthentication,
        SignatureAuthentication,
        DeviceTokenAuthentication,
    ]
    required_scopes: Any = {"GET": ["read:sites"], "POST": ["write:sites"], "DELETE": ["write:sites"]}

    def get(self, request: Request) -> Response:
        return Response(who(request.user, request.auth))

    def post(self, request: Request) -> Response:
        return self.get(request)

    def delete(self, request: Request) -> Response:
        return self.get(request)


class Writing(Reading):
    device_token_methods = ("POST",)


class Signed(Reading):
    signature_uri_id = URI_ID


class SignedByPossession(Signed):
    signature_types = (SignatureType.POSSESSION,)


class SignedByText(Signed):
    signature_types: Any = "possession_knowledge"
    device_token_methods: Any = "POST"


class Reader(Signed):
    """Tells what it has read."""

    def post(self, request: Request) -> Response:
        return Response(request.data)


class ByTokenAlone(Signed):
    authentication_classes = [DeviceTokenAuthentication]


class BySignatureAlone(Signed):
    authentication_classes = [SignatureAuthentication]


class WithoutDevices(Reading):
    authentication_classes = [AccessTokenAuthentication]


class Raising(Reading):
    signature_uri_id = URI_ID

    def get(self, request: Request) -> Response:
        # What the request has done by then is rolled back with the transaction, where there is one.
        DeviceToken.objects.all().delete()
        raise LookupError("after the door")


class Transfers(ViewSet):
    authentication_classes: Any = [SignatureAuthentication]
    permission_classes = [HasScopes.of("write:sites")]
    signature_uri_id = "/transfers/list"

    def list(self, request: Request) -> Response:
        return Response(who(request.user, request.auth))

    @action(detail=False, methods=["post"], signature_uri_id="/transfers/confirm")
    def confirm(self, request: Request) -> Response:
        return self.list(request)


@device_token_methods("POST")
@device_signature(URI_ID, [SignatureType.POSSESSION])
@api_view(["GET", "POST"])
@authentication_classes([DeviceTokenAuthentication, SignatureAuthentication])
@permission_classes([HasScopes.of("read:sites")])
def function(request: Request) -> Response:
    return Response(who(request.user, request.auth))


def plain(request: HttpRequest) -> HttpResponse:
    return JsonResponse(who(request.user, getattr(request, "auth", None)))


@scopes_required("read:sites")
async def plain_asynchronous(request: HttpRequest) -> HttpResponse:
    return plain(request)


@scopes_required("read:sites")
class PlainClass(View):
    signature_uri_id = URI_ID
    device_token_methods = ("POST",)

    def get(self, request: HttpRequest) -> HttpResponse:
        return plain(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        return plain(request)


@scopes_required("read:sites")
@device_signature(URI_ID)
@device_token_methods("POST")
def plain_function(request: HttpRequest) -> HttpResponse:
    return plain(request)


@scopes_required("read:sites")
@device_signature(URI_ID)
def plain_raising(request: HttpRequest) -> HttpResponse:
    DeviceToken.objects.all().delete()
    raise LookupError("after the door")


@scopes_required("read:sites")
@device_signature(URI_ID)
def plain_reader(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body, "application/json")


def protocol(request: HttpRequest) -> HttpResponse:
    """As those of the protocol itself, which judge what devices present by themselves."""
    return JsonResponse({"user": request.user.get_username()})


protocol.speaks_powerauth = True  # type: ignore[attr-defined]

urlpatterns = [
    path("reading", Reading.as_view()),
    path("writing", Writing.as_view()),
    path("signed", Signed.as_view()),
    path("signed-by-possession", SignedByPossession.as_view()),
    path("signed-by-text", SignedByText.as_view()),
    path("reader", Reader.as_view()),
    path("plain-reader", plain_reader),
    path("by-token-alone", ByTokenAlone.as_view()),
    path("by-signature-alone", BySignatureAlone.as_view()),
    path("without-devices", WithoutDevices.as_view()),
    path("raising", Raising.as_view()),
    path("transfers", Transfers.as_view({"get": "list"})),
    path(
        "transfers/confirm",
        Transfers.as_view({"post": "confirm"}, **Transfers.confirm.kwargs),  # type: ignore[attr-defined]
    ),
    path("function", function),
    path("plain", scopes_required("read:sites")(plain)),
    path("plain-asynchronous", plain_asynchronous),
    path("plain-class", PlainClass.as_view()),
    path("plain-function", plain_function),
    path("plain-raising", plain_raising),
    path("cached", cache_page(60)(scopes_required("read:sites")(plain))),
    path("cached-framework", cache_page(60)(vary_on_headers(*VARYING)(Signed.as_view()))),
    path("unmarked", plain),
    path("people", login_required(plain)),
    path("protocol", protocol),
]

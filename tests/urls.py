"""The sample project's URLs, and views for what it has no example of."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.decorators import api_view, permission_classes
from rest_framework.exceptions import APIException, NotFound, PermissionDenied, Throttled
from rest_framework.permissions import AllowAny, BasePermission, IsAdminUser, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from testproject import urls as sample
from tokenauth.authentication import AccessTokenAuthentication
from tokenauth.exceptions import CredentialError
from tokenauth.models import AccessToken
from tokenauth.permissions import HasAnyScope, HasScopes


class OpenView(APIView):
    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        return Response({"open": True})


class WhoView(APIView):
    """Tells who asks, and by which token."""

    required_scopes: Any = {"GET": ["read:sites"], "POST": ["write:sites"]}

    def get(self, request: Request) -> Response:
        token = request.auth
        return Response(
            {
                "user": request.user.get_username(),
                "token": token and token.pk,
                "same": getattr(request.user, "current_access_token", None) is token,
            }
        )

    def post(self, request: Request) -> Response:
        return self.get(request)


class ReadOnlyView(APIView):
    required_scopes = {"GET": ["read:sites"]}

    def get(self, request: Request) -> Response:
        return Response("read")


class HeadView(APIView):
    required_scopes = {"GET": ["read:sites"]}

    def head(self, request: Request) -> Response:
        return Response()


class HasGroup(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.user.groups.filter(name="inspectors").exists()


class HasModelPermission(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.user.has_perm("inventory.view_site")


class Conflict(APIException):
    status_code = 409
    default_code = "conflict"
    default_detail = "Somebody was faster."


class RaisingView(OpenView):
    error: APIException = Conflict()

    def get(self, request: Request) -> Response:
        raise self.error


class ObjectView(ReadOnlyView):
    def get(self, request: Request) -> Response:
        self.check_object_permissions(request, object())
        return Response("object")


class LockedView(ReadOnlyView):
    def get(self, request: Request) -> Response:
        raise PermissionDenied("Locked until Monday.")


class Locked(BasePermission):
    def has_object_permission(self, request: Request, view: APIView, obj: object) -> bool:
        return False


class TranslatingView(ReadOnlyView):
    def get(self, request: Request) -> Response:
        try:
            AccessToken.objects.verify("junk")
        except CredentialError as error:
            raise NotFound from error
        return Response()


class EndingView(APIView):
    required_scopes = ["read:sites"]

    def get(self, request: Request) -> Response:
        return Response(headers={"Sunset": "Sun, 01 Jan 2034 00:00:00 GMT"})


class RotatingView(APIView):
    required_scopes = ["tokens:manage"]

    def post(self, request: Request) -> Response:
        return Response({"token": request.auth.rotate().raw_token}, status=201)


@api_view(["GET"])
@permission_classes([HasScopes.of("read:events")])
def function_view(request: Request) -> Response:
    return Response("events")


def failing_view(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("boom")


class FailingView(ReadOnlyView):
    def get(self, request: Request) -> Response:
        raise RuntimeError("boom")


def _raising(error: APIException) -> Any:
    return RaisingView.as_view(error=error)


urlpatterns = [
    # But for those of OAuth: what refuses says then what it says where that is not installed.
    path(
        "", include([one for one in sample.urlpatterns if getattr(one, "app_name", "") != "tokenauth_oauth"])
    ),
    path("open", OpenView.as_view()),
    path("who", WhoView.as_view()),
    path("read-only", ReadOnlyView.as_view()),
    path("function", function_view),
    path("several", WhoView.as_view(required_scopes=["read:sites", "write:sites"])),
    path(
        "any",
        WhoView.as_view(required_scopes=["read:sites", "read:events"], permission_classes=[HasAnyScope]),
    ),
    path("signed-in", WhoView.as_view(required_scopes=[])),
    path("tokens-only", type("TokensOnly", (WhoView,), {"session_allowed": False}).as_view()),
    path(
        "session-first",
        WhoView.as_view(authentication_classes=[SessionAuthentication, AccessTokenAuthentication]),
    ),
    path(
        "basic-first",
        WhoView.as_view(authentication_classes=[BasicAuthentication, AccessTokenAuthentication]),
    ),
    path(
        "session-basic-bearer",
        WhoView.as_view(
            authentication_classes=[SessionAuthentication, BasicAuthentication, AccessTokenAuthentication]
        ),
    ),
    path("basic-alone", WhoView.as_view(authentication_classes=[BasicAuthentication])),
    path("head-alone", HeadView.as_view()),
    path("session-alone", WhoView.as_view(authentication_classes=[SessionAuthentication])),
    path("bearer-alone", WhoView.as_view(authentication_classes=[AccessTokenAuthentication])),
    path("no-authenticator", WhoView.as_view(authentication_classes=[])),
    path("group", WhoView.as_view(permission_classes=[HasScopes, HasGroup])),
    path("permission", WhoView.as_view(permission_classes=[HasScopes, HasModelPermission])),
    path("either", WhoView.as_view(permission_classes=[HasScopes.of("read:events") | IsAdminUser])),
    path("both", WhoView.as_view(permission_classes=[HasScopes & IsAdminUser])),
    path("without", WhoView.as_view(permission_classes=[IsAuthenticated & ~HasScopes.of("read:events")])),
    path(
        "object-without",
        ObjectView.as_view(permission_classes=[IsAuthenticated & ~HasScopes.of("read:events")]),
    ),
    path("object", ObjectView.as_view()),
    path("locked", LockedView.as_view(permission_classes=[HasScopes.of("read:events") | IsAuthenticated])),
    path(
        "locked-without",
        LockedView.as_view(permission_classes=[IsAuthenticated & ~HasScopes.of("read:events")]),
    ),
    path(
        "locked-object",
        ObjectView.as_view(permission_classes=[HasScopes.of("read:events") | IsAuthenticated, Locked]),
    ),
    path(
        "outweighed-then-not",
        ReadOnlyView.as_view(
            permission_classes=[HasScopes.of("read:events") | IsAuthenticated, ~HasScopes.of("read:sites")]
        ),
    ),
    path(
        "object-without-both",
        ObjectView.as_view(
            permission_classes=[IsAuthenticated & ~(HasScopes.of("read:events") & HasScopes.of("read:sites"))]
        ),
    ),
    path("translated", TranslatingView.as_view()),
    path("without-alone", ReadOnlyView.as_view(permission_classes=[~HasScopes.of("read:events")])),
    path("conflict", _raising(Conflict())),
    path("ending", EndingView.as_view()),
    path("rotate", RotatingView.as_view()),
    path("throttled", _raising(Throttled(wait=7))),
    path("failing", FailingView.as_view()),
    path("plain-failing", failing_view),
]

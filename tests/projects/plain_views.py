"""Views of plain Django that tell who asks, and their URLs."""

from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views import View

from tokenauth.decorators import scopes_required


def who(request: HttpRequest) -> HttpResponse:
    token = request.auth  # type: ignore[attr-defined]
    return JsonResponse({"user": request.user.get_username(), "token": token and token.pk})


@scopes_required("read:sites")
def function(request: HttpRequest) -> HttpResponse:
    return who(request)


@scopes_required("read:sites")
class ClassView(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return who(request)


# Django runs no asynchronous view inside of ATOMIC_REQUESTS.
@scopes_required("read:sites")
@non_atomic_requests
async def asynchronous(request: HttpRequest) -> HttpResponse:
    return who(request)


urlpatterns = [
    path("plain/function", function),
    path("plain/class", ClassView.as_view()),
    path("plain/async", asynchronous),
]

"""What comes before and after every request: who makes it, and what it leaves to write."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from tokenauth.conf import conf
from tokenauth.core import answers, attempts, callers, credential, rotation
from tokenauth.core.request_state import Verified, state_of


class AccessTokenMiddleware:
    """Lets a credential open the views marked by ``scopes_required``, and no other view of plain Django.

    Where one is presented, the session's user is ignored. Writes login attempts and ``last_used_at``
    after the answer, echoes ``X-Request-ID``, sets ``Vary`` where a credential decided the answer, and
    ``Deprecation`` and ``Sunset`` on answers to a token that was rotated. Needed with REST framework
    too. Its place in ``MIDDLEWARE`` is after ``AuthenticationMiddleware``, if there is one.
    """

    sync_capable = True
    async_capable = True

    def __init__(
        self,
        get_response: Callable[[HttpRequest], HttpResponseBase]
        | Callable[[HttpRequest], Awaitable[HttpResponseBase]],
    ) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        _defer_writing(request)
        # For the middleware that asks for the user before the view is known.
        callers.ignore_session(request)
        response = self.get_response(request)
        if isinstance(response, HttpResponseBase):
            return _finish(request, response)
        return self._afinish(request, response)

    def process_view(self, request: HttpRequest, *args: Any) -> None:
        # Once more: a middleware that comes after this one may have set the session's user.
        callers.ignore_session(request)
        callers.spend(request)

    def process_template_response(self, request: HttpRequest, response: Any) -> Any:
        # REST framework's are of this kind. A cache around the view keeps them once they are rendered.
        answers.keep_from_shared_caches(request, response)
        return response

    async def _afinish(self, request: HttpRequest, response: Awaitable[HttpResponseBase]) -> HttpResponseBase:
        try:
            answer = await response
        except asyncio.CancelledError:
            # The client is gone, its attempt is not. A view that still runs in its thread comes first:
            # that thread takes one thing after the other.
            await asyncio.shield(sync_to_async(attempts.write)(request))
            raise
        if state_of(request).is_pending:
            # Now, and in the thread that has the request's connections: the one that closes the
            # answer may be another (Django's AsyncClient), and a stream may be closed hours later.
            await sync_to_async(attempts.write)(request)
        return _finish(request, answer)


def _defer_writing(request: HttpRequest) -> None:
    state_of(request).deferred = True
    close = request.close

    def write_and_close() -> None:
        try:
            attempts.write(request)
        finally:
            close()

    # Django closes the request with the answer that leaves, whichever middleware made that one;
    # a closer on the response seen here would be lost where another replaces it (a 304).
    request.close = write_and_close  # type: ignore[method-assign]


def _finish(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    state = state_of(request)
    if state.consulted:
        # Those of other apps where they are presented: no other answer is for whoever presents them.
        others = [header for _, header in credential.registered_headers() if header in request.headers]
        patch_vary_headers(response, [conf.AUTH_HEADER, conf.API_KEY_HEADER, *others])
        answers.keep_from_shared_caches(request, response)
    if isinstance(state.outcome, Verified):
        for name, value in rotation.deprecation_headers(state.outcome.token).items():
            # The view may have announced its own end.
            response.headers.setdefault(name, value)
    if request_id := attempts.request_id(request):
        response.headers.setdefault("X-Request-ID", request_id)
    return response

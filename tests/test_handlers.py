"""Through Django's own handlers, as a server drives them: rows survive, connections are closed."""

from __future__ import annotations

import asyncio
import threading
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync, markcoroutinefunction
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.db.backends.signals import connection_created
from django.test import RequestFactory

from tests.conftest import bearer
from tokenauth.models import AccessToken, TokenLogin
from tokenauth.signals import token_authenticated, token_rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.http import HttpRequest

    from testproject.accounts.models import User

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.urls"),
    # The handlers' own work, and not the tests', is to open and close these.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]


@pytest.fixture(autouse=True)
def atomic_requests() -> Iterator[None]:
    databases = connections["default"].settings_dict
    before = databases["ATOMIC_REQUESTS"]
    databases["ATOMIC_REQUESTS"] = True
    yield
    databases["ATOMIC_REQUESTS"] = before


@pytest.fixture
def opened() -> Iterator[list[BaseDatabaseWrapper]]:
    """Every connection that is opened to the database, in whichever thread."""
    wrappers: list[BaseDatabaseWrapper] = []

    def note(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
        wrappers.append(connection)

    connection_created.connect(note)
    yield wrappers
    connection_created.disconnect(note)


def assert_closed(opened: list[BaseDatabaseWrapper]) -> None:
    """That connections were opened in other threads than this one, and none of them stayed open."""
    others = [wrapper for wrapper in opened if wrapper is not connections["default"]]
    assert others
    assert [wrapper.connection for wrapper in others] == [None] * len(others)


def over_wsgi(path: str, **environ: Any) -> int:
    """The status of a request that ``WSGIHandler`` answers, in a thread of its own as under a server."""
    statuses: list[str] = []

    def serve() -> None:
        request = RequestFactory().get(path, **environ).environ
        response = WSGIHandler()(
            {**request, "wsgi.input": BytesIO()}, lambda status, headers: statuses.append(status)
        )
        try:
            b"".join(response)
        finally:
            response.close()

    thread = threading.Thread(target=serve)
    thread.start()
    thread.join()
    return int(statuses[0].split()[0])


def over_asgi(path: str, leave: threading.Event | None = None, **environ: Any) -> int:
    """The status of a request that ``ASGIHandler`` answers, on a loop of its own.

    The client disconnects once ``leave`` is set, and gets no answer then: 0.
    """
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
        "headers": [
            (b"host", b"testserver"),
            *(
                (name[5:].lower().replace("_", "-").encode(), value.encode())
                for name, value in environ.items()
            ),
        ],
    }

    async def serve() -> None:
        received = False

        async def receive() -> dict[str, Any]:
            nonlocal received
            if received and leave:
                await asyncio.get_running_loop().run_in_executor(None, leave.wait, 10)
                return {"type": "http.disconnect"}
            if received:
                await asyncio.Event().wait()
            received = True
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await ASGIHandler()(scope, receive, send)

    thread = threading.Thread(target=async_to_sync(serve))
    thread.start()
    thread.join()
    return int(sent[0]["status"]) if sent else 0


@pytest.mark.parametrize("ask", [over_wsgi, over_asgi])
def test_a_refused_attempt_has_its_row_and_no_connection_stays_open(
    alice: User, ask: Callable[..., int], opened: list[BaseDatabaseWrapper]
) -> None:
    token = alice.generate_access_token("t", ["read:events"])
    assert ask("/who", **bearer("pat_junk")) == 401
    assert ask("/who", **bearer(token)) == 403
    token.revoke()
    revoked = AccessToken.objects.get()
    assert revoked.last_used_at is not None
    rows = TokenLogin.objects.order_by("pk").values_list("reason", "success")
    assert list(rows) == [("malformed", False), ("insufficient_scope", False)]
    assert_closed(opened)


@pytest.mark.parametrize("ask", [over_wsgi, over_asgi])
def test_what_a_failing_view_rolls_back_is_not_the_use_of_the_token(
    alice: User, ask: Callable[..., int], opened: list[BaseDatabaseWrapper], settings: Any
) -> None:
    settings.TOKENAUTH = {**settings.TOKENAUTH, "RECORD_LOGIN_ATTEMPTS": "all"}
    settings.DEBUG_PROPAGATE_EXCEPTIONS = False
    token = alice.generate_access_token("t", ["read:sites"])
    assert ask("/failing", **bearer(token)) == 500
    assert AccessToken.objects.get().last_used_at is not None
    assert TokenLogin.objects.get().success is True
    assert_closed(opened)


@pytest.mark.parametrize("ask", [over_wsgi, over_asgi])
def test_without_the_middleware_the_roll_back_takes_the_row_along(
    alice: User, ask: Callable[..., int], settings: Any
) -> None:
    # What check W001 warns of; and that the tests above would fail without the middleware.
    settings.MIDDLEWARE = [path for path in settings.MIDDLEWARE if "tokenauth" not in path]
    assert ask("/who", **bearer("pat_junk")) == 401
    assert TokenLogin.objects.count() == 0


class Cancelled:
    """The innermost middleware: tells when Django has cancelled the request."""

    sync_capable = False
    async_capable = True
    seen = threading.Event()

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> Any:
        try:
            return await self.get_response(request)
        except asyncio.CancelledError:
            self.seen.set()
            raise


@pytest.mark.parametrize("accepted", [True, False])
def test_a_client_that_leaves_leaves_its_attempt(
    alice: User, opened: list[BaseDatabaseWrapper], settings: Any, accepted: bool
) -> None:
    token = alice.generate_access_token("t", ["read:sites"])
    judged = threading.Event()
    Cancelled.seen.clear()
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.Cancelled"]

    def hold(**kwargs: Any) -> None:
        # In the view's thread: it is at work until its request has been cancelled.
        judged.set()
        assert Cancelled.seen.wait(10)

    for signal in (token_authenticated, token_rejected):
        signal.connect(hold)
    try:
        status = over_asgi("/who", leave=judged, **bearer(token if accepted else "pat_junk"))
    finally:
        for signal in (token_authenticated, token_rejected):
            signal.disconnect(hold)
    assert status == 0
    assert Cancelled.seen.is_set()
    assert (AccessToken.objects.get().last_used_at is not None) == accepted
    assert list(TokenLogin.objects.values_list("reason", flat=True)) == ([] if accepted else ["malformed"])
    assert_closed(opened)

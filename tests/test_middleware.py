from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, RequestFactory
from django.test.utils import override_settings

from tests.conftest import bearer
from tokenauth.middleware import AccessTokenMiddleware
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from testproject.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.urls")]

WITHOUT = [
    path
    for path in __import__("testproject.settings", fromlist=["MIDDLEWARE"]).MIDDLEWARE
    if "tokenauth" not in path
]


def test_the_request_id_is_echoed_and_logged(api: APIClient) -> None:
    answer = api.get("/who", HTTP_X_REQUEST_ID="abc-123", HTTP_X_CLIENT_VERSION="1.0.0", **bearer("pat_junk"))
    assert answer["X-Request-ID"] == "abc-123"
    row = TokenLogin.objects.get()
    assert (row.request_id, row.client_version) == ("abc-123", "1.0.0")
    assert api.get("/open", HTTP_X_REQUEST_ID="def")["X-Request-ID"] == "def"
    assert "X-Request-ID" not in api.get("/open")


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [
        ("x" * 65, "x" * 64),
        ("a\0b\x1fc", "abc"),
        ("\xe9clair", "clair"),
        ("\r\nSet-Cookie: x", "Set-Cookie: x"),
    ],
)
def test_an_odd_request_id_harms_nobody(api: APIClient, sent: str, echoed: str) -> None:
    answer = api.get("/who", HTTP_X_REQUEST_ID=sent, **bearer("pat_junk"))
    assert answer["X-Request-ID"] == echoed
    assert TokenLogin.objects.get().request_id == echoed


def test_what_no_credential_decided_varies_on_none(api: APIClient) -> None:
    assert "Authorization" not in api.get("/admin/login/").get("Vary", "")
    assert "Authorization" in api.get("/who").get("Vary", "")
    assert "X-API-Key" in api.get("/read-only").get("Vary", "")
    # Nothing reads a token here, and still a session beside one is answered otherwise.
    assert "Authorization" in api.get("/session-alone").get("Vary", "")


def test_without_the_middleware_attempts_are_written_at_once(api: APIClient, alice: User) -> None:
    token = alice.generate_access_token("t", ["read:events"])
    with override_settings(MIDDLEWARE=WITHOUT):
        assert api.get("/function", **bearer(token)).status_code == 200
        assert AccessToken.objects.get().last_used_at is not None
        assert api.get("/function", **bearer("pat_junk")).status_code == 401
        assert api.get("/who", **bearer(token)).status_code == 403
    assert sorted(TokenLogin.objects.values_list("reason", flat=True)) == ["insufficient_scope", "malformed"]


def test_a_response_that_another_middleware_replaces_loses_no_row(api: APIClient) -> None:
    conditional = ["django.middleware.http.ConditionalGetMiddleware"]

    class Replacing:
        def __init__(self, get_response: Any) -> None:
            self.get_response = get_response

        def __call__(self, request: HttpRequest) -> HttpResponse:
            self.get_response(request)
            return HttpResponse("another", status=401)

    globals()["Replacing"] = Replacing
    middleware = [f"{__name__}.Replacing", *conditional, "tokenauth.middleware.AccessTokenMiddleware"]
    with override_settings(MIDDLEWARE=middleware):
        assert api.get("/who", **bearer("pat_junk")).content == b"another"
    assert TokenLogin.objects.count() == 1


def test_asynchronously(alice: User) -> None:
    token = alice.generate_access_token("t", ["read:sites"])

    async def ask(raw: str | None) -> Any:
        return await AsyncClient().get(
            "/who", headers={"Authorization": f"Bearer {raw}", "X-Request-ID": "async"}
        )

    answer = async_to_sync(ask)(token.raw_token)
    assert answer.status_code == 200
    assert answer["X-Request-ID"] == "async"
    assert AccessToken.objects.get().last_used_at is not None
    assert async_to_sync(ask)("pat_junk").status_code == 401
    assert TokenLogin.objects.get().reason == "malformed"


def test_the_files_of_a_request_are_closed_whatever_happens(rf: RequestFactory, monkeypatch: Any) -> None:
    closed = []
    request = rf.get("/")
    monkeypatch.setattr(request, "close", lambda: closed.append(True))
    AccessTokenMiddleware(lambda request: HttpResponse())(request)
    monkeypatch.setattr("tokenauth.core.attempts.write", lambda request: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        request.close()
    assert closed == [True]

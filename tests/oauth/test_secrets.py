"""No raw credential anywhere but in the answer that made it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.views.debug import ExceptionReporter

from tests.oauth.requests import (
    PASSWORD,
    PKCE,
    SECRET,
    VERIFIER,
    ask,
    code_of,
    of_service,
    post_form,
    redeem,
    refresh,
    sign_in,
    sites,
)
from tests.test_secrets import everything_stored
from tokenauth.oauth import trading_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db


def test_whatever_is_done_with_them(
    alice: User,
    first_party: Any,
    service: Any,
    third_party: Any,
    browser: Client,
    caplog: pytest.LogCaptureFixture,
    tokenauth_settings: Callable[..., None],
) -> None:
    tokenauth_settings(RECORD_LOGIN_ATTEMPTS="all")
    caplog.set_level(logging.DEBUG)
    signed_in = sign_in().json()
    renewed = refresh(signed_in["refresh_token"]).json()
    code = code_of(browser, "third-party", **PKCE)
    let_in = redeem(code, code_verifier=VERIFIER).json()
    of_itself = of_service().json()
    secrets = {PASSWORD, SECRET, VERIFIER, code, of_itself["access_token"]}
    for members in (signed_in, renewed, let_in):
        secrets |= {members["access_token"], members["refresh_token"]}
    parts = {secret.split(".")[2] if secret.count(".") == 2 else secret for secret in secrets}

    pages = [
        sites(signed_in["access_token"]),
        sites(renewed["access_token"]),
        sites(of_itself["access_token"], HTTP_X_API_KEY=SECRET),
        browser.get("/oauth2/applications"),
        redeem(code),
        redeem("x", secret=SECRET + "x"),
        refresh(signed_in["refresh_token"]),
        refresh(renewed["refresh_token"] + "x"),
        ask(
            {
                "grant_type": "password",
                "client_id": "first-party",
                "username": "alice",
                "password": PASSWORD + "x",
            }
        ),
        ask(
            {
                "grant_type": "refresh_token",
                "client_id": "x",
                "refresh_token": renewed["refresh_token"],
                "x": "y",
            }
        ),
        post_form("/oauth2/token", {"grant_type": "x", "code": code, "client_secret": SECRET}),
        post_form("/oauth2/introspect", {"token": let_in["access_token"], "client_secret": SECRET}),
        post_form(
            "/oauth2/revoke",
            {"token": let_in["access_token"], "client_id": "third-party", "client_secret": SECRET},
        ),
    ]

    told = [page.content.decode() + str(page.headers) + str(page.cookies) for page in pages]
    logged = [record.getMessage() + str(record.__dict__) for record in caplog.records]
    everywhere = "\n".join([everything_stored(), *told, *logged])
    assert len(everywhere) > 10_000
    assert [part for part in parts if part in everywhere] == []


@pytest.mark.parametrize("path", ["/auth/token", "/oauth2/token"])
def test_a_report_of_what_fails_has_none(
    alice: User,
    first_party: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    path: str,
) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError("boom")

    token = sign_in().json()["refresh_token"]
    monkeypatch.setattr(trading_in, "_rotate", fail)
    client = Client(raise_request_exception=False)
    fields = {"grant_type": "refresh_token", "client_id": "first-party", "refresh_token": token}
    is_json = path == "/auth/token"
    body, content_type = (
        (json.dumps(fields), "application/json")
        if is_json
        else (urlencode(fields), "application/x-www-form-urlencoded")
    )

    answer = client.post(path, body, content_type=content_type)

    assert answer.status_code == 500
    assert answer.exc_info is not None
    report = ExceptionReporter(answer.wsgi_request, *answer.exc_info)
    assert "boom" in report.get_traceback_text()
    assert token not in report.get_traceback_html() + report.get_traceback_text()

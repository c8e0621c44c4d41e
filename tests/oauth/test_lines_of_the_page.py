"""The requests of the Powerverse page, typed as they are there, against a live server: only the host, and
what the page has a placeholder for, is another."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.oauth.requests import CALLBACK, PASSWORD, SECRET, code_of

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django.live_server_helper import LiveServer

    from testproject.accounts.models import User

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl"),
]

SIGN_IN = """
curl -X POST "https://platform.powerverse.com/auth/token" \\
-H "Content-Type: application/json" \\
-d '{
"grant_type": "password",
"username": "operator@example.com",
"password": "your-password",
"client_id": "your-client-id"
}'
"""
SERVICE = """
curl -X POST "https://platform.powerverse.com/auth/token" \\
-H "Content-Type: application/json" \\
-d '{
"grant_type": "client_credentials",
"client_id": "your-client-id",
"client_secret": "your-client-secret"
}'
"""
USE = """
curl -X GET "https://platform.powerverse.com/inventory-service/sites" \\
-H "Authorization: Bearer eyJhbGciOiJSUzI1NiIs..."
"""
REFRESH = """
curl -X POST "https://platform.powerverse.com/auth/token" \\
-H "Content-Type: application/json" \\
-d '{
"grant_type": "refresh_token",
"refresh_token": "rt_xxxxxxxxxxxxxxxxxxxxxx",
"client_id": "your-client-id"
}'
"""
KEY = """
curl -X GET "https://platform.powerverse.com/inventory-service/assets" \\
-H "X-API-Key: ak_live_xxxxxxxxxxxxxxxxxxxx"
"""
TRADE = """
curl -X POST "https://auth.powerverse.com/oauth2/token" \\
-H "Content-Type: application/x-www-form-urlencoded" \\
-d "grant_type=authorization_code" \\
-d "code=AUTHORIZATION_CODE" \\
-d "redirect_uri=https://yourapp.com/callback" \\
-d "client_id=YOUR_CLIENT_ID" \\
-d "client_secret=YOUR_CLIENT_SECRET"
"""
HEADERS = """
curl -X GET "https://platform.powerverse.com/inventory-service/sites" \\
-H "Authorization: Bearer YOUR_TOKEN" \\
-H "X-Request-ID: unique-request-id" \\
-H "X-Client-Version: 1.0.0"
"""


def typed(line: str, server: LiveServer, **placeholders: str) -> tuple[int, Any]:
    """Status and body of what a shell does with ``line``."""
    for host in ("https://platform.powerverse.com", "https://auth.powerverse.com"):
        line = line.replace(host, server.url)
    for name, value in placeholders.items():
        line = line.replace(name.replace("__", "-"), value)
    shell = f"{line.strip()} -s --noproxy '*' -w '\\n%{{http_code}}'"
    done = subprocess.run(  # noqa: S602 - the page's own lines
        shell, shell=True, capture_output=True, text=True, timeout=60, check=True
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body)


def test_a_person_signs_in_and_refreshes(live_server: LiveServer, alice: User, first_party: Any) -> None:
    alice.username = "operator@example.com"
    alice.save()

    status, first = typed(SIGN_IN, live_server, your__password=PASSWORD, your__client__id="first-party")
    assert status == 200
    assert first["token_type"] == "Bearer"
    assert first["expires_in"] == 3600
    assert first["access_token"].startswith("eyJhbGciOiJSUzI1NiIs")
    assert typed(USE.replace("eyJhbGciOiJSUzI1NiIs...", first["access_token"]), live_server) == (200, [])

    refresh = REFRESH.replace("rt_xxxxxxxxxxxxxxxxxxxxxx", first["refresh_token"])
    status, second = typed(refresh, live_server, your__client__id="first-party")
    assert status == 200
    assert typed(HEADERS, live_server, YOUR_TOKEN=second["access_token"]) == (200, [])
    status, refused = typed(HEADERS, live_server, YOUR_TOKEN=first["access_token"])
    assert (status, refused["error"]["code"]) == (401, "UNAUTHORIZED")


def test_a_service_and_a_key(live_server: LiveServer, alice: User, service: Any) -> None:
    status, members = typed(SERVICE, live_server, your__client__secret=SECRET, your__client__id="service")
    assert status == 200
    assert typed(HEADERS, live_server, YOUR_TOKEN=members["access_token"]) == (200, [])

    key = alice.generate_access_token("key", ["read:assets"], kind="api_key", environment="live")
    assert typed(KEY.replace("ak_live_xxxxxxxxxxxxxxxxxxxx", str(key.raw_token)), live_server) == (200, [])


def test_a_code(live_server: LiveServer, browser: Client, third_party: Any) -> None:
    trade = TRADE.replace("https://yourapp.com/callback", CALLBACK)
    host = live_server.url.removeprefix("http://")

    def code() -> str:
        browser.defaults["HTTP_HOST"] = host
        return code_of(browser, "third-party")

    status, members = typed(
        trade,
        live_server,
        AUTHORIZATION_CODE=code(),
        YOUR_CLIENT_ID="third-party",
        YOUR_CLIENT_SECRET=SECRET,
    )
    assert status == 200
    assert typed(HEADERS, live_server, YOUR_TOKEN=members["access_token"]) == (200, [])

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.test import Client

from tests.conftest import bearer
from tokenauth.models import AccessToken, TokenLogin
from tokenauth.testing import acting_as

pytestmark = pytest.mark.django_db


def test_rest_framework_cannot_even_be_imported() -> None:
    with pytest.raises(ImportError):
        import_module("rest_framework")
    with pytest.raises(ImportError):
        import_module("tokenauth.permissions")


def test_a_token_needs_no_csrf_token_and_a_session_does(alice: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.post("/write").status_code == 403
    token = AccessToken.objects.generate(alice, "Script", ["write:sites"])
    assert client.post("/write", **bearer(token)).json() == {"written": True}


def test_a_token_opens_no_view_that_requires_no_scopes(client: Client, alice: Any) -> None:
    client.force_login(alice)
    assert client.get("/account").json() == {"user": "alice@example.com"}
    token = AccessToken.objects.generate(alice, "Script", ["write:sites"])
    answer = client.get("/account", **bearer(token))
    assert (answer.status_code, answer["Location"]) == (302, "/login?next=/account")


def test_its_own_tests_act_as_somebody(client: Client, alice: Any) -> None:
    token = acting_as(client, alice, scopes=["read:sites"])
    assert client.get("/plain/class").json() == {"user": "alice@example.com", "token": token.pk}
    assert client.post("/write").status_code == 403
    assert TokenLogin.objects.get().reason == "insufficient_scope"


def test_a_jwt_is_nobodys_where_no_app_takes_one(client: Client, alice: Any, door: str) -> None:
    header = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsiLCJ0eXAiOiJhdCtqd3QifQ"
    answer = client.get(door, **bearer(f"{header}.e30.c2lnbmF0dXJl"))
    assert (answer.status_code, answer.json()["error"]["reason"]) == (401, "malformed")
    assert TokenLogin.objects.get().id_type == "access_token"
    assert client.get(door)["WWW-Authenticate"] == 'Bearer realm="api"'

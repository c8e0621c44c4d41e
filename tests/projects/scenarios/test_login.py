"""A token for a password, whatever the users are, where the project has REST framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps

from tests.conftest import bearer
from tests.projects.scenarios import on_its_databases
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

pytestmark = [
    on_its_databases,
    pytest.mark.skipif(not apps.is_installed("rest_framework"), reason="a project without REST framework"),
]

URL = "/api/tokens/login/"


def test_a_person_signs_in(client: Client, make_user: Callable[..., Any], settings: Any) -> None:
    alice = make_user("alice@example.com")
    alice.set_password("correct horse")
    alice.save()
    given = {
        "username": "alice@example.com",
        "password": "correct horse",
        "device_name": "Phone",
        "scopes": ["read:sites"],
    }
    assert client.post(URL, given).status_code == 404
    settings.TOKENAUTH = {**settings.TOKENAUTH, "LOGIN_SCOPES": ["read:sites"]}
    assert client.post(URL, {**given, "password": "wrong horse"}).status_code == 401
    answer = client.post(URL, given)
    assert answer.status_code == 201
    assert AccessToken.objects.get().user == alice
    asked = client.get("/plain/function", **bearer(answer.json()["token"]))
    assert asked.json()["user"] == "alice@example.com"

"""The admin's pages of tokens and logins, where the project has an admin."""

from __future__ import annotations

import re
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
    pytest.mark.skipif(not apps.is_installed("django.contrib.admin"), reason="a project without the admin"),
]


@pytest.fixture
def staff(client: Client, make_user: Callable[..., Any]) -> Client:
    client.force_login(make_user("root@example.com", is_staff=True, is_superuser=True))
    return client


def test_tokens_are_listed_and_revoked(staff: Client, alice: Any) -> None:
    token = AccessToken.objects.generate(alice, "Work Laptop", ["read:sites"])
    page = staff.get("/admin/tokenauth/accesstoken/").content.decode()
    assert "Work Laptop" in page
    assert "alice@example.com" in page
    assert staff.get(f"/admin/tokenauth/accesstoken/{token.pk}/change/").status_code == 200
    action = {"action": "revoke_selected", "_selected_action": [token.pk]}
    asked = staff.post("/admin/tokenauth/accesstoken/", action)
    assert "alice@example.com" in asked.content.decode()
    assert AccessToken.objects.get().status == "active"
    answer = staff.post("/admin/tokenauth/accesstoken/", {**action, "post": "yes"})
    assert answer.status_code == 302
    revoked = AccessToken.objects.get()
    assert revoked.status == "revoked"
    assert revoked.revoked_by.get_username() == "root@example.com"


def test_a_key_is_rotated_to_another_owner_and_its_family_ended(
    staff: Client, alice: Any, make_user: Callable[..., Any]
) -> None:
    key = AccessToken.objects.generate(alice, "export", ["read:sites"], kind="api_key", environment="live")
    make_user("bob@example.com")
    action = {"action": "rotate_selected", "_selected_action": [key.pk]}
    assert "id_owner" in staff.post("/admin/tokenauth/accesstoken/", action).content.decode()
    confirmed = {**action, "post": "yes", "overlap": "0", "owner": "bob@example.com"}
    page = staff.post("/admin/tokenauth/accesstoken/", confirmed).content.decode()
    (text,) = set(re.findall(r"ak_live_[0-9A-Za-z]{36}", page))
    token = AccessToken.objects.verify(text)
    assert token.user.get_username() == "bob@example.com"
    assert token.created_by.get_username() == "root@example.com"
    assert key.hint in staff.get(f"/admin/tokenauth/accesstoken/{token.pk}/change/").content.decode()
    action = {"action": "revoke_families", "_selected_action": [key.pk], "post": "yes"}
    assert staff.post("/admin/tokenauth/accesstoken/", action).status_code == 302
    assert not AccessToken.objects.usable().exists()


def test_tokens_are_found(staff: Client, alice: Any, make_user: Callable[..., Any]) -> None:
    token = AccessToken.objects.generate(alice, "Work Laptop", ["read:sites"])
    AccessToken.objects.generate(make_user("bob@example.com"), "Phone", ["read:sites"])
    filters = [
        {"q": "alice@ex"},
        {"q": token.hint},
        {"q": "laptop"},
        {"status": "active", "q": "laptop"},
        {f"user__{alice._meta.pk.name}__exact": alice.pk},
    ]
    for chosen in filters:
        answer = staff.get("/admin/tokenauth/accesstoken/", chosen)
        assert [row.pk for row in answer.context["cl"].result_list] == [token.pk]
    answer = staff.post("/admin/tokenauth/accesstoken/find/", {"token": token.raw_token}, follow=True)
    assert [row.pk for row in answer.context["cl"].result_list] == [token.pk]


def test_logins_are_listed(client: Client, staff: Client, alice: Any) -> None:
    token = AccessToken.objects.generate(alice, "Work Laptop", ["read:events"])
    assert client.get("/plain/function", **bearer(token)).status_code == 403
    page = staff.get("/admin/tokenauth/tokenlogin/").content.decode()
    assert "insufficient_scope" in page
    assert "alice@example.com" in page

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from testproject.inventory.models import Site
from tests.conftest import bearer
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def alice(make_user: Any) -> Any:
    return make_user("alice@example.com", organization="northwind")


def test_each_table_is_where_it_belongs() -> None:
    default, accounts = (
        set(connections[alias].introspection.table_names()) for alias in ("default", "accounts")
    )
    assert {"inventory_site", "django_session"} <= default - accounts
    assert {"tokenauth_accesstoken", "tokenauth_tokenlogin", "accounts_user"} <= accounts - default


def test_a_request_for_what_is_on_the_other_database(client: Client, alice: Any) -> None:
    Site.objects.create(name="Harbour Street Depot", city="Hamburg", organization="northwind")
    Site.objects.create(name="Old Mill Logistics", city="Utrecht", organization="greenfleet")
    token = alice.generate_access_token("Script", ["read:sites"])
    with CaptureQueriesContext(connections["accounts"]) as accounts:
        answer = client.get("/sites", **bearer(token))
    assert [site["name"] for site in answer.json()] == ["Harbour Street Depot"]
    statements = [query["sql"].split()[0] for query in accounts.captured_queries]
    assert [one for one in statements if one in ("SELECT", "INSERT", "UPDATE")] == ["SELECT", "UPDATE"]
    assert client.post("/sites", {}, **bearer(token)).status_code == 403
    assert TokenLogin.objects.using("accounts").get().token_id == token.pk


def test_what_is_made_lives_with_the_users(alice: Any) -> None:
    token = alice.generate_access_token("Script", ["read:sites"])
    assert token._state.db == "accounts"
    assert AccessToken.objects.using("accounts").get().user == alice
    assert token.revoke(by=alice)
    assert alice.access_tokens.usable().count() == 0


def test_a_changed_password_ends_what_lives_with_the_users(alice: Any, settings: Any) -> None:
    settings.TOKENAUTH = {**settings.TOKENAUTH, "END_TOKENS_ON_PASSWORD_CHANGE": True, "NOTIFY_OWNER": True}
    alice.generate_access_token("Script", ["read:sites"])
    alice.set_password("battery staple")
    with CaptureQueriesContext(connections["default"]) as default:
        alice.save()
    assert alice.access_tokens.usable().count() == 0
    assert default.captured_queries == []


def test_owners_are_told_of_what_lives_with_them(
    alice: Any, bob: Any, settings: Any, mailoutbox: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    settings.TOKENAUTH = {**settings.TOKENAUTH, "NOTIFY_OWNER": True}
    alice.email = "alice@example.com"
    alice.save()
    with django_capture_on_commit_callbacks(using="default", execute=True):
        token = AccessToken.objects.generate(alice, "Script", ["read:sites"], created_by=bob)
    assert mailoutbox == []
    with django_capture_on_commit_callbacks(using="accounts", execute=True):
        token.revoke(by=bob)
    assert [mail.subject for mail in mailoutbox] == ["Your access token was revoked: Script"]

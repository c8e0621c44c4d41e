"""The commands, whatever the users are."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from tests.conftest import bearer
from tests.projects.scenarios import on_its_databases
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from django.test import Client

pytestmark = on_its_databases

DOOR = "/plain/function"


def run(*args: object) -> str:
    out = StringIO()
    call_command(*(str(arg) for arg in args), stdout=out, stderr=StringIO())
    return out.getvalue().strip()


def test_a_token_made_and_revoked_by_its_user(client: Client, alice: Any) -> None:
    raw = run("createtoken", "alice@example.com", "CI", "--scope", "read:sites")
    assert client.get(DOOR, **bearer(raw)).json()["user"] == "alice@example.com"
    assert run("revoketokens", "--user", "alice@example.com", "--yes") == "Revoked 1 token."
    assert client.get(DOOR, **bearer(raw)).json()["error"]["reason"] == "revoked"


def test_a_key_of_a_service_revoked_by_its_id(client: Client) -> None:
    owner = ("--service", "billing@example.com")
    key = run(
        *("createtoken", *owner, "Billing", "--scope", "read:sites"),
        *("--kind", "api_key", "--environment", "live", "--expires", "90d"),
    )
    assert client.get(DOOR, HTTP_X_API_KEY=key).json()["user"] == "billing@example.com"
    service = get_user_model()._default_manager.get()
    assert not service.has_usable_password()
    token = AccessToken.objects.get()
    assert token.user == service
    assert run("revoketokens", token.pk, "--reason", "rotated") == "Revoked 1 token."
    assert client.get(DOOR, HTTP_X_API_KEY=key).json()["error"]["reason"] == "revoked"


def test_a_service_whose_token_cannot_be_made_leaves_no_user() -> None:
    with pytest.raises(CommandError, match="--scope:"):
        run("createtoken", "--service", "billing@example.com", "Billing", "--scope", "read:nothing")
    assert not get_user_model()._default_manager.exists()


def test_a_key_is_rotated_to_another_owner(client: Client, alice: Any) -> None:
    old = AccessToken.objects.generate(alice, "Billing", ["read:sites"], kind="api_key", environment="live")
    key = run("rotatetoken", old.pk, "--overlap", "1h", "--service", "billing@example.com")
    for text, user in ((old.raw_token, "alice@example.com"), (key, "billing@example.com")):
        assert client.get(DOOR, HTTP_X_API_KEY=text).json()["user"] == user
    listed = json.loads(run("listtokens", "--family", old.family, "--format", "json"))
    assert [(one["id"], one["rotated_from"]) for one in listed] == [
        (old.pk, None),
        (AccessToken.objects.get(rotated_from=old).pk, old.pk),
    ]
    with pytest.raises(CommandError, match="rotated before"):
        run("rotatetoken", old.pk)


def test_by_family_and_by_age(alice: Any) -> None:
    one, two = (AccessToken.objects.generate(alice, name, ["read:sites"]) for name in ("one", "two"))
    assert run("revoketokens", "--family", one.family, "--yes") == "Revoked 1 token."
    assert run("revoketokens", "--all-expired", "--yes") == "Revoked 0 tokens."
    AccessToken.objects.filter(pk=two.pk).update(expires_at=two.created_at)
    assert run("revoketokens", "--all-expired", "--yes") == "Revoked 1 token."
    with pytest.raises(CommandError, match="no user"):
        run("revoketokens", "--user", "nobody@example.com", "--yes")


def test_tokens_are_listed_with_their_users(alice: Any) -> None:
    token = AccessToken.objects.generate(alice, "Work Laptop", ["read:sites"])
    AccessToken.objects.generate(alice, "Old Laptop", ["read:sites"]).revoke("lost", by=alice)
    of_alice = ("listtokens", "--user", "alice@example.com", "--format", "json")
    listed = json.loads(run(*of_alice))
    assert [(one["name"], one["user"], one["revoked_by"]) for one in listed] == [
        ("Work Laptop", "alice@example.com", None),
        ("Old Laptop", "alice@example.com", "alice@example.com"),
    ]
    (active,) = json.loads(run(*of_alice, "--status", "active"))
    assert active["id"] == token.pk


def test_what_ended_long_ago_is_pruned(client: Client, alice: Any) -> None:
    kept, ended = (AccessToken.objects.generate(alice, name, ["read:events"]) for name in ("kept", "ended"))
    for token in (kept, ended):
        client.get(DOOR, **bearer(token))
    ended.revoke("lost", by=alice)
    long_ago = ended.created_at - timedelta(days=31)
    AccessToken.objects.filter(pk=ended.pk).update(revoked_at=long_ago)
    TokenLogin.objects.filter(token=kept).update(date=long_ago)
    done = run("prunetokens", "--logins-older-than", "30d", "--batch", "1")
    assert done == "Deleted 1 token and 1 row of the login log."
    assert AccessToken.objects.get() == kept
    # The log outlives the token.
    assert TokenLogin.objects.get().token is None


def test_who_is_to_be_told_of_an_expiry_is_told_once(alice: Any, mailoutbox: list[Any]) -> None:
    setattr(alice, alice.get_email_field_name(), "alice@example.com")
    alice.save()
    token = AccessToken.objects.generate(alice, "Work Laptop", ["read:sites"])
    AccessToken.objects.filter(pk=token.pk).update(expires_at=token.created_at + timedelta(days=6))
    assert run("notifytokens", "--dry-run").endswith("Would tell 1 person of 1 token.")
    assert run("notifytokens") == "Told 1 person of 1 token."
    assert run("notifytokens") == "Told 0 people of 0 tokens."
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [
        (["alice@example.com"], "Your access token expires soon: Work Laptop")
    ]


def test_what_the_views_require_is_listed() -> None:
    listed = json.loads(run("listscopes", "--format", "json"))
    required = {one["url"]: one["scopes"] for one in listed}
    assert required[DOOR] == ["read:sites"]

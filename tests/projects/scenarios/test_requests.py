"""Tokens over HTTP, through every door that the project has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import router

from tests.conftest import bearer
from tests.projects.scenarios import on_its_databases
from tokenauth.exceptions import CredentialError, Reason
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.test import Client

pytestmark = on_its_databases

UNKNOWN = "pat_00000000000000000000000000000042VsRc"


def refusal(response: Any) -> tuple[int, str, str]:
    error = response.json()["error"]
    return response.status_code, error["code"], error["reason"]


def test_the_life_of_a_token(client: Client, alice: Any, door: str) -> None:
    token = AccessToken.objects.generate(alice, "Work Laptop", ["read:sites"])
    narrow = AccessToken.objects.generate(alice, "Narrow", ["read:events"])

    def ask(**headers: str) -> HttpResponse:
        return client.get(door, **headers)

    answer = ask(**bearer(token))
    assert answer.status_code == 200
    assert answer.json() == {"user": "alice@example.com", "token": token.pk}
    assert refusal(ask()) == (401, "UNAUTHORIZED", "missing")
    assert refusal(ask(**bearer("hunter2"))) == (401, "UNAUTHORIZED", "malformed")
    assert refusal(ask(**bearer(UNKNOWN))) == (401, "UNAUTHORIZED", "unknown")
    assert refusal(ask(**bearer(narrow))) == (403, "FORBIDDEN", "insufficient_scope")
    assert token.revoke("lost", by=alice)
    assert refusal(ask(**bearer(token))) == (401, "UNAUTHORIZED", "revoked")

    rows = TokenLogin.objects.order_by("pk").values_list("reason", "user", "token", "success")
    assert [row for row in rows if row[0]] == [
        ("malformed", None, None, False),
        ("unknown", None, None, False),
        ("insufficient_scope", alice.pk, narrow.pk, False),
        ("revoked", alice.pk, token.pk, False),
    ]
    token = AccessToken.objects.get(pk=token.pk)
    assert token.last_used_at is not None
    assert (token.user, token.revoked_by, token.revoked_reason) == (alice, alice, "lost")


def test_a_key(client: Client, alice: Any, door: str) -> None:
    key = AccessToken.objects.generate(
        alice, "Server", ["read:sites"], kind="api_key", environment="live", allowed_networks=["127.0.0.0/8"]
    )
    sent = {"HTTP_X_API_KEY": key.raw_token}
    assert client.get(door, **sent).json() == {"user": "alice@example.com", "token": key.pk}
    assert refusal(client.get(door, REMOTE_ADDR="192.0.2.1", **sent)) == (403, "FORBIDDEN", "ip_address")
    row = TokenLogin.objects.get(reason="ip_address")
    assert (row.id_type, row.token, row.ip_address) == ("api_key", key, "192.0.2.1")


def test_the_token_of_somebody_who_left(client: Client, alice: Any, door: str) -> None:
    token = AccessToken.objects.generate(alice, "Work Laptop", ["read:sites"])
    alice.is_active = False
    alice.save()
    assert refusal(client.get(door, **bearer(token))) == (401, "UNAUTHORIZED", "user_inactive")
    pk = token.pk
    alice.delete()
    assert not AccessToken.objects.filter(pk=pk).exists()
    assert refusal(client.get(door, **bearer(token))) == (401, "UNAUTHORIZED", "unknown")
    rows = TokenLogin.objects.order_by("pk").values_list("reason", "user", "token")
    assert list(rows) == [("user_inactive", None, None), ("unknown", None, None)]


def test_the_token_of_somebody_who_comes_back(client: Client, alice: Any, door: str) -> None:
    token = AccessToken.objects.generate(alice, "Work Laptop", ["read:sites"])
    for is_active, status in ((True, 200), (False, 401), (True, 200)):
        alice.is_active = is_active
        alice.save()
        assert client.get(door, **bearer(token)).status_code == status


def test_the_token_of_somebody_whose_password_is_changed(
    client: Client, alice: Any, door: str, settings: Any
) -> None:
    token = AccessToken.objects.generate(alice, "Work Laptop", ["read:sites"])
    for is_ending, status in ((False, 200), (True, 401)):
        settings.TOKENAUTH = {**settings.TOKENAUTH, "END_TOKENS_ON_PASSWORD_CHANGE": is_ending}
        alice.set_password(f"battery staple {is_ending}")
        alice.save()
        assert client.get(door, **bearer(token)).status_code == status


def test_the_owner_is_told_of_what_another_revokes(
    alice: Any,
    settings: Any,
    mailoutbox: list[Any],
    django_capture_on_commit_callbacks: Any,
) -> None:
    setattr(alice, alice.get_email_field_name(), "alice@example.com")
    alice.save()
    settings.TOKENAUTH = {**settings.TOKENAUTH, "NOTIFY_OWNER": True}
    token = AccessToken.objects.generate(alice, "Work Laptop", ["read:sites"], created_by=alice)
    # In a test without transactions of its own, where the tokens live; in one that has them, at once.
    with django_capture_on_commit_callbacks(using=router.db_for_write(AccessToken), execute=True):
        token.revoke("lost")
    assert [mail.subject for mail in mailoutbox] == ["Your access token was revoked: Work Laptop"]


def test_a_person_signed_in_by_session(client: Client, alice: Any, make_user: Any, door: str) -> None:
    client.force_login(alice)
    assert client.get(door).json() == {"user": "alice@example.com", "token": None}
    bob = make_user("bob@example.com")
    token = AccessToken.objects.generate(bob, "Beside a session", ["read:sites"])
    assert client.get(door, **bearer(token)).json() == {"user": "bob@example.com", "token": token.pk}
    assert refusal(client.get(door, **bearer(UNKNOWN)))[2] == "unknown"


def test_the_request_id_is_echoed_and_logged(client: Client, door: str) -> None:
    answer = client.get(door, HTTP_X_REQUEST_ID="abc-123", **bearer("junk"))
    assert answer["X-Request-ID"] == "abc-123"
    assert TokenLogin.objects.get().request_id == "abc-123"


def test_outside_of_a_request(alice: Any) -> None:
    token = AccessToken.objects.generate(alice, "Job", ["read:sites"])
    verified = AccessToken.objects.verify(token.raw_token or "")
    assert (verified, verified.user) == (token, alice)
    assert alice.access_tokens.usable().get() == token
    assert alice.access_tokens.update(revoked_at=token.created_at) == 1
    with pytest.raises(CredentialError) as refused:
        AccessToken.objects.verify(token.raw_token or "")
    assert refused.value.reason is Reason.REVOKED
    assert not alice.access_tokens.usable().exists()

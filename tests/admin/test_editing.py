"""What may still be changed of a token in the admin."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.urls import reverse
from django.utils import timezone

from tests.admin.conftest import TOKEN, staff, text_of
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def token(alice: User) -> AccessToken:
    return alice.generate_access_token("laptop", ["read:sites"], allowed_networks=["192.0.2.0/24"])


def change(client: Client, token: AccessToken, **data: str) -> Any:
    given = {
        "name": token.name,
        "expires_at_0": token.expires_at.strftime("%Y-%m-%d") if token.expires_at else "",
        "expires_at_1": token.expires_at.strftime("%H:%M:%S") if token.expires_at else "",
        "allowed_networks": "\n".join(token.allowed_networks),
    }
    return client.post(reverse(TOKEN, args=[token.pk]), {**given, **data})


def test_name_end_and_networks(root: Client, token: AccessToken) -> None:
    answer = change(
        root,
        token,
        name="phone",
        expires_at_0="2100-01-01",
        expires_at_1="12:00",
        allowed_networks="198.51.100.0/24\n::1",
    )
    assert answer.status_code == 302
    token.refresh_from_db()
    assert (token.name, token.allowed_networks) == ("phone", ["198.51.100.0/24", "::1/128"])
    assert str(token.expires_at) == "2100-01-01 12:00:00+00:00"
    assert LogEntry.objects.get().action_flag == CHANGE


def test_nothing_else(root: Client, token: AccessToken, bob: User) -> None:
    before = AccessToken.objects.values().get()
    fixed = {"scopes": '["*"]', "user": str(bob.pk), "secret": "x", "kind": "api_key", "organization": "o"}
    assert change(root, token, **fixed, revoked_at_0="", last_used_at_0="2020-01-01").status_code == 302
    assert AccessToken.objects.values().get() == before


def test_what_happened_meanwhile_stays(root: Client, token: AccessToken) -> None:
    page = reverse(TOKEN, args=[token.pk])
    assert root.get(page).status_code == 200
    used = timezone.now()
    AccessToken.objects.update(last_used_at=used)
    change(root, token, name="phone")
    token.refresh_from_db()
    assert (token.name, token.last_used_at) == ("phone", used)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "a\x07"}, "no control characters"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "00:00"}, "The expiry lies in the past."),
        ({"expires_at_0": "9999-01-01", "expires_at_1": "00:00"}, "at the latest"),
        ({"expires_at_0": "soon", "expires_at_1": "00:00"}, "Enter a valid date."),
        ({"allowed_networks": "192.0.2.1/24"}, "is not a network"),
    ],
)
def test_what_is_refused_is_said(
    root: Client, token: AccessToken, data: dict[str, str], message: str
) -> None:
    before = AccessToken.objects.values().get()
    answer = change(root, token, **data)
    assert answer.status_code == 200
    assert message in text_of(answer)
    assert AccessToken.objects.values().get() == before


def test_where_every_token_expires_none_is_for_ever(
    root: Client, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(MAX_TOKEN_LIFETIME=timedelta(days=30))
    token = alice.generate_access_token("t", [])
    assert "Every token expires here." in text_of(change(root, token, expires_at_0="", expires_at_1=""))


def test_what_was_rotated_ends_no_later(root: Client, token: AccessToken) -> None:
    token.rotate()
    token.refresh_from_db()
    for later in ("2100-01-01", ""):
        answer = change(root, token, expires_at_0=later, expires_at_1="00:00" if later else "")
        assert "may be brought forward, not put off" in text_of(answer)
    sooner = timezone.now() + timedelta(hours=1)
    answer = change(root, token, expires_at_0=f"{sooner:%Y-%m-%d}", expires_at_1=f"{sooner:%H:%M:%S}")
    assert answer.status_code == 302


def test_what_has_ended_is_not_changed(root: Client, token: AccessToken) -> None:
    token.revoke()
    assert change(root, token, name="phone").status_code == 403
    token.refresh_from_db()
    assert token.name == "laptop"


def test_it_needs_the_permission(client: Client, token: AccessToken) -> None:
    viewer = staff(client, "view_accesstoken", "add_accesstoken", "rotate_accesstoken", "revoke_accesstoken")
    assert viewer.get(reverse(TOKEN, args=[token.pk])).status_code == 200
    assert change(viewer, token, name="phone").status_code == 403
    changer = staff(client, "change_accesstoken", username="changer")
    assert change(changer, token, name="phone").status_code == 302

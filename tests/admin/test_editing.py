"""What may still be changed of a token in the admin."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from testproject.accounts.models import User
from tests.admin.conftest import TOKEN, staff, text_of
from tokenauth.core import editing, reauthentication
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

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
        ({"allowed_networks": "192.0.2.1/24"}, "has host bits set"),
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


def shown(client: Client, token: AccessToken) -> str:
    """What the page of ``token`` carries of how it was."""
    html = text_of(client.get(reverse(TOKEN, args=[token.pk])))
    return str(re.findall(r'name="shown" value="([^"]+)"', html)[0])


def test_beside_a_rotation_the_old_one_still_ends(key: AccessToken, root: Client) -> None:
    by, before = User.objects.get(username="root"), {"name": "export", "expires_at": key.expires_at}
    AccessToken.objects.get(pk=key.pk).rotate(timedelta(hours=1))
    later = timezone.now() + timedelta(days=3)
    with pytest.raises(ValidationError, match="Somebody has changed this meanwhile"):
        editing.change(key, {"expires_at": later}, before, by=by)
    editing.change(key, {"name": "other"}, before, by=by)
    end = AccessToken.objects.get(pk=key.pk).expires_at
    key.expires_at = later
    key.save(update_fields=["expires_at"])
    row = AccessToken.objects.get(pk=key.pk)
    assert (row.name, row.expires_at) == ("other", end)


def test_a_stale_page_undoes_nothing(root: Client, token: AccessToken) -> None:
    page = shown(root, token)
    AccessToken.objects.update(allowed_networks=["192.0.2.7/32"])
    answer = change(root, token, shown=page, allowed_networks="192.0.2.0/24\n198.51.100.0/24")
    assert "Somebody has changed this meanwhile." in text_of(answer)
    # What was not touched there is left as it is by now.
    assert change(root, token, shown=page, name="phone").status_code == 302
    row = AccessToken.objects.get()
    assert (row.name, row.allowed_networks) == ("phone", ["192.0.2.7/32"])


@pytest.mark.parametrize("page", ["x", "a:b:c"])
def test_a_page_that_was_tampered_with_is_refused(root: Client, token: AccessToken, page: str) -> None:
    assert "Open the page again" in text_of(change(root, token, shown=page, name="phone"))
    assert AccessToken.objects.get().name == "laptop"


def test_the_history_says_what_was_changed_alone(root: Client, token: AccessToken) -> None:
    networks = ["192.0.2.0/24", "198.51.100.0/24"]
    AccessToken.objects.update(allowed_networks=networks)
    change(root, token, shown=shown(root, token), name="phone", allowed_networks="\r\n".join(networks))
    assert LogEntry.objects.get().get_change_message() == "Changed Name."


def test_what_is_a_superusers_is_changed_by_superusers(client: Client) -> None:
    token = User.objects.create_superuser("chief").generate_access_token("all")
    changer = staff(client, "view_accesstoken", "change_accesstoken")
    assert 'name="name"' not in text_of(changer.get(reverse(TOKEN, args=[token.pk])))
    assert change(changer, token, name="phone").status_code == 403
    client.force_login(User.objects.get(username="chief"))
    assert change(client, token, name="phone").status_code == 302


class TestReauthentication:
    @pytest.fixture(autouse=True)
    def _old_session(self, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        monkeypatch.setattr(reauthentication, "AUTHENTICATED_AT", "another key of the session")

    def sign_in(self, client: Client, user: User, monkeypatch: pytest.MonkeyPatch) -> Client:
        with monkeypatch.context() as patch:
            patch.setattr(reauthentication, "AUTHENTICATED_AT", "before")
            client.force_login(user)
        return client

    def test_to_widen_it_takes_the_password(
        self, client: Client, token: AccessToken, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        AccessToken.objects.update(expires_at=timezone.now() + timedelta(days=9))
        token.refresh_from_db()
        self.sign_in(client, User.objects.create_superuser("chief", password="right"), monkeypatch)
        never = {"expires_at_0": "", "expires_at_1": ""}
        for wider in (never, {"expires_at_0": "2100-01-01"}, {"allowed_networks": ""}):
            before = AccessToken.objects.values().get()
            assert "Give your password" in text_of(change(client, token, **wider))
            answer = text_of(change(client, token, **wider, password="wrong"))
            assert "The password is wrong." in answer
            assert 'value="wrong"' not in answer
            assert AccessToken.objects.values().get() == before
        assert change(client, token, **never, password="right").status_code == 302
        assert AccessToken.objects.get().expires_at is None

    def test_to_narrow_or_rename_it_does_not(
        self, client: Client, token: AccessToken, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.sign_in(client, User.objects.create_superuser("chief", password="right"), monkeypatch)
        narrower = {"expires_at_0": "2100-01-01", "expires_at_1": "12:00", "allowed_networks": "192.0.2.7"}
        assert change(client, token, name="phone", **narrower).status_code == 302
        assert AccessToken.objects.get().allowed_networks == ["192.0.2.7/32"]

    def test_who_has_none_signs_in_again(
        self, client: Client, token: AccessToken, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = self.sign_in(client, User.objects.create_superuser("chief"), monkeypatch)
        answer = text_of(change(root, token, allowed_networks=""))
        assert "Sign in again" in answer
        assert 'name="sign_in_again"' in answer
        answer = root.post(reverse(TOKEN, args=[token.pk]), {"sign_in_again": "1"})
        assert answer["Location"].startswith("/accounts/login/?next=")
        assert AccessToken.objects.get().allowed_networks == ["192.0.2.0/24"]

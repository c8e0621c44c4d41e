"""Making a token in the admin: whose, what it may do, and its text, once."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.contrib import admin
from django.contrib.admin.models import ADDITION, LogEntry
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from testproject.accounts.models import User
from tests.admin.conftest import TOKEN, TOKENS, staff, text_of
from tests.conftest import bearer
from tokenauth.core import reauthentication
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db

ADD = "/admin/tokenauth/accesstoken/add/"
SITES = "/inventory-service/sites"
TEXT = re.compile(r"(?:pat|ak_live|ak_test)_[0-9A-Za-z]{36}")
KEY_FIELD = re.compile(r'name="idempotency_key" value="([^"]+)"')


def filled(client: Client, owner: User, /, **change: Any) -> dict[str, Any]:
    """The form as somebody fills it who looks at it now."""
    (key,) = KEY_FIELD.findall(text_of(client.get(ADD)))
    given = {
        "owner": owner.username,
        "name": "Nightly export",
        "kind": "personal",
        "scopes": ["read:sites"],
        "expires": "30d",
        "idempotency_key": key,
    }
    return {name: value for name, value in {**given, **change}.items() if value is not None}


def add(client: Client, owner: User, /, **change: Any) -> Any:
    return client.post(ADD, filled(client, owner, **change))


def test_its_text_is_in_the_answer_alone_and_works(root: Client, alice: User, api: APIClient) -> None:
    answer = add(root, alice)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    (text,) = set(TEXT.findall(text_of(answer)))
    assert text_of(answer).count(text) == 1
    assert api.get(SITES, **bearer(text)).status_code == 200
    token = AccessToken.objects.get()
    assert (token.user, str(token.created_by), token.scopes) == (alice, "root", ["read:sites"])
    assert token.expires_at is not None
    assert timedelta(days=29) < token.expires_at - timezone.now() <= timedelta(days=30)
    (entry,) = LogEntry.objects.all()
    assert (entry.object_id, entry.action_flag) == (str(token.pk), ADDITION)
    for page in (reverse(TOKENS), reverse(TOKEN, args=[token.pk]), ADD):
        assert text not in text_of(root.get(page))
    assert text not in f"{dict(answer.items())}{answer.cookies}{dict(root.session)}"


def test_sent_again_it_makes_no_other(root: Client, alice: User) -> None:
    form = filled(root, alice)
    root.post(ADD, form)
    answer = root.post(ADD, {**form, "name": "Another"})
    assert answer.status_code == 409
    assert "This form was sent before" in text_of(answer)
    assert reverse(TOKEN, args=[AccessToken.objects.get().pk]) in text_of(answer)
    assert not TEXT.search(text_of(answer))


def test_a_key_for_a_server_with_limits(root: Client, alice: User) -> None:
    answer = add(
        root,
        alice,
        kind="api_key:live",
        organization="northwind",
        allowed_networks="192.0.2.0/24, 2001:db8::/32",
        expires="never",
    )
    assert str(TEXT.search(text_of(answer)))
    token = AccessToken.objects.get()
    assert (token.kind, token.environment, token.organization) == ("api_key", "live", "northwind")
    assert (token.allowed_networks, token.expires_at) == (["192.0.2.0/24", "2001:db8::/32"], None)


def test_scopes_are_shown_with_what_they_mean(root: Client) -> None:
    html = text_of(root.get(ADD))
    for said in ("Read site information", "Full administrative access", "tokens:manage", 'value="*"'):
        assert said in html
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=", html)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"owner": ""}, "This field is required."),
        ({"owner": "nobody"}, "There is no user “nobody”."),
        ({"name": ""}, "This field is required."),
        ({"name": "a\x07b"}, "no control characters"),
        ({"kind": "odd"}, "not one of the available choices"),
        ({"kind": None}, "This field is required."),
        ({"scopes": None}, "Choose at least one scope"),
        ({"scopes": ["read:moon"]}, "is not a registered scope"),
        ({"organization": "greenfleet"}, "The user does not belong to this organization."),
        ({"allowed_networks": "192.0.2.1/24"}, "has host bits set"),
        ({"expires": "1y"}, "not one of the available choices"),
        ({"expires": "date"}, "Say on which date."),
        ({"expires": "date", "expires_on": "2020-01-01"}, "This day is over."),
        ({"expires": "date", "expires_on": "soon"}, "Enter a valid date."),
        ({"expires": "30d", "expires_on": "2999-01-01"}, "You chose both a length and a date."),
        ({"idempotency_key": None}, "open for too long"),
        ({"idempotency_key": "x"}, "open for too long"),
    ],
)
def test_what_is_refused_is_said_and_changes_nothing(
    root: Client, alice: User, change: dict[str, Any], message: str
) -> None:
    answer = add(root, alice, **change)
    assert answer.status_code == 200
    html = text_of(answer)
    assert "<title>Error: " in html
    assert message in html
    assert not AccessToken.objects.exists()
    assert not LogEntry.objects.exists()


def test_what_was_filled_in_is_still_there(root: Client, alice: User) -> None:
    scopes = ["read:assets", "write:sites"]
    html = text_of(add(root, alice, name="Kept", scopes=scopes, expires="7d", kind="odd"))
    assert 'value="Kept"' in html
    ticked = re.findall(r'name="scopes" value="([^"]+)"[^>]* checked', html)
    assert sorted(ticked) == scopes
    assert re.search(r'value="7d"[^>]* checked', html)


def test_the_last_day_that_is_allowed_is_not_refused(
    root: Client, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(MAX_TOKEN_LIFETIME=timedelta(days=10))
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False):
        root.force_login(User.objects.get(username="root"))
        html = text_of(root.get(ADD))
        assert re.findall(r'name="expires" value="([^"]+)"', html) == ["7d", "10d", "date"]
        assert "The expiry may be" in text_of(add(root, alice, expires="date", expires_on="2030-01-12"))
        assert TEXT.search(text_of(add(root, alice, expires="date", expires_on="2030-01-11")))
        token = AccessToken.objects.get()
        assert str(token.expires_at) == "2030-01-11 12:00:00+00:00"
        add(root, alice, expires="date", expires_on="2030-01-05")
        assert str(AccessToken.objects.latest("pk").expires_at) == "2030-01-05 23:59:59+00:00"


def test_where_no_scopes_are_registered_they_are_typed(
    root: Client, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(SCOPES={})
    assert TEXT.search(text_of(add(root, alice, scopes="posts.read  posts.write")))
    assert AccessToken.objects.get().scopes == ["posts.read", "posts.write"]


def test_as_many_as_the_owner_may_have(
    root: Client, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(MAX_TOKENS_PER_USER=1)
    alice.generate_access_token("one")
    html = text_of(add(root, alice))
    assert "which is as many as a user may have" in html
    assert AccessToken.objects.count() == 1


class TestPermissions:
    def test_it_has_one_of_its_own(self, client: Client, alice: User) -> None:
        viewer = staff(client, "view_accesstoken", "change_accesstoken", "rotate_accesstoken")
        assert viewer.get(ADD).status_code == 403
        assert viewer.post(ADD, {}).status_code == 403
        assert ADD not in text_of(viewer.get(reverse(TOKENS)))

    def test_who_may_not_see_users_is_shown_none(self, client: Client, alice: User) -> None:
        maker = staff(client, "add_accesstoken", "view_accesstoken")
        assert ADD in text_of(maker.get(reverse(TOKENS)))
        assert '<option value="alice">' not in text_of(maker.get(ADD))
        assert TEXT.search(text_of(add(maker, alice)))
        assert AccessToken.objects.get().user == alice
        seer = staff(client, "add_accesstoken", "view_user", username="seer")
        assert '<option value="alice">' in text_of(seer.get(ADD))

    def test_for_a_superuser_superusers_alone(self, client: Client, alice: User) -> None:
        chief = User.objects.create_superuser("chief")
        maker = staff(client, "add_accesstoken", "view_user")
        assert "made by superusers alone" in text_of(add(maker, chief))
        assert not AccessToken.objects.exists()
        assert TEXT.search(text_of(add(maker, alice)))
        client.force_login(chief)
        assert TEXT.search(text_of(add(client, chief)))

    def test_of_many_users_the_first_are_shown(self, root: Client, alice: User) -> None:
        User.objects.bulk_create(User(username=f"u{number:04}") for number in range(300))
        with CaptureQueriesContext(connection) as captured:
            html = text_of(root.get(ADD))
        assert html.count("<option") == 200
        assert len(captured) < 10

    def test_a_site_without_users_shows_none(self, root: Client, alice: User) -> None:
        of_users = type(admin.site.get_model_admin(User))
        admin.site.unregister(User)
        try:
            assert "<option" not in text_of(root.get(ADD))
        finally:
            admin.site.register(User, of_users)


class TestReauthentication:
    def test_the_password_is_asked_for_after_a_while(
        self, client: Client, alice: User, settings: Any
    ) -> None:
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        client.force_login(User.objects.create_superuser("chief", password="right"))
        with time_machine.travel(timezone.now() + timedelta(minutes=59), tick=False):
            assert 'name="password"' not in text_of(client.get(ADD))
        with time_machine.travel(timezone.now() + timedelta(minutes=61), tick=False):
            assert 'name="password"' in text_of(client.get(ADD))
            for wrong in ({}, {"password": ""}, {"password": "wrong"}):
                html = text_of(add(client, alice, **wrong))
                assert 'name="password"' in html
                assert "wrong" not in re.sub("The password is wrong.", "", html)
                assert not AccessToken.objects.exists()
            # Something else is wrong: it is not asked for twice.
            assert 'name="password"' not in text_of(add(client, alice, password="right", name=""))
            assert TEXT.search(text_of(add(client, alice)))

    def test_who_has_none_signs_in_again_and_finds_what_was_chosen(
        self, root: Client, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        form = filled(root, alice, name="a&b", scopes=["read:sites", "read:assets"])
        monkeypatch.setattr(reauthentication, "AUTHENTICATED_AT", "another key of the session")
        assert 'name="sign_in_again"' in text_of(root.get(ADD))
        assert "Sign in again" in text_of(root.post(ADD, form))
        assert not AccessToken.objects.exists()
        answer = root.post(ADD, {**form, "sign_in_again": "x"})
        # Not to the admin's login, which asks for a password as well.
        assert answer["Location"].startswith("/accounts/login/?next=")
        assert "_auth_user_id" not in root.session
        root.force_login(User.objects.get(username="root"))
        (to,) = QueryDict(urlsplit(answer["Location"]).query).getlist("next")
        html = text_of(root.get(to))
        assert 'value="a&amp;b"' in html
        assert html.count("checked") == 4
        assert re.search(r'name="owner" value="alice"', html)

    def test_a_rotation_asks_as_well(self, client: Client, alice: User, settings: Any) -> None:
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        key = alice.generate_access_token("k", ["read:sites"], kind="api_key", environment="live")
        client.force_login(User.objects.create_superuser("chief", password="right"))
        form = {"action": "rotate_selected", "_selected_action": [key.pk], "post": "yes", "overlap": "1d"}
        with time_machine.travel(timezone.now() + timedelta(minutes=61), tick=False):
            assert not TEXT.search(text_of(client.post(reverse(TOKENS), form)))
            assert AccessToken.objects.count() == 1
            answer = client.post(reverse(TOKENS), {**form, "password": "right"})
            assert TEXT.search(text_of(answer))

    def test_and_sends_who_has_none_to_sign_in(
        self, root: Client, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = alice.generate_access_token("k", ["read:sites"], kind="api_key", environment="live")
        form = {"action": "rotate_selected", "_selected_action": [key.pk], "post": "yes", "overlap": "1d"}
        monkeypatch.setattr(reauthentication, "AUTHENTICATED_AT", "another key of the session")
        assert 'name="sign_in_again"' in text_of(root.post(reverse(TOKENS), form))
        answer = root.post(reverse(TOKENS), {**form, "sign_in_again": "x"})
        assert answer["Location"] == f"/accounts/login/?next=/admin/tokenauth/accesstoken/{key.pk}/change/"

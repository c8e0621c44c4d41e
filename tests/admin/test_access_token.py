from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from testproject.accounts.models import User
from tests.admin.conftest import LOGINS, TOKEN, TOKENS, revoke, staff
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def token(alice: User) -> AccessToken:
    return alice.generate_access_token("laptop", ["read:sites"])


def test_tokens_are_shown_without_their_digest(root: Client, token: AccessToken) -> None:
    for page in (reverse(TOKENS), reverse(TOKEN, args=[token.pk])):
        html = root.get(page).content.decode()
        assert "laptop" in html
        assert token.hint in html
        assert token.secret not in html


def test_they_are_revoked(root: Client, token: AccessToken, bob: User) -> None:
    other = bob.generate_access_token("phone")
    answer = revoke(root, token)
    assert "1 access token was revoked." in answer.content.decode()
    token.refresh_from_db()
    assert (token.status, token.revoked_reason, str(token.revoked_by)) == ("revoked", "", "root")
    other.refresh_from_db()
    assert other.status == "active"


def test_revoking_has_a_permission_of_its_own(client: Client, token: AccessToken) -> None:
    viewer = staff(client, "view_accesstoken", "change_accesstoken", "delete_accesstoken")
    assert "revoke_selected" not in viewer.get(reverse(TOKENS)).content.decode()
    revoke(viewer, token)
    token.refresh_from_db()
    assert token.status == "active"
    User.objects.get(username="staff").user_permissions.add(
        Permission.objects.get(codename="revoke_accesstoken")
    )
    revoke(viewer, token)
    token.refresh_from_db()
    assert token.status == "revoked"


def test_it_is_in_the_history_of_those_that_were_revoked_now(root: Client, alice: User, bob: User) -> None:
    before, one, two = (alice.generate_access_token(name) for name in ("before", "one", "two"))
    before.revoke(by=bob)
    assert "2 access tokens were revoked." in revoke(root, before, one, two).content.decode()
    entries = LogEntry.objects.order_by("object_id")
    assert [(entry.object_id, entry.action_flag) for entry in entries] == [
        (str(one.pk), CHANGE),
        (str(two.pk), CHANGE),
    ]
    assert {str(entry.user) for entry in entries} == {"root"}
    history = root.get(reverse("admin:tokenauth_accesstoken_history", args=[one.pk])).content.decode()
    assert "Revoked." in history
    before.refresh_from_db()
    assert before.revoked_by == bob


def test_rows_of_the_log_are_not_changed(root: Client) -> None:
    row = TokenLogin.objects.create(id_type="access_token", success=False, reason="unknown")
    assert root.get(reverse("admin:tokenauth_tokenlogin_changelist")).status_code == 200
    page = reverse("admin:tokenauth_tokenlogin_change", args=[row.pk])
    assert root.get(page).status_code == 200
    assert root.post(page, {"reason": "x"}).status_code == 403
    assert root.get(reverse("admin:tokenauth_tokenlogin_add")).status_code == 403
    delete = reverse("admin:tokenauth_tokenlogin_delete", args=[row.pk])
    assert root.post(delete, {"post": "yes"}).status_code == 403
    assert TokenLogin.objects.get().reason == "unknown"


def test_no_token_is_deleted(root: Client, token: AccessToken) -> None:
    delete = reverse("admin:tokenauth_accesstoken_delete", args=[token.pk])
    assert root.post(delete, {"post": "yes"}).status_code == 403
    data = {"action": "delete_selected", "_selected_action": [token.pk], "post": "yes"}
    root.post(reverse(TOKENS), data)
    assert AccessToken.objects.count() == 1


def test_a_user_with_tokens_can_be_deleted(root: Client, token: AccessToken) -> None:
    answer = root.post(reverse("admin:accounts_user_delete", args=[token.user_id]), {"post": "yes"})
    assert answer.status_code == 302
    assert AccessToken.objects.count() == 0


def test_a_token_opens_no_page_of_the_admin(client: Client, token: AccessToken) -> None:
    User.objects.filter(pk=token.user_id).update(is_staff=True, is_superuser=True)
    answer = client.get(reverse(TOKENS), HTTP_AUTHORIZATION=f"Bearer {token.raw_token}")
    assert answer.status_code == 302
    assert "/login/" in answer["Location"]


def test_the_pages_cost_no_query_a_row(root: Client, alice: User) -> None:
    def add() -> None:
        for number in range(10):
            token = alice.generate_access_token(f"{number}")
            TokenLogin.objects.create(
                id_type="access_token", token=token, user=alice, success=False, reason="expired"
            )

    for page in (TOKENS, LOGINS):
        counts = []
        for _ in range(2):
            add()
            with CaptureQueriesContext(connection) as captured:
                assert root.get(reverse(page)).status_code == 200
            counts.append(len(captured))
        assert counts[0] == counts[1]


@pytest.mark.parametrize("page", [TOKENS, LOGINS])
def test_a_pasted_token_is_not_repeated_by_a_search_that_is_not_there(
    root: Client, token: AccessToken, page: str
) -> None:
    answer = root.get(reverse(page), {"q": token.raw_token})
    assert (answer.status_code, answer["Location"]) == (302, reverse(page))


def test_a_digest_is_not_guessed_through_the_list(root: Client, token: AccessToken) -> None:
    assert root.get(reverse(TOKENS), {"kind__exact": "personal"}).status_code == 200
    assert root.get(reverse(TOKENS), {"secret__startswith": token.secret[:1]}).status_code == 400


def test_an_operator_finds_the_attempt_by_what_the_client_can_quote(root: Client) -> None:
    root.get("/inventory-service/sites", HTTP_AUTHORIZATION="Bearer junk", HTTP_X_REQUEST_ID="req-42")
    assert "req-42" in root.get(reverse(LOGINS)).content.decode()

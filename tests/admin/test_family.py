from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from testproject.accounts.models import User
from tests.admin.conftest import TOKEN, TOKENS, revoke, staff, text_of
from tests.conftest import updates_of_a_revocation
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db

SITES = "/inventory-service/sites"
HOUR = timedelta(hours=1)
WARNING = 'alt="Warning:"'
USED_LATE = "was used after it had been rotated and had ended"


def page_of(client: Client, token: AccessToken) -> str:
    return text_of(client.get(reverse(TOKEN, args=[token.pk])))


def warned(client: Client) -> set[int]:
    """The tokens that the list warns of."""
    html = text_of(client.get(reverse(TOKENS)))
    listed = re.findall(r'<tr>.*?name="_selected_action" value="(\d+)".*?</tr>', html, re.DOTALL)
    parts = re.findall(r"<tr>.*?</tr>", html.partition("<tbody>")[2], re.DOTALL)
    assert len(listed) == len(parts) == AccessToken.objects.count()
    return {int(pk) for pk, part in zip(listed, parts, strict=True) if WARNING in part}


def test_each_step_of_a_rotation_is_on_the_page(root: Client, key: AccessToken, api: APIClient) -> None:
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        AccessToken.objects.update(last_used_at=timezone.now())
        root.force_login(User.objects.get(username="root"))
        new = key.rotate(HOUR)
        for token in (key, new):
            html = page_of(root, token)
            assert key.hint in html
            assert new.hint in html
            other = new if token == key else key
            assert f'href="{reverse(TOKEN, args=[other.pk])}"' in html
        clock.shift(timedelta(minutes=30))
        family = page_of(root, new).partition("Family")[2]
        assert "Jan. 1, 2030, 1 p.m." in family
        assert "12:30" not in family
        assert "never" in family
        assert api.get(SITES, HTTP_X_API_KEY=new.raw_token).status_code == 200
        assert "Jan. 1, 2030, 12:30 p.m." in page_of(root, new).partition("Family")[2]


def test_a_family_is_shown_without_another_or_a_digest(root: Client, key: AccessToken, bob: User) -> None:
    other = bob.generate_access_token("other")
    new = key.rotate()
    html = page_of(root, new)
    assert other.hint not in html
    for token in AccessToken.objects.all():
        assert token.secret not in html


@pytest.fixture
def used_late(key: AccessToken, api: APIClient) -> AccessToken:
    """The new key of two; the old one was used after its end, by a real request."""
    new = key.rotate(timedelta(0))
    assert api.get(SITES, HTTP_X_API_KEY=key.raw_token).status_code == 401
    return new


def test_one_used_after_it_had_ended_is_warned_of_on_every_key_of_its_family(
    root: Client, key: AccessToken, used_late: AccessToken, bob: User
) -> None:
    other = bob.generate_access_token("other")
    assert warned(root) == {key.pk, used_late.pk}
    for token in (key, used_late):
        html = page_of(root, token)
        assert USED_LATE in html
        assert WARNING in html
        assert "Revoke the family" in html
    assert USED_LATE not in page_of(root, other)


def test_it_says_so_where_the_family_has_ended(root: Client, used_late: AccessToken) -> None:
    assert "none of its tokens works" not in page_of(root, used_late)
    revoke(root, used_late, action="revoke_families")
    html = page_of(root, used_late)
    assert "none of its tokens works" in html
    assert "Revoke the family" not in html


def test_the_links_of_the_warning_lead_to_the_family_and_to_its_attempts(
    root: Client, key: AccessToken, used_late: AccessToken, bob: User, api: APIClient
) -> None:
    other = bob.generate_access_token("other")
    html = page_of(root, used_late)
    (to_list,) = re.findall(r'href="([^"]*\?family=[^"]*)"', html)
    answer = root.get(to_list)
    assert answer.status_code == 200
    assert f'value="{key.pk}"' in text_of(answer)
    assert other.hint not in text_of(answer)
    (to_log,) = re.findall(r'href="([^"]*\?token__id__exact=[^"]*)"', html)
    api.get(SITES, HTTP_X_API_KEY="junk", HTTP_X_REQUEST_ID="junk-42")
    answer = root.get(to_log)
    assert answer.status_code == 200
    assert key.hint in text_of(answer)
    assert "junk-42" not in text_of(answer)


def test_who_may_not_see_the_log_is_given_no_link_to_it(client: Client, used_late: AccessToken) -> None:
    html = page_of(staff(client, "view_accesstoken"), used_late)
    assert "used after its end" in html
    assert "tokenlogin" not in html


@pytest.mark.parametrize(
    ("reason", "is_late"),
    [
        ("expired", True),
        ("revoked", True),
        ("unused", True),
        ("insufficient_scope", False),
        ("ip_address", False),
        ("user_inactive", False),
    ],
)
def test_only_what_was_refused_because_it_had_ended_counts(
    root: Client, key: AccessToken, reason: str, is_late: bool
) -> None:
    key.rotate()
    TokenLogin.objects.create(id_type="api_key", token=key, success=False, reason=reason)
    assert bool(warned(root)) == is_late
    assert (USED_LATE in page_of(root, key)) == is_late


def test_neither_what_came_before_the_rotation_nor_what_was_never_rotated(
    root: Client, key: AccessToken, alice: User
) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        TokenLogin.objects.create(id_type="api_key", token=key, success=False, reason="expired")
        expired = alice.generate_access_token("expired", expires_at=timezone.now() + HOUR)
        clock.shift(HOUR)
        TokenLogin.objects.create(id_type="access_token", token=expired, success=False, reason="expired")
        key.rotate()
        TokenLogin.objects.create(id_type="api_key", token=key, success=True)
        assert warned(root) == set()
        assert USED_LATE not in page_of(root, key)


def test_the_warning_costs_the_list_two_queries_however_many_rows(
    root: Client, alice: User, key: AccessToken
) -> None:
    def queries(page: Callable[[], Any]) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert page().status_code == 200
        return [query["sql"] for query in captured.captured_queries]

    # What the admin asks once and remembers.
    page_of(root, key)
    counts = []
    for rows in (2, 50):
        for _ in range(AccessToken.objects.count(), rows):
            AccessToken.objects.latest("pk").rotate(timedelta(0))
        assert AccessToken.objects.count() == rows
        TokenLogin.objects.bulk_create(
            TokenLogin(id_type="api_key", token=token, success=False, reason="expired")
            for token in AccessToken.objects.all()
        )
        of_list = queries(lambda: root.get(reverse(TOKENS)))
        assert sum("tokenauth_tokenlogin" in sql for sql in of_list) == 1
        assert sum('"family" IN' in sql or "`family` IN" in sql for sql in of_list) == 2
        of_page = queries(lambda: root.get(reverse(TOKEN, args=[key.pk])))
        counts.append((len(of_list), len(of_page)))
    assert counts[0] == counts[1]
    assert len(warned(root)) == 50


def test_families_are_ended_whole(root: Client, key: AccessToken, alice: User, bob: User) -> None:
    second = key.rotate()
    third = second.rotate()
    of_bob = bob.generate_access_token("b")
    other = alice.generate_access_token("other")
    with CaptureQueriesContext(connection) as captured:
        answer = revoke(root, second, of_bob, action="revoke_families", follow=False)
    assert answer.status_code == 302
    updates = [
        query["sql"]
        for query in captured.captured_queries
        if query["sql"].startswith("UPDATE") and "tokenauth_accesstoken" in query["sql"]
    ]
    assert len(updates) == updates_of_a_revocation()
    assert "4 access tokens were revoked." in text_of(root.get(reverse(TOKENS)))
    for token in (key, second, third, of_bob):
        token.refresh_from_db()
        assert (token.status, str(token.revoked_by)) == ("revoked", "root")
    other.refresh_from_db()
    assert other.status == "active"
    assert {entry.object_id for entry in LogEntry.objects.all()} == {
        str(token.pk) for token in (key, second, third, of_bob)
    }


def test_ending_families_has_the_permission_to_revoke(client: Client, key: AccessToken) -> None:
    key.rotate()
    revoke(staff(client, "view_accesstoken", "rotate_accesstoken"), key, action="revoke_families")
    assert AccessToken.objects.usable().count() == 2
    other = staff(client, "view_accesstoken", "revoke_accesstoken", username="other")
    revoke(other, key, action="revoke_families")
    assert AccessToken.objects.usable().count() == 0


def test_the_page_of_one_token_asks_for_its_people_along_with_it(
    root: Client, key: AccessToken, bob: User
) -> None:
    new = key.rotate(by=bob)
    new.revoke(by=bob)
    with CaptureQueriesContext(connection) as captured:
        html = page_of(root, new)
    assert "bob" in html
    of_tokens = [query["sql"] for query in captured.captured_queries if "tokenauth_" in query["sql"]]
    # The token, which of its family were used late, the family, and the recent attempts.
    assert len(of_tokens) == 4
    of_users = [query["sql"] for query in captured.captured_queries if 'FROM "accounts_user"' in query["sql"]]
    # Who is signed in.
    assert len(of_users) <= 1

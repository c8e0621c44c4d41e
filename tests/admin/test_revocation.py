from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from testproject.accounts.models import User
from tests.admin.conftest import TOKEN, TOKENS, act, revoke, staff, text_of
from tokenauth.admin import revocation
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.test import Client
    from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def frozen(root: Client) -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as traveller:
        root.force_login(User.objects.get(username="root"))
        yield traveller


def rows() -> list[dict[str, Any]]:
    return list(AccessToken.objects.order_by("pk").values())


def said(answer: Any) -> str:
    """The page without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text_of(answer).partition('id="content"')[2]))


def make(user: User, name: str, **columns: Any) -> AccessToken:
    token = user.generate_access_token(name, ["read:sites", "read:events", "write:sites"])
    AccessToken.objects.filter(pk=token.pk).update(**columns)
    return token


def test_it_says_first_what_will_stop_working(root: Client, alice: User, bob: User) -> None:
    now = timezone.now()
    used = make(alice, "used", last_used_at=now - 3 * DAY, last_used_ip="192.0.2.7")
    idle = make(bob, "idle", last_used_at=now - 31 * DAY)
    never = make(bob, "never")
    lapsed = make(bob, "lapsed", created_at=now - 400 * DAY)
    expired = make(bob, "expired", expires_at=now)
    revoked = make(bob, "revoked", revoked_at=now)
    before = rows()
    page = said(act(root, "revoke_selected", used, idle, never, lapsed, expired, revoked))
    sentences = [
        "1 of these access tokens was used in the last 30 days.",
        "3 stop working at once, for whatever uses them. This cannot be undone.",
        "2 more have ended already: they expired, or were unused for too long. They are marked as revoked.",
        "1 more was revoked before, and stays as it is.",
        "What stops working",
    ]
    places = [page.index(sentence) for sentence in sentences]
    assert places == sorted(places)
    table = page[places[-1] :]
    for text in (
        used.hint,
        "alice",
        "read:sites, read:events, write:sites",
        "Dec. 29, 2029, noon",
        "192.0.2.7",
    ):
        assert text in table
    # Those that were used last come first, and what has ended is not among them.
    order = [table.index(token.hint) for token in (used, idle, never)]
    assert order == sorted(order)
    for token in (lapsed, expired, revoked):
        assert token.hint not in table
    assert rows() == before
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(
    ("used", "sentence"),
    [
        (30, "This access token was used in the last 30 days. It stops working at once"),
        (31, "This access token was not used in the last 30 days. It stops working at once"),
        (None, "This access token was not used in the last 30 days. It stops working at once"),
    ],
)
def test_of_one_it_says_whether_it_is_in_use(
    root: Client, alice: User, used: int | None, sentence: str
) -> None:
    token = make(alice, "t", last_used_at=used and timezone.now() - used * DAY)
    assert sentence in said(act(root, "revoke_selected", token))


def test_where_nothing_stops_working_it_says_that(root: Client, alice: User) -> None:
    token = make(alice, "t", expires_at=timezone.now())
    page = said(act(root, "revoke_selected", token))
    assert "None of these access tokens works any more, so nothing stops working." in page
    assert "What stops working" not in page
    assert "1 access token was revoked." in text_of(revoke(root, token))


def test_what_was_revoked_before_is_not_asked_about(root: Client, alice: User) -> None:
    token = make(alice, "t", revoked_at=timezone.now())
    before = rows()
    for answer in (act(root, "revoke_selected", token), revoke(root, token)):
        assert "There is nothing to revoke" in text_of(answer)
    assert rows() == before


def test_it_is_done_once_confirmed_with_the_reason(root: Client, alice: User, api: APIClient) -> None:
    token = alice.generate_access_token("t", ["read:sites"])
    answer = revoke(root, token, reason=" found in a public repository ")
    assert answer.redirect_chain
    assert "1 access token was revoked." in text_of(answer)
    token.refresh_from_db()
    assert (token.status, token.revoked_reason) == ("revoked", "found in a public repository")
    assert str(token.revoked_by) == "root"
    answer = api.get("/inventory-service/sites", HTTP_AUTHORIZATION=f"Bearer {token.raw_token}")
    assert answer.status_code == 401


def test_its_form_is_what_the_page_shows(root: Client, alice: User) -> None:
    tokens = [alice.generate_access_token(f"{number}") for number in range(3)]
    page = text_of(act(root, "revoke_selected", *tokens[:2])).partition('id="content"')[2]
    (field,) = re.findall(r'<input type="text"[^>]*>', page)
    assert 'maxlength="255"' in field
    assert 'for="id_reason"' in page
    form = page[page.index("<form") :]
    data: dict[str, list[str]] = {"reason": [""]}
    for name, value in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form):
        data.setdefault(name, []).append(value)
    root.post(re.findall(r'action="([^"]*)"', form)[0], data)
    assert list(AccessToken.objects.usable()) == [tokens[2]]
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=", page)


@pytest.mark.parametrize("reason", ["x" * 256, "a\0b"])
@pytest.mark.parametrize("action", ["revoke_selected", "revoke_families"])
def test_a_reason_that_cannot_be_kept_is_refused(root: Client, alice: User, reason: str, action: str) -> None:
    token = alice.generate_access_token("t")
    before = rows()
    answer = revoke(root, token, action=action, reason=reason)
    assert answer.status_code == 200
    assert "Nothing was changed." in text_of(answer)
    assert "<title>Error: " in text_of(answer)
    assert rows() == before
    revoke(root, token, action=action, reason="x" * 255)
    assert AccessToken.objects.get().revoked_reason == "x" * 255


def test_sent_twice_it_is_done_once(root: Client, alice: User, bob: User) -> None:
    token = alice.generate_access_token("t")
    revoke(root, token, reason="first")
    before = rows()
    assert "There is nothing to revoke" in text_of(revoke(root, token, reason="second"))
    assert rows() == before
    assert LogEntry.objects.count() == 1


def test_of_very_many_the_first_are_named(root: Client, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocation, "NAMED", 2)
    now = timezone.now()
    tokens = [make(alice, f"{number}", last_used_at=now - number * DAY) for number in range(5)]
    page = said(act(root, "revoke_selected", *tokens))
    assert "5 of these access tokens were used in the last 30 days. 5 stop working at once" in page
    assert [token.hint in page for token in tokens] == [True, True, False, False, False]
    assert "And 3 more, which were used earlier than these, or never." in page


def test_it_costs_no_more_queries_for_more_tokens(root: Client, alice: User) -> None:
    counts = []
    for number in (2, 20):
        tokens = [alice.generate_access_token("t") for _ in range(number)]
        act(root, "revoke_selected", *tokens)
        with CaptureQueriesContext(connection) as captured:
            act(root, "revoke_selected", *tokens)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_across_pages_it_is_what_the_filters_find(root: Client, alice: User, bob: User) -> None:
    hers = [alice.generate_access_token(f"{number}") for number in range(3)]
    his = bob.generate_access_token("his")
    url = f"{reverse(TOKENS)}?q=alice&status=active"
    data = {"action": "revoke_selected", "_selected_action": hers[0].pk, "select_across": "1", "index": "0"}
    page = text_of(root.post(url, data))
    assert "3 stop working at once" in page
    (action,) = re.findall(r'<form method="post" action="([^"]*)" novalidate>', page)
    assert action.replace("&amp;", "&") == url
    assert '<input type="hidden" name="select_across" value="1">' in page
    del data["index"]
    (shown,) = re.findall(r'name="shown" value="([^"]*)"', page)
    data |= {"post": "yes", "shown": shown}
    # Made while somebody read the page.
    new = alice.generate_access_token("new")
    before = rows()
    again = text_of(root.post(url, data))
    assert "The selection has changed" in again
    assert "4 stop working at once" in again
    assert rows() == before
    new.revoke()
    answer = root.post(url, data, follow=True)
    assert "3 access tokens were revoked." in text_of(answer)
    assert list(AccessToken.objects.usable()) == [his]


def test_of_a_family_every_token_is_named_and_ended(root: Client, key: AccessToken, bob: User) -> None:
    other = bob.generate_access_token("other")
    new = key.rotate()
    page = said(act(root, "revoke_families", key))
    assert "2 stop working at once" in page
    for token in (key, new):
        assert token.hint in page
    # Made while somebody read the page, it is of the family all the same.
    third = new.rotate()
    assert "3 access tokens were revoked." in text_of(revoke(root, key, action="revoke_families"))
    third.refresh_from_db()
    assert third.status == "revoked"
    assert list(AccessToken.objects.usable()) == [other]


def test_the_families_of_too_many_are_not_ended(
    root: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation, "KEYS_AT_ONCE", 2)
    tokens = [alice.generate_access_token(f"{number}") for number in range(3)]
    answer = revoke(root, *tokens, action="revoke_families")
    assert "Select 2 access tokens at most to revoke their families." in text_of(answer)
    assert AccessToken.objects.usable().count() == 3
    # Those themselves are, and each is in the history.
    assert "3 access tokens were revoked." in text_of(revoke(root, *tokens))
    assert LogEntry.objects.count() == 3


def test_owners_that_are_told_are_said_to_be(
    root: Client, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    token = alice.generate_access_token("t")
    assert "told by mail" not in said(act(root, "revoke_selected", token))
    tokenauth_settings(NOTIFY_OWNER=True)
    assert "Their owners are told by mail." in said(act(root, "revoke_selected", token))


def test_where_tokens_never_lapse_it_counts_all_the_same(
    root: Client, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(UNUSED_TOKEN_LIFETIME=None)
    token = make(alice, "t", created_at=timezone.now() - 4000 * DAY)
    assert "This access token was not used" in said(act(root, "revoke_selected", token))


def test_where_the_history_cannot_be_written_nothing_is_revoked(root: Client, alice: User) -> None:
    def fail(execute: Any, sql: str, *args: Any) -> Any:
        if "INSERT INTO" in sql and "django_admin_log" in sql:
            raise OperationalError("the disk is full")
        return execute(sql, *args)

    token = alice.generate_access_token("t")
    before = rows()
    with connection.execute_wrapper(fail), pytest.raises(OperationalError):
        revoke(root, token)
    assert rows() == before


def buttons(client: Client, token: AccessToken) -> list[str]:
    """The actions that the page of a token has a button for, in its order."""
    html = text_of(client.get(reverse(TOKEN, args=[token.pk])))
    forms = re.findall(r"<form[^>]*>.*?</form>", html, re.DOTALL)
    of_token = [form for form in forms if f'name="_selected_action" value="{token.pk}"' in form]
    assert all(f'action="{reverse(TOKENS)}"' in form and "csrfmiddlewaretoken" in form for form in of_token)
    return [re.findall(r'name="action" value="([a-z_]*)"', form)[0] for form in of_token]


def test_the_page_of_a_token_has_buttons_that_lead_to_the_same_pages(root: Client, key: AccessToken) -> None:
    assert buttons(root, key) == ["rotate_selected", "revoke_selected"]
    # As the form sends it.
    assert "It stops working at once" in said(act(root, "revoke_selected", key))
    assert AccessToken.objects.usable().exists()
    key.revoke()
    assert buttons(root, key) == []


def test_a_button_is_shown_to_who_may(client: Client, alice: User, key: AccessToken) -> None:
    viewer = staff(client, "view_accesstoken")
    assert buttons(viewer, key) == []
    rotator = staff(client, "view_accesstoken", "rotate_accesstoken", username="rotator")
    assert buttons(rotator, key) == ["rotate_selected"]
    # A personal token is rotated by its own user alone.
    assert buttons(rotator, alice.generate_access_token("hers")) == []
    revoker = staff(client, "view_accesstoken", "revoke_accesstoken", username="revoker")
    assert buttons(revoker, key) == ["revoke_selected"]


def test_the_warning_of_a_family_has_a_button_to_end_it(
    client: Client, key: AccessToken, api: APIClient
) -> None:
    root = client
    new = key.rotate(timedelta(0))
    api.get("/inventory-service/sites", HTTP_X_API_KEY=key.raw_token)
    assert buttons(root, new) == ["rotate_selected", "revoke_selected", "revoke_families"]
    html = text_of(root.get(reverse(TOKEN, args=[new.pk])))
    (of_form,) = re.findall(r'<button type="submit"[^>]* form="([^"]*)"', html)
    assert f'id="{of_form}"' in html
    viewer = staff(client, "view_accesstoken")
    html = text_of(viewer.get(reverse(TOKEN, args=[new.pk])))
    assert "used after it had been rotated" in html
    assert of_form not in html

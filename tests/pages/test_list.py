from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from types import ModuleType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import clear_url_caches, include, path, reverse
from django.utils import timezone

from tests.conftest import bearer
from tests.pages.conftest import LIST, revoke_url, rotate_url, text_of
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from rest_framework.test import APIClient

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

SITES = "/inventory-service/sites"
ENDED = f"{LIST}?show=ended"
DAY = timedelta(days=1)
WARNING = "Somebody still used an old one of these after it had ended."

NAMES = {
    "markup": "<script>alert(1)</script> & <b>",
    "right to left": "مفتاح \u202etxt.exe",
    "emoji": "🔑👩‍💻",
    "long": "x" * 255,
    "template": "{{ token.secret }}{% now %}",
}


def families(client: Client, url: str = LIST) -> list[list[str]]:
    """The hints of the tokens that a page lists, family by family."""
    parts = (
        text_of(client.get(url)).partition('id="tokenauth-attempts"')[0].split('<li class="tokenauth-card">')
    )
    return [re.findall(r"tokenauth-hint[^>]*>([^<]+)<", part) for part in parts[1:]]


def card(client: Client, token: AccessToken, url: str = LIST) -> str:
    """What a page says of a token."""
    (found,) = re.findall(
        rf'<article[^>]* id="token-{token.pk}".*?</article>', text_of(client.get(url)), re.DOTALL
    )
    return re.sub(r"\s+", " ", re.sub(r"<(?!a )[^>]*>", " ", found))


def test_the_first_one_is_invited(page: Client, bob: User) -> None:
    bob.generate_access_token("his")
    html = text_of(page.get(LIST))
    assert "A token is a password for one program" in html
    assert "Make your first token" in html
    assert "No request with a token of yours was refused." in html
    assert "Ended" not in html


def test_what_there_is_to_know_of_a_token(page: Client, person: User, api: APIClient) -> None:
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        page.force_login(person)
        key = person.generate_access_token(
            "export",
            ["read:sites", "write:sites"],
            kind="api_key",
            environment="test",
            expires_at=timezone.now() + 30 * DAY,
            organization="northwind",
            allowed_networks=["127.0.0.0/8"],
        )
        said = card(page, key)
        for text in (
            "export",
            "Active",
            "API key · test",
            key.hint,
            "read:sites",
            "write:sites",
            "Jan. 1, 2030, noon",
            "Jan. 31, 2030, noon",
            "never used",
            "northwind",
            "127.0.0.0/8",
        ):
            assert text in said, text
        clock.shift(timedelta(minutes=5))
        assert api.get(SITES, HTTP_X_API_KEY=key.raw_token).status_code == 200
        said = card(page, key)
        assert "Jan. 1, 2030, 12:05 p.m. from 127.0.0.1" in said
        assert "never used" not in said
    assert key.secret not in text_of(page.get(LIST))


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_is_shown_as_it_is_and_does_nothing(page: Client, person: User, name: str) -> None:
    from django.utils.html import escape

    token = person.generate_access_token(name, ["read:sites"])
    new = token.rotate()
    TokenLogin.objects.create(id_type="access_token", token=new, user=person, success=False, reason="expired")
    for url in (LIST, rotate_url(token), rotate_url(new), revoke_url(token)):
        html = text_of(page.get(url))
        assert f"<bdi>{escape(name)}</bdi>" in html
        assert "<script>alert" not in html
    html = text_of(page.post(revoke_url(token), follow=True))
    assert f"“<bdi>{escape(name)}</bdi>” was revoked" in html
    assert "<script>alert" not in html


def test_what_a_client_says_of_itself_does_nothing(page: Client, person: User, api: APIClient) -> None:
    token = person.generate_access_token("t", [])
    agent = "<img src=x onerror=alert(1)>"
    api.get(SITES, HTTP_USER_AGENT=agent, HTTP_X_CLIENT_VERSION=agent, **bearer(token))
    html = text_of(page.get(LIST))
    assert "&lt;img src=x" in html
    assert agent not in html


def test_families_are_together_the_latest_first(page: Client, person: User, bob: User) -> None:
    first, second, third = (person.generate_access_token(name) for name in ("first", "second", "third"))
    bob.generate_access_token("his")
    new = first.rotate()
    newest = new.rotate()
    assert families(page) == [[newest.hint, new.hint, first.hint], [third.hint], [second.hint]]
    for token in (first, new):
        assert "Replaced" in card(page, token)
        assert "Works until" in card(page, token)
    assert "Replaced" not in card(page, newest)
    assert "Working (3)" in text_of(page.get(LIST))
    assert families(page, ENDED) == []


def test_a_family_has_ended_when_nothing_of_it_works(page: Client, person: User) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        page.force_login(person)
        lives, ends = (person.generate_access_token(name) for name in ("lives", "ends"))
        expired = person.generate_access_token("expired", expires_at=timezone.now() + DAY)
        unused = person.generate_access_token("unused")
        AccessToken.objects.filter(pk=unused.pk).update(created_at=timezone.now() - 366 * DAY)
        new = lives.rotate(timedelta(0))
        ends.revoke("lost on a train")
        clock.shift(DAY)
        assert families(page) == [[new.hint, lives.hint]]
        assert families(page, ENDED) == [[unused.hint], [expired.hint], [ends.hint]]
        html = text_of(page.get(LIST))
        assert "Working (1)" in html
        assert "Ended (3)" in html
        for token, said in (
            (ends, "Revoked"),
            (expired, "Expired"),
            (unused, "Unused"),
            (ends, "lost on a train"),
        ):
            assert said in card(page, token, ENDED)
        assert "Expired" in card(page, lives)
        lives.revoke()
        new.revoke()
        assert "None of your tokens works any more." in text_of(page.get(LIST))


def test_without_a_limit_of_being_unused(
    page: Client, person: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(UNUSED_TOKEN_LIFETIME=None)
    token = person.generate_access_token("old")
    AccessToken.objects.update(created_at=timezone.now() - 999 * DAY)
    assert families(page) == [[token.hint]]
    assert families(page, ENDED) == []


def test_what_can_be_done_with_each(page: Client, person: User) -> None:
    def offered(token: AccessToken, url: str = LIST) -> tuple[bool, bool]:
        said = card(page, token, url)
        return f'href="{rotate_url(token)}"' in said, f'href="{revoke_url(token)}"' in said

    old = person.generate_access_token("t")
    assert offered(old) == (True, True)
    new = old.rotate()
    assert (offered(old), offered(new)) == ((False, True), (True, True))
    new.revoke()
    assert (offered(old), offered(new)) == ((True, True), (False, False))
    # As the core has it: what was used is no text that was lost.
    AccessToken.objects.filter(pk=new.pk).update(last_used_at=timezone.now())
    assert offered(old) == (False, True)
    old.revoke()
    assert (offered(old, ENDED), offered(new, ENDED)) == ((False, False), (False, False))


def test_a_key_that_moved_is_its_new_owners_and_the_old_one_stays(
    page: Client, person: User, bob: User
) -> None:
    key = person.generate_access_token("export", kind="api_key", environment="live")
    moved = key.rotate(owner=bob)
    assert families(page) == [[key.hint]]
    assert moved.hint not in text_of(page.get(LIST))
    answer = page.get(rotate_url(key))
    assert answer.status_code == 409
    assert moved.hint not in text_of(answer)
    page.force_login(bob)
    assert families(page) == [[moved.hint]]
    assert key.hint not in text_of(page.get(LIST))


def test_one_used_after_its_end_is_warned_of(page: Client, person: User, api: APIClient) -> None:
    person.generate_access_token("other")
    key = person.generate_access_token("export", kind="api_key", environment="live")
    new = key.rotate(timedelta(0))
    assert WARNING not in text_of(page.get(LIST))
    api.get(SITES, HTTP_X_API_KEY=key.raw_token)
    assert text_of(page.get(LIST)).count(WARNING) == 1
    assert "Used after its end" in card(page, key)
    assert "Used after its end" not in card(page, new)
    new.revoke()
    assert WARNING not in text_of(page.get(ENDED))


def test_the_refused_attempts_are_ones_own(page: Client, person: User, bob: User, api: APIClient) -> None:
    hers, his = (user.generate_access_token(f"of {user}", ["read:events"]) for user in (person, bob))
    for token in (hers, his):
        api.get(SITES, HTTP_USER_AGENT="agent/1", HTTP_X_CLIENT_VERSION="7.7", **bearer(token))
    api.get(SITES, **bearer("junk"))
    html = text_of(page.get(LIST)).partition('id="tokenauth-attempts"')[2]
    for text in (
        "The credential lacks a scope that this request needs.",
        hers.hint,
        "of alice",
        "from <bdi>127.0.0.1</bdi>",
        "agent/1",
        "7.7",
    ):
        assert text in html
    assert his.hint not in html
    assert "of bob" not in html
    hers.delete()
    html = text_of(page.get(LIST)).partition('id="tokenauth-attempts"')[2]
    assert hers.hint in html


def test_the_latest_twenty_attempts(page: Client, person: User) -> None:
    now = timezone.now()
    token = person.generate_access_token("t")
    TokenLogin.objects.bulk_create(
        TokenLogin(
            id_type="access_token",
            token=token,
            user=person,
            success=number == 30,
            reason="" if number == 30 else "expired",
            date=now + timedelta(seconds=number),
            client_version=f"version {number}",
        )
        for number in range(31)
    )
    assert re.findall(r"version (\d+)", text_of(page.get(LIST))) == [
        str(number) for number in range(29, 9, -1)
    ]


def add(person: User, count: int, **fields: Any) -> None:
    AccessToken.objects.bulk_create(
        [
            AccessToken(
                **{"family": uuid4(), **fields},
                user=person,
                name=f"token {number}",
                scopes=["read:sites"],
                secret=hashlib.sha256(uuid4().bytes).hexdigest(),
                hint=f"pat_{number:04}…{number:04}",
            )
            for number in range(count)
        ],
        batch_size=500,
    )


def queries(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


@pytest.mark.parametrize("url", [LIST, ENDED])
def test_as_many_queries_however_many_tokens(page: Client, person: User, url: str) -> None:
    ended = {"revoked_at": timezone.now()}
    counts = []
    for count in (1, 30, 5_000):
        add(person, count)
        add(person, count, **ended)
        TokenLogin.objects.bulk_create(
            TokenLogin(id_type="access_token", token=token, user=person, success=False, reason="expired")
            for token in AccessToken.objects.order_by("-pk")[:count][:50]
        )
        counts.append(queries(page, url))
    # The session, the user, two counts, the families, their tokens, the warnings, the attempts.
    assert counts == [8, 8, 8]


def test_page_by_page(page: Client, person: User) -> None:
    add(person, 60)
    pages = [families(page, f"{LIST}?page={number}") for number in (1, 2, 3)]
    assert [len(one) for one in pages] == [25, 25, 10]
    hints = [hint for one in pages for family in one for hint in family]
    assert hints == [f"pat_{number:04}…{number:04}" for number in range(59, -1, -1)]
    assert "Page 2 of 3" in text_of(page.get(f"{LIST}?page=2"))
    for nonsense, same in (("0", 3), ("-1", 3), ("99", 3), ("x", 1), ("", 1), ("1e9", 1), ("9" * 5000, 1)):
        assert families(page, f"{LIST}?page={nonsense}") == pages[same - 1]


def test_the_pages_of_those_that_have_ended(page: Client, person: User) -> None:
    add(person, 30, revoked_at=timezone.now())
    html = text_of(page.get(ENDED))
    assert 'href="?show=ended&amp;page=2"' in html
    assert len(families(page, f"{ENDED}&page=2")) == 5


def test_of_a_large_family_all_that_works_is_there(page: Client, person: User) -> None:
    family = uuid4()
    add(person, 10, family=family)
    add(person, 1_000, family=family, revoked_at=timezone.now())
    (listed,) = families(page)
    assert len(listed) == 5 + 10
    assert "995 older ones have ended, and are not shown." in text_of(page.get(LIST))


def test_it_leads_to_the_applications_that_were_let_in_where_there_are_any(
    page: Client, settings: Any
) -> None:
    link = f'<a href="{reverse("tokenauth_oauth:applications")}">'
    assert link in text_of(page.get(LIST))
    urlconf = ModuleType("urlconf")
    urlconf.urlpatterns = [path("tokens/", include("tokenauth.pages.urls"))]  # type: ignore[attr-defined]
    settings.ROOT_URLCONF = urlconf
    clear_url_caches()
    assert "Applications you let in" not in text_of(page.get(LIST))
    clear_url_caches()

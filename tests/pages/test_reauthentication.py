"""The password is asked for again where a sign-in is old; in the form, so that nothing typed is lost."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.contrib.sessions.models import Session

from tests.pages.conftest import (
    CREATE,
    LIST,
    PASSWORD,
    errors_of,
    filled,
    make,
    revoke_url,
    rotate_url,
    shown,
    text_of,
)
from tests.test_secrets import everything_stored
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.test import Client

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

ASKED = 'type="password"'
NEEDED = ["Your password: This field is required."]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as traveller:
        yield traveller


def grow_old(clock: Any, seconds: int = 3601) -> None:
    clock.shift(timedelta(seconds=seconds))


def test_just_within_the_age_and_just_past_it(page: Client, person: User, clock: Any) -> None:
    token = person.generate_access_token("laptop")
    grow_old(clock, 3600)
    for url in (CREATE, rotate_url(token)):
        assert ASKED not in text_of(page.get(url))
    shown(make(page))
    grow_old(clock, 1)
    for url in (CREATE, rotate_url(token)):
        assert ASKED in text_of(page.get(url))
    assert errors_of(make(page)) == NEEDED
    assert errors_of(page.post(rotate_url(token), {"overlap": "1h"})) == NEEDED
    assert AccessToken.objects.count() == 2
    shown(make(page, password=PASSWORD))
    # Given once, it is good for the rest.
    shown(page.post(rotate_url(token), {"overlap": "1h"}))
    assert AccessToken.objects.count() == 4


def test_ending_a_token_asks_for_none(page: Client, person: User, clock: Any) -> None:
    token = person.generate_access_token("laptop")
    grow_old(clock)
    assert ASKED not in text_of(page.get(revoke_url(token)))
    assert page.post(revoke_url(token)).status_code == 302
    assert AccessToken.objects.get().status == "revoked"


@pytest.mark.parametrize("password", ["wrong", PASSWORD.upper(), f" {PASSWORD}", "x" * 1024])
def test_a_wrong_one_makes_nothing(page: Client, clock: Any, password: str) -> None:
    grow_old(clock)
    answer = make(page, name="kept", password=password)
    assert errors_of(answer) == ["Your password: The password is wrong."]
    assert 'value="kept"' in text_of(answer)
    assert AccessToken.objects.count() == 0


def test_of_somebody_else_it_is_wrong(page: Client, bob: User, clock: Any) -> None:
    bob.set_password("battery staple")
    bob.save()
    grow_old(clock)
    assert errors_of(make(page, password="battery staple")) == ["Your password: The password is wrong."]


def test_guesses_are_limited(page: Client, person: User, clock: Any) -> None:
    grow_old(clock)
    token = person.generate_access_token("laptop")
    for number in range(10):
        url, data = (rotate_url(token), {"overlap": "1h"}) if number % 2 else (CREATE, filled(page))
        assert errors_of(page.post(url, {**data, "password": "wrong"})) == [
            "Your password: The password is wrong."
        ]
    # The right one as well.
    (error,) = errors_of(make(page, password=PASSWORD))
    assert "Too many attempts. Try again in" in error
    assert AccessToken.objects.count() == 1
    clock.shift(timedelta(minutes=1))
    shown(make(page, password=PASSWORD))


def test_it_is_in_no_answer_and_nowhere_kept(page: Client, clock: Any) -> None:
    grow_old(clock)
    for data in (
        {"password": "wrong horse"},
        {"password": "correct horse", "name": ""},
        {"password": "correct horse"},
    ):
        said = text_of(make(page, **data))
        assert "horse" not in said
    assert "horse" not in everything_stored()
    assert AccessToken.objects.count() == 1


def test_it_is_not_asked_for_again_where_something_else_is_wrong(page: Client, clock: Any) -> None:
    grow_old(clock)
    answer = make(page, name="", password=PASSWORD)
    assert errors_of(answer) == ["Name: This field is required."]
    assert ASKED not in text_of(answer)
    shown(make(page))


def test_with_an_age_of_nothing_each_time(
    page: Client, clock: Any, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(REAUTHENTICATION_AGE=timedelta(0))
    grow_old(clock, 1)
    assert errors_of(make(page)) == NEEDED
    for _ in range(2):
        shown(make(page, password=PASSWORD))
        grow_old(clock, 1)
    assert errors_of(make(page)) == NEEDED


def test_with_an_age_of_nothing_it_is_asked_for_beside_what_else_is_wrong(
    page: Client, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(REAUTHENTICATION_AGE=timedelta(0))
    # By a clock that goes on between the answer to one question and the next.
    with time_machine.travel("2030-01-01T12:00:02Z", tick=True):
        answer = make(page, name="", password=PASSWORD)
    assert errors_of(answer) == ["Name: This field is required."]
    assert ASKED in text_of(answer)


def test_a_sign_in_of_elsewhere_makes_this_one_no_younger(page: Client, person: User, clock: Any) -> None:
    grow_old(clock)
    type(page)().force_login(person)
    assert errors_of(make(page)) == NEEDED


def test_a_session_that_knows_no_time_is_old(page: Client) -> None:
    session = page.session
    del session["tokenauth_authenticated_at"]
    session.save()
    assert errors_of(make(page)) == NEEDED


@pytest.fixture
def without_password(page: Client, person: User, clock: Any) -> Client:
    """The browser of somebody who signs in elsewhere, and did so a while ago."""
    person.set_unusable_password()
    person.save()
    page.force_login(person)
    grow_old(clock)
    return page


def test_who_has_none_signs_in_again_and_finds_the_form_as_it_was(
    without_password: Client, person: User
) -> None:
    page = without_password
    said = text_of(page.get(CREATE))
    assert ASKED not in said
    assert 'name="sign_in_again"' in said
    given = {
        "name": "a & b",
        "kind": "api_key:test",
        "scopes": ["read:sites", "*"],
        "organization": "northwind",
        "expires": "date",
        "expires_on": "2031-01-01",
        "allowed_networks": "203.0.113.0/24\n10.0.0.0/8",
    }
    old_session = page.session.session_key
    answer = page.post(CREATE, {**filled(page, **given), "sign_in_again": "1"})
    assert answer.status_code == 302
    assert urlsplit(answer["Location"]).path == "/accounts/login/"
    (to,) = parse_qs(urlsplit(answer["Location"]).query)["next"]
    assert not Session.objects.filter(pk=old_session).exists()
    assert page.get(to).status_code == 302
    page.force_login(person)
    said = text_of(page.get(to))
    assert 'name="sign_in_again"' not in said
    assert 'value="a &amp; b"' in said
    checked = re.findall(r'<input type="(?:radio|checkbox)"[^>]* value="([^"]*)"[^>]* checked', said)
    assert checked == ["api_key:test", "read:sites", "*", "date"]
    assert '<option value="northwind" selected>' in said
    assert 'value="2031-01-01"' in said
    assert "203.0.113.0/24\n10.0.0.0/8</textarea>" in said
    shown(make(page, **given))


def test_who_has_none_makes_nothing_without_it(without_password: Client, person: User) -> None:
    page = without_password
    token = person.generate_access_token("laptop")
    refused = ["You signed in a while ago. Sign in again; nothing was changed."]
    for password in ("", "!", PASSWORD):
        assert errors_of(make(page, password=password)) == refused
        assert errors_of(page.post(rotate_url(token), {"overlap": "1h", "password": password})) == refused
    assert AccessToken.objects.count() == 1


def test_a_rotation_is_come_back_to_as_well(without_password: Client, person: User) -> None:
    page = without_password
    token = person.generate_access_token("laptop")
    answer = page.post(rotate_url(token), {"overlap": "7d", "sign_in_again": "1"})
    (to,) = parse_qs(urlsplit(answer["Location"]).query)["next"]
    assert to == f"{rotate_url(token)}?overlap=7d"
    page.force_login(person)
    assert re.findall(r'value="(\w+)"[^>]* checked', text_of(page.get(to))) == ["7d"]
    assert re.findall(r'value="(\w+)"[^>]* checked', text_of(page.get(f"{to}x"))) == ["1d"]


def test_who_has_signed_in_meanwhile_is_not_signed_out(page: Client, person: User) -> None:
    answer = page.post(CREATE, {**filled(page), "sign_in_again": "1"})
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"{CREATE}?name=laptop&")
    assert 'value="laptop"' in text_of(page.get(answer["Location"]))
    assert AccessToken.objects.count() == 0
    assert page.get(LIST).status_code == 200


@pytest.mark.parametrize("seconds", [3601, -3601], ids=["ahead", "back"])
def test_a_clock_that_was_set_asks_once_more_and_loses_no_form(
    page: Client, clock: Any, seconds: int
) -> None:
    for step in (seconds, -seconds):
        form = filled(page)
        clock.shift(step)
        assert errors_of(page.post(CREATE, form)) == NEEDED
        shown(page.post(CREATE, {**form, "password": PASSWORD}))
        assert ASKED not in text_of(page.get(CREATE))
    assert AccessToken.objects.count() == 2

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.utils import timezone

from tests.conftest import bearer
from tests.pages.conftest import TOKEN, errors_of, revoke_url, rotate_url, shown, text_of
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from rest_framework.test import APIClient

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

SITES = "/inventory-service/sites"
DAY = timedelta(days=1)


@pytest.fixture
def token(person: User) -> AccessToken:
    return person.generate_access_token("laptop", ["read:sites"])


def rotate(page: Client, token: AccessToken, overlap: str = "1d") -> Any:
    return page.post(rotate_url(token), {"overlap": overlap})


def test_it_asks_first(page: Client, token: AccessToken, tokenauth_settings: Callable[..., None]) -> None:
    for setting, values, chosen in (
        (DAY, ["0", "1h", "1d", "7d"], "1d"),
        (timedelta(hours=36), ["0", "1h", "1d", "36h", "7d"], "36h"),
    ):
        tokenauth_settings(ROTATION_OVERLAP=setting)
        said = text_of(page.get(rotate_url(token)))
        assert re.findall(r'name="overlap" value="(\w+)"', said) == values
        assert re.findall(r'value="(\w+)"[^>]* checked', said) == [chosen]
        assert token.hint in said
    assert "36 hours" in said
    assert AccessToken.objects.get().rotated_at is None


def test_both_work_until_the_old_one_ends(page: Client, person: User, api: APIClient) -> None:
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        page.force_login(person)
        old = person.generate_access_token("laptop", ["read:sites"])
        answer = rotate(page, old, "1h")
        assert "no-store" in answer["Cache-Control"]
        text = shown(answer)
        new = AccessToken.objects.get(rotated_from=old)
        assert (new.user, new.created_by, new.scopes) == (person, person, ["read:sites"])
        said = text_of(answer)
        assert "What is next" in said
        assert "Jan. 1, 2030, 1 p.m." in said
        assert f'href="{revoke_url(old)}"' in said
        for one, status in ((old, 200), (text, 200)):
            assert api.get(SITES, **bearer(one)).status_code == status
        clock.shift(timedelta(hours=1))
        for one, status in ((old, 401), (text, 200)):
            assert api.get(SITES, **bearer(one)).status_code == status


def test_an_overlap_of_nothing_ends_the_old_one(page: Client, token: AccessToken, api: APIClient) -> None:
    answer = rotate(page, token, "0")
    assert shown(answer)
    assert "the old one has ended" in text_of(answer)
    assert api.get(SITES, **bearer(token)).status_code == 401


@pytest.mark.parametrize("overlap", ["", "soon", "2d", "-1d", "9999w"])
def test_what_is_no_choice_changes_nothing(page: Client, token: AccessToken, overlap: str) -> None:
    (error,) = errors_of(rotate(page, token, overlap))
    assert error.startswith("How long should the old one go on working?: ")
    assert AccessToken.objects.get().rotated_at is None


def conflicts(page: Client, token: AccessToken, reason: str) -> str:
    """What is said of a rotation that the core refuses, asked for or sent."""
    before = list(AccessToken.objects.order_by("pk").values())
    for answer in (page.get(rotate_url(token)), rotate(page, token)):
        assert answer.status_code == 409
        assert reason in text_of(answer)
        assert not TOKEN.search(text_of(answer))
    assert list(AccessToken.objects.order_by("pk").values()) == before
    return text_of(answer)


def test_a_second_time_it_leads_to_the_successor(page: Client, token: AccessToken) -> None:
    shown(rotate(page, token))
    new = AccessToken.objects.get(rotated_from=token)
    said = conflicts(page, token, "The token was rotated before.")
    for url in (rotate_url(new), revoke_url(new), revoke_url(token)):
        assert f'href="{url}"' in said
    assert f'href="{rotate_url(token)}"' not in said
    new.revoke()
    shown(rotate(page, token))


def test_what_has_ended_is_not_rotated(page: Client, person: User, token: AccessToken) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        page.force_login(person)
        expires = person.generate_access_token("expires", expires_at=timezone.now() + DAY)
        assert page.get(rotate_url(expires)).status_code == 200
        clock.shift(DAY)
        page.force_login(person)
        conflicts(page, expires, "The token has expired; make a new one.")
        token.revoke()
        conflicts(page, token, "The token was revoked; make a new one.")


def test_where_there_is_no_room_for_another(
    page: Client, person: User, token: AccessToken, tokenauth_settings: Callable[..., None]
) -> None:
    new = token.rotate()
    tokenauth_settings(MAX_TOKENS_PER_USER=1)
    (error,) = errors_of(rotate(page, new))
    assert "as many as a user may have" in error
    assert not AccessToken.objects.filter(rotated_from=new).exists()

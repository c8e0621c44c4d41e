"""What a person let an application do ends one day, however often it is refreshed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

from tests.oauth.requests import (
    SECRET,
    claims_of,
    code_of,
    of_service,
    post_form,
    redeem,
    refresh,
    sign_in,
    sites,
)
from tokenauth.oauth.models import Authorization

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

# Rather not at a whole second.
START = datetime(2030, 1, 1, 12, 0, 0, 700_000, tzinfo=UTC)
END = START.replace(microsecond=0) + timedelta(days=90)


def at(moment: datetime) -> Any:
    return time_machine.travel(moment, tick=False)


def kept_up(members: dict[str, Any], until: datetime) -> dict[str, Any]:
    """The newest tokens of an application that refreshes every ten days."""
    moment = START + timedelta(days=10)
    while moment < until:
        with at(moment):
            answer = refresh(members["refresh_token"])
            assert answer.status_code == 200, moment
            members = answer.json()
        moment += timedelta(days=10)
    return members


@pytest.fixture
def signed_in(alice: User, first_party: Any) -> dict[str, Any]:
    with at(START):
        members: dict[str, Any] = sign_in().json()
    return members


def test_it_is_refreshed_until_its_end_and_not_after(signed_in: dict[str, Any]) -> None:
    newest = kept_up(signed_in, END)

    with at(END - timedelta(seconds=1)):
        answer = refresh(newest["refresh_token"])
        assert answer.status_code == 200
    with at(END):
        refused = refresh(answer.json()["refresh_token"])
    assert (refused.status_code, refused.json()["error"]["reason"]) == (401, "invalid_grant")


def test_no_jwt_of_it_lives_longer(signed_in: dict[str, Any]) -> None:
    newest = kept_up(signed_in, END)

    with at(END - timedelta(minutes=10, milliseconds=300)):
        members = refresh(newest["refresh_token"]).json()
    claims = claims_of(members["access_token"])[1]

    assert claims["exp"] == END.timestamp()
    assert members["expires_in"] == claims["exp"] - claims["iat"] == 601
    with at(END - timedelta(seconds=1)):
        assert sites(members["access_token"]).status_code == 200
    with at(END):
        assert sites(members["access_token"]).json()["error"]["reason"] == "expired"


def test_of_a_code_as_well(
    browser: Client, third_party: Any, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(OAUTH_AUTHORIZATION_LIFETIME=timedelta(minutes=30))
    of_it = {"client_id": "third-party", "client_secret": SECRET}
    with at(START):
        browser.force_login(get_user_model().objects.get())
        members = redeem(code_of(browser, "third-party")).json()

    def answers() -> tuple[int, bool, str]:
        token = members["refresh_token"]
        asked = {**of_it, "grant_type": "refresh_token", "refresh_token": token, "scope": "write:sites"}
        return (
            sites(members["access_token"]).status_code,
            post_form("/oauth2/introspect", {**of_it, "token": token}).json()["active"],
            # Which it may not have: nothing is used up.
            post_form("/oauth2/token", asked).json()["error"],
        )

    assert members["expires_in"] == 1800
    with at(START + timedelta(seconds=1799)):
        assert answers() == (200, True, "invalid_scope")
    with at(START + timedelta(seconds=1800)):
        assert answers() == (401, False, "invalid_grant")


def test_none_is_for_ever_while_it_is_used(
    signed_in: dict[str, Any], tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(OAUTH_AUTHORIZATION_LIFETIME=None)

    newest = kept_up(signed_in, START + timedelta(days=400))

    assert newest["expires_in"] == 3600


def test_a_shorter_one_is_in_force_for_what_was_let_in_before(
    signed_in: dict[str, Any], tokenauth_settings: Callable[..., None]
) -> None:
    newest = kept_up(signed_in, START + timedelta(days=40))
    tokenauth_settings(OAUTH_AUTHORIZATION_LIFETIME=timedelta(days=35))

    with at(START + timedelta(days=40)):
        assert refresh(newest["refresh_token"]).status_code == 401


def test_an_application_that_acts_for_itself_has_its_secret_instead(
    service: Any, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(OAUTH_AUTHORIZATION_LIFETIME=timedelta(minutes=1))

    assert of_service().json()["expires_in"] == 3600


def test_what_has_reached_its_end_is_listed_nowhere_as_live(
    alice: User, first_party: Any, signed_in: dict[str, Any]
) -> None:
    person, operator = Client(), Client()
    superuser = get_user_model().objects.create_superuser("operator", password="x")

    def listed() -> list[bool]:
        person.force_login(alice)
        operator.force_login(superuser)
        live = operator.get("/admin/tokenauth_oauth/authorization/?state=live")
        return [
            "First-Party" in person.get("/oauth2/applications").content.decode(),
            live.context["cl"].result_count == 1,
        ]

    with at(END - timedelta(seconds=1)):
        assert listed() == [True, True]
        assert "2030-04-01" in person.get("/oauth2/applications").content.decode()
        page = operator.get(
            f"/admin/tokenauth_oauth/authorization/{Authorization.objects.get().pk}/change/"
        ).content.decode()
        assert "April 1, 2030, noon" in page
    with at(END + timedelta(seconds=1)):
        assert listed() == [False, False]


def test_it_is_pruned_a_month_after(
    signed_in: dict[str, Any], settings: Any, tokenauth_settings: Callable[..., None]
) -> None:
    # Without this one, nothing lapses unused.
    settings.OAUTH2_PROVIDER = {**settings.OAUTH2_PROVIDER, "REFRESH_TOKEN_EXPIRE_SECONDS": None}

    def left(moment: datetime) -> int:
        with at(moment):
            call_command("pruneauthorizations", stdout=StringIO())
        return Authorization.objects.count()

    assert [left(END + timedelta(days=days)) for days in (29, 31)] == [1, 0]

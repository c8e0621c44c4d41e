"""What a person let an application into is that organization, wherever its policy goes; and members alone."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.oauth.requests import (
    SECRET,
    answer_of,
    authorize_url,
    code_of,
    of_service,
    post_form,
    redeem,
    sites,
)
from tests.oauth.requests import refresh as refresh_first_party
from tests.oauth.requests import sign_in as sign_in_first_party
from tokenauth.oauth.models import ApplicationPolicy, Authorization

if TYPE_CHECKING:
    from django.test import Client

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

ELSEWHERE = ["greenfleet", ""]


@pytest.fixture(autouse=True)
def northwind(third_party: Any, first_party: Any) -> None:
    move("northwind")


@pytest.fixture
def members(browser: Client) -> Any:
    return redeem(code_of(browser, "third-party")).json()


def move(organization: str) -> None:
    ApplicationPolicy.objects.update(organization=organization)


def refresh(token: str) -> Any:
    fields = {"client_id": "third-party", "client_secret": SECRET}
    return post_form("/oauth2/token", {"grant_type": "refresh_token", "refresh_token": token, **fields})


def is_active(token: str) -> bool:
    fields = {"token": token, "client_id": "third-party", "client_secret": SECRET}
    active: bool = post_form("/oauth2/introspect", fields).json()["active"]
    return active


@pytest.mark.parametrize("organization", ELSEWHERE)
def test_what_was_let_in_does_not_move_with_the_policy(organization: str, members: Any, alice: User) -> None:
    assert Authorization.objects.get().organization == "northwind"
    assert sites(members["access_token"]).status_code == 200

    move(organization)
    # Of both, whatever order they come in.
    alice.organization = organization or alice.organization
    alice.save()

    refused = sites(members["access_token"])
    assert (refused.status_code, refused.json()["error"]["reason"]) == (401, "revoked")
    assert not is_active(members["access_token"])
    assert not is_active(members["refresh_token"])
    refused = refresh(members["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_what_was_let_into_all_of_them_is_not_let_into_one(browser: Client) -> None:
    move("")
    members = redeem(code_of(browser, "third-party")).json()
    assert sites(members["access_token"]).status_code == 200

    move("northwind")

    assert sites(members["access_token"]).status_code == 401
    assert refresh(members["refresh_token"]).status_code == 400


@pytest.mark.parametrize("organization", ELSEWHERE)
def test_a_code_does_not_move_either(organization: str, browser: Client, alice: User) -> None:
    code = code_of(browser, "third-party")

    move(organization)
    refused = redeem(code)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")

    move("northwind")
    assert redeem(code).status_code == 200


def test_an_answer_is_to_what_was_on_the_page(browser: Client, alice: User) -> None:
    def page_of(response: Any) -> tuple[str, str]:
        page = response.content.decode()
        action = re.search(r'<form method="post" action="([^"]+)"', page)
        assert action is not None
        return html.unescape(action[1]), page

    move("")
    action, page = page_of(browser.get(authorize_url("third-party")))
    assert "northwind" not in page

    move("northwind")
    answer = browser.post(action, {"answer": "allow"})
    assert answer.status_code == 200
    action, page = page_of(answer)
    assert "<bdi>northwind</bdi> alone" in page

    members = redeem(answer_of(browser.post(action, {"answer": "allow"}))["code"]).json()
    assert sites(members["access_token"]).status_code == 200


def test_a_sign_in_does_not_move_either(alice: User) -> None:
    members = sign_in_first_party().json()

    move("")

    assert sites(members["access_token"]).status_code == 401
    assert refresh_first_party(members["refresh_token"]).status_code == 401


def test_an_application_itself_moves_with_its_policy(service: Any) -> None:
    token = of_service().json()["access_token"]

    move("greenfleet")

    assert sites(token).status_code == 200


def test_who_leaves_the_organization_ends_what_was_let_in(browser: Client, members: Any, alice: User) -> None:
    code = code_of(browser, "third-party")
    alice.organization = "greenfleet"
    alice.save()

    refused = refresh(members["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    refused = redeem(code)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")

    alice.organization = "northwind"
    alice.save()
    assert refresh(members["refresh_token"]).status_code == 200
    assert redeem(code).status_code == 200

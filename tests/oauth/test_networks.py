"""The networks of an application: of its own requests and of its tokens, not of people's browsers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.oauth.requests import (
    CALLBACK,
    PKCE,
    SECRET,
    VERIFIER,
    authorize_url,
    code_of,
    post_form,
    redeem,
    refresh,
    sign_in,
    sites,
)
from tokenauth.oauth.models import ApplicationPolicy

if TYPE_CHECKING:
    from django.test import Client

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

INSIDE = {"REMOTE_ADDR": "192.0.2.1"}


@pytest.fixture(autouse=True)
def elsewhere(first_party: Any, third_party: Any) -> None:
    """Whoever does not say where they are, is not there."""
    ApplicationPolicy.objects.update(allowed_networks=["192.0.2.0/24"])


def ask(path: str, where: Any = (), **fields: str) -> Any:
    """What third-party is answered."""
    asked = {"client_id": "third-party", "client_secret": SECRET, **fields}
    return post_form(path, asked, **dict(where))


def test_a_person_lets_an_application_in_from_anywhere(browser: Client) -> None:
    assert browser.get(authorize_url("third-party")).status_code == 200
    assert browser.get(authorize_url("first-party", **PKCE)).status_code == 200
    code = code_of(browser, "third-party")
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}

    refused = ask("/oauth2/token", **fields)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    redeemed = ask("/oauth2/token", INSIDE, **fields)
    assert redeemed.status_code == 200
    token = redeemed.json()["access_token"]
    assert sites(token).json()["error"]["reason"] == "ip_address"
    assert sites(token, **INSIDE).status_code == 200


def test_an_application_without_a_secret_trades_its_code_in_where_it_may_be(browser: Client) -> None:
    fields = {
        "grant_type": "authorization_code",
        "code": code_of(browser, "first-party", **PKCE),
        "redirect_uri": CALLBACK,
        "client_id": "first-party",
        "code_verifier": VERIFIER,
    }

    assert post_form("/oauth2/token", fields).json()["error"] == "invalid_client"
    assert post_form("/oauth2/token", fields, **INSIDE).status_code == 200


def test_nobody_else_signs_in_or_refreshes(alice: User) -> None:
    assert sign_in().status_code == 401
    ApplicationPolicy.objects.update(allowed_networks=[])
    token = sign_in().json()["refresh_token"]
    ApplicationPolicy.objects.update(allowed_networks=["192.0.2.0/24"])

    assert refresh(token).json()["error"]["reason"] == "invalid_client"
    # It was not used: the application has it still.
    ApplicationPolicy.objects.update(allowed_networks=["127.0.0.0/8"])
    assert refresh(token).status_code == 200


@pytest.mark.parametrize("path", ["/oauth2/introspect", "/oauth2/revoke"])
def test_who_asks_or_revokes_is_there(path: str, browser: Client) -> None:
    ApplicationPolicy.objects.update(allowed_networks=[])
    token = redeem(code_of(browser, "third-party")).json()["access_token"]
    ApplicationPolicy.objects.update(allowed_networks=["192.0.2.0/24"])

    assert ask(path, token=token).json()["error"] == "invalid_client"
    assert sites(token, **INSIDE).status_code == 200
    assert ask(path, INSIDE, token=token).status_code == 200


def test_whose_token_it_is_is_told_where_it_may_be_used(browser: Client) -> None:
    ApplicationPolicy.objects.update(allowed_networks=[])
    token = redeem(code_of(browser, "third-party")).json()["access_token"]
    ApplicationPolicy.objects.update(allowed_networks=["192.0.2.0/24"])
    header = {"HTTP_AUTHORIZATION": f"Bearer {token}"}

    assert browser.get("/oauth2/userinfo", **header).status_code == 403
    assert browser.get("/oauth2/userinfo", **header, **INSIDE).status_code == 200

"""``ENFORCE_SCOPES`` off: a token from before there were scopes passes, and no JWT does."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from tests.conftest import bearer
from tests.oauth.requests import code_of, of_service, redeem, sign_in
from tests.oauth.test_jwt_authentication import reason_of
from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.oauth.plain_urls")]

# Of REST framework and of plain Django; read:sites opens neither.
DOORS = ["/inventory-service/assets", "/other-scope"]


@pytest.fixture(autouse=True)
def report_only(tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(ENFORCE_SCOPES=False)


@pytest.mark.parametrize("door", DOORS)
def test_a_token_of_ours_is_reported_and_let_through(door: str, alice: User, caplog: Any) -> None:
    token = alice.generate_access_token("t", ["read:sites"])

    with caplog.at_level(logging.WARNING, logger="tokenauth"):
        assert Client().get(door, **bearer(token)).status_code == 200
    assert "let through what lacks a scope" in caplog.text
    assert TokenLogin.objects.get().reason == "insufficient_scope"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("whose", ["third-party", "first-party", "service"])
def test_a_jwt_is_refused(
    whose: str,
    door: str,
    browser: Client,
    first_party: Any,
    third_party: Any,
    service: Any,
    caplog: Any,
) -> None:
    text = {
        "third-party": lambda: redeem(code_of(browser, "third-party", scope="read:sites")),
        "first-party": sign_in,
        "service": of_service,
    }[whose]().json()["access_token"]

    with caplog.at_level(logging.WARNING, logger="tokenauth"):
        refused = Client().get(door, **bearer(text))
    assert reason_of(refused) == (403, "insufficient_scope")
    assert refused["WWW-Authenticate"].endswith('scope="read:assets"')
    assert "let through" not in caplog.text
    row = TokenLogin.objects.get()
    assert (row.id_type, row.reason) == ("jwt", "insufficient_scope")
    # What it was let have, it has.
    assert Client().get("/function", **bearer(text)).status_code == 200

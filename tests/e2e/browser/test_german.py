"""German words are long: the pages fit a phone all the same."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.e2e.browser.accessibility import assert_accessible
from tests.e2e.browser.conftest import PASSWORD
from tests.e2e.browser.looks import Look, assert_fits
from tests.e2e.browser.navigation import follow
from tests.e2e.browser.test_admin import many_tokens
from tests.e2e.browser.test_token_page import full_of_tokens

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client
    from playwright.sync_api import Page

    from testproject.accounts.models import User

PHONE = Look(width="phone")


@pytest.mark.parametrize("look", [PHONE], ids=str, indirect=True)
def test_german_fits_a_phone(
    page: Page,
    alice: User,
    bob: User,
    root: User,
    sign_in: Callable[[User], None],
    screenshot: Callable[[Page, str], Path],
    client: Client,
    settings: Any,
) -> None:
    settings.LANGUAGE_CODE = "de"

    def look_at(path: str, heading: str, name: str) -> None:
        page.goto(path)
        expect(page.get_by_role("heading", name=heading).first).to_be_visible()
        assert_fits(page)
        assert_accessible(page)
        screenshot(page, f"german-{name}")

    alice.set_password(PASSWORD)
    alice.save()
    full_of_tokens(alice, client)
    key = alice.generate_access_token("Alt", [], kind="api_key", environment="test")
    key.rotate(timedelta(hours=1))
    many_tokens(bob, bob)
    sign_in(alice)
    look_at("/tokens/", "Zugriffstoken", "token-page")
    look_at("/tokens/new/", "Token erstellen", "token-new")
    follow(page.get_by_role("button", name="Token erstellen"))
    expect(page.get_by_role("alert")).to_contain_text("Es wurde nichts geändert.")
    assert_fits(page)
    sign_in(root)
    look_at("/admin/tokenauth/accesstoken/", "Zugriffstoken", "admin-tokens")
    look_at("/admin/tokenauth/tokenlogin/", "Token-Anmeldung", "admin-logins")

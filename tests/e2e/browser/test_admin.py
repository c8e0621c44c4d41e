"""An operator in the admin: signs in, finds a key, rotates it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.browser.accessibility import assert_accessible
from tests.e2e.browser.conftest import fill_sign_in
from tests.e2e.browser.looks import assert_fits, in_every_look, without_javascript
from tests.e2e.browser.secrecy import assert_secret_is_nowhere
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from testproject.accounts.models import User
    from tests.e2e.browser.middleware import Answer

TOKENS = "/admin/tokenauth/accesstoken/"
KEY = re.compile(r"ak_live_[0-9A-Za-z]{36}")
ONCE = "The new access token, shown this once:"


@pytest.fixture
def key(alice: User) -> AccessToken:
    return alice.generate_access_token("Nightly export", ["read:sites"], kind="api_key", environment="live")


def choose_to_rotate(page: Page, key: AccessToken) -> None:
    page.locator(f"[name=_selected_action][value='{key.pk}']").check()
    page.locator("[name=action]").select_option(label="Rotate selected access token")
    # Its button is called otherwise from Django 6.0 on.
    page.locator(".actions [type=submit]").click()
    expect(page.get_by_role("heading", name="Rotate access token")).to_be_visible()


def look_at(page: Page) -> None:
    assert_fits(page)
    assert_accessible(page)


@in_every_look
def test_signing_in(page: Page, root: User) -> None:
    page.goto(TOKENS)
    expect(page).to_have_url(re.compile(r"/admin/login/"))
    look_at(page)
    fill_sign_in(page, "root", "wrong")
    expect(page.locator(".errornote")).to_contain_text("Please enter the correct username")
    look_at(page)
    fill_sign_in(page, "root")
    expect(page).to_have_url(re.compile(rf"{TOKENS}$"))


@in_every_look
def test_a_key_is_rotated(
    page: Page,
    root: User,
    key: AccessToken,
    sign_in: Callable[[User], None],
    answers: list[Answer],
    screenshot: Callable[[Page, str], Path],
) -> None:
    sign_in(root)
    page.goto(TOKENS)
    look_at(page)
    screenshot(page, "admin-tokens")
    choose_to_rotate(page, key)
    look_at(page)
    screenshot(page, "admin-rotate")
    page.get_by_label("Overlap").fill("12h")
    page.get_by_role("button", name="Rotate").click()

    text = page.get_by_label(ONCE).input_value()
    assert KEY.fullmatch(text)
    look_at(page)
    screenshot(page, "admin-rotated")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == text
    assert AccessToken.objects.verify(text).rotated_from == key

    page.reload()
    expect(page.get_by_text("was rotated before")).to_be_visible()
    assert_secret_is_nowhere(page, text)
    page.goto(TOKENS)
    assert_secret_is_nowhere(page, text)
    assert [(answer.method, answer.path) for answer in answers if text in answer.text] == [("POST", TOKENS)]


@without_javascript
def test_a_key_is_rotated_without_javascript(
    page: Page, root: User, key: AccessToken, sign_in: Callable[[User], None]
) -> None:
    sign_in(root)
    page.goto(TOKENS)
    choose_to_rotate(page, key)
    page.get_by_role("button", name="Rotate").click()
    text = page.get_by_label(ONCE).input_value()
    assert AccessToken.objects.verify(text).rotated_from == key
    expect(page.get_by_role("button", name="Copy")).to_be_hidden()


def test_the_policy_allows_the_pages_of_django(
    page: Page, root: User, key: AccessToken, sign_in: Callable[[User], None]
) -> None:
    sign_in(root)
    for path in (
        "",
        f"tokenauth/accesstoken/{key.pk}/change/",
        "tokenauth/tokenlogin/",
        f"accounts/user/{root.pk}/change/",
    ):
        page.goto(f"/admin/{path}")

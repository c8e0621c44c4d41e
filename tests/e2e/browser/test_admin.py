"""An operator in the admin: signs in, finds a key, rotates it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import expect

from tests.conftest import bearer
from tests.e2e.browser.accessibility import assert_accessible
from tests.e2e.browser.conftest import fill_sign_in
from tests.e2e.browser.looks import assert_fits, in_every_look, without_javascript
from tests.e2e.browser.navigation import follow
from tests.e2e.browser.secrecy import assert_secret_is_nowhere
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from testproject.accounts.models import User
    from tests.e2e.browser.middleware import Answer
    from tests.e2e.browser.problems import Problems

TOKENS = "/admin/tokenauth/accesstoken/"
LOGINS = "/admin/tokenauth/tokenlogin/"
KEY = re.compile(r"ak_live_[0-9A-Za-z]{36}")
ONCE = "The new access token, shown this once:"


@pytest.fixture
def key(alice: User) -> AccessToken:
    return alice.generate_access_token("Nightly export", ["read:sites"], kind="api_key", environment="live")


def choose_to_rotate(page: Page, key: AccessToken) -> None:
    page.locator(f"[name=_selected_action][value='{key.pk}']").check()
    page.locator("[name=action]").select_option(label="Rotate selected access token")
    # Its button is called otherwise from Django 6.0 on.
    follow(page.locator(".actions [type=submit]"))
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
    choose_to_rotate(page, key)
    look_at(page)
    screenshot(page, "admin-rotate")
    page.get_by_label("Overlap").fill("12h")
    follow(page.get_by_role("button", name="Rotate"))

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
    follow(page.get_by_role("button", name="Rotate"))
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


@in_every_look
def test_each_page_of_tokens_in_each_look(
    page: Page,
    root: User,
    alice: User,
    bob: User,
    sign_in: Callable[[User], None],
    screenshot: Callable[[Page, str], Path],
) -> None:
    tokens = many_tokens(alice, bob)
    sign_in(root)
    page.goto(TOKENS)
    look_at(page)
    screenshot(page, "admin-tokens")
    page.goto(f"{TOKENS}?attention=expiring")
    page.goto(f"{TOKENS}{tokens['laptop'].pk}/change/")
    look_at(page)
    screenshot(page, "admin-token")
    follow(page.get_by_role("button", name="Revoke", exact=True))
    expect(page.get_by_text("This access token was used in the last 30 days.")).to_be_visible()
    look_at(page)
    screenshot(page, "admin-revoke")
    page.get_by_label("Reason").fill("found in a public repository")
    follow(page.get_by_role("button", name="Revoke"))
    expect(page.get_by_text("1 access token was revoked.")).to_be_visible()
    page.goto(LOGINS)
    look_at(page)
    screenshot(page, "admin-logins")
    tokens["laptop"].refresh_from_db()
    assert tokens["laptop"].revoked_reason == "found in a public repository"


def many_tokens(alice: User, bob: User) -> dict[str, AccessToken]:
    """Of every status and kind, used and refused, and one that was used after its end."""
    laptop = alice.generate_access_token("Work laptop", ["read:sites", "read:assets"])
    phone = bob.generate_access_token("🔑 <b>phone</b>", ["*"])
    phone.revoke(reason="lost")
    key = bob.generate_access_token(
        "Nightly export to the warehouse",
        ["read:sites", "read:assets", "read:schedules", "read:sessions", "read:events"],
        kind="api_key",
        environment="live",
        organization="greenfleet",
        expires_at=timezone.now() + timedelta(days=20),
    )
    old = alice.generate_access_token("Billing", ["read:events"], kind="api_key", environment="test")
    old.rotate(timedelta(0))
    client = Client()
    for credential in (bearer(laptop), bearer(phone), {"HTTP_X_API_KEY": str(old.raw_token)}):
        client.get("/inventory-service/sites", HTTP_USER_AGENT="acme/2.1", **credential)  # type: ignore[arg-type]
    client.get("/inventory-service/events", **bearer(laptop))  # type: ignore[arg-type]
    return {"laptop": laptop, "phone": phone, "key": key, "old": old}


@in_every_look
def test_a_token_is_made(
    page: Page,
    root: User,
    alice: User,
    sign_in: Callable[[User], None],
    answers: list[Answer],
    screenshot: Callable[[Page, str], Path],
    problems: Problems,
) -> None:
    sign_in(root)
    page.goto(TOKENS)
    follow(page.get_by_role("link", name="Add access token"))
    follow(page.get_by_role("button", name="Make it"))
    expect(page.locator(".errornote")).to_contain_text("Nothing was changed.")
    look_at(page)
    page.goto(f"{TOKENS}add/")
    page.get_by_label("Owner:").fill("alice")
    page.get_by_label("Name:").fill("Reports")
    page.get_by_label("API key, live").check()
    page.get_by_label("read:sites").check()
    look_at(page)
    screenshot(page, "admin-add")
    follow(page.get_by_role("button", name="Make it"))
    text = page.get_by_label("The access token, shown this once:").input_value()
    assert KEY.fullmatch(text)
    look_at(page)
    screenshot(page, "admin-made")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == text
    problems.expect(f"409 POST .*{TOKENS}add/")
    page.reload()
    expect(page.get_by_text("This form was sent before")).to_be_visible()
    look_at(page)
    assert_secret_is_nowhere(page, text)
    page.goto(TOKENS)
    assert_secret_is_nowhere(page, text)
    assert [(answer.method, answer.path) for answer in answers if text in answer.text] == [
        ("POST", f"{TOKENS}add/")
    ]
    assert AccessToken.objects.get().user == alice


def test_a_pasted_token_is_found_and_left_nowhere(
    page: Page, root: User, key: AccessToken, sign_in: Callable[[User], None], answers: list[Answer]
) -> None:
    text = str(key.raw_token)
    sign_in(root)
    page.goto(TOKENS)
    page.get_by_text("Find a pasted token").click()
    page.locator(".tokenauth-find input:not([type=hidden])").fill(text)
    follow(page.get_by_role("button", name="Find"))
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    expect(page.locator("#result_list")).to_contain_text(key.hint)
    assert_secret_is_nowhere(page, text)
    # By the search of the list, it is not looked for at all.
    page.locator("#searchbar").fill(text)
    with page.expect_navigation():
        page.locator("#searchbar").press("Enter")
    expect(page.locator(".messagelist")).to_be_visible()
    assert_secret_is_nowhere(page, text)
    assert not any(text in answer.text for answer in answers)

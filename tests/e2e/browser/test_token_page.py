"""A person on the page of their own tokens: makes one, uses it, rotates it, revokes it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from tests.conftest import bearer
from tests.e2e.browser.accessibility import assert_accessible
from tests.e2e.browser.conftest import PASSWORD, fill_sign_in
from tests.e2e.browser.looks import assert_fits, in_every_look, without_javascript
from tests.e2e.browser.navigation import follow
from tests.e2e.browser.secrecy import assert_secret_is_nowhere
from tokenauth.core import reauthentication
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client
    from playwright.sync_api import Page

    from testproject.accounts.models import User
    from tests.e2e.browser.middleware import Answer
    from tests.e2e.browser.problems import Problems

TOKENS = "/tokens/"
NEW = "/tokens/new/"
TEXT = re.compile(r"pat_[0-9A-Za-z]{36}")

# Letters that a page must show as they are.
MARKUP = "<b>bold</b><script>alert(1)</script>"
RIGHT_TO_LEFT = "مفتاح البناء \u202e(1)"
EMOJI = "🔑 nightly 👩‍💻"
LONG = "W" * 255
ODD_NAMES = (MARKUP, RIGHT_TO_LEFT, EMOJI, LONG)


@pytest.fixture
def person(alice: User) -> User:
    """Who can show a password."""
    alice.set_password(PASSWORD)
    alice.save()
    return alice


def look_at(page: Page) -> None:
    assert_fits(page)
    assert_accessible(page)


class Hand:
    """Clicks, and counts what a person does."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = self.fields = 0

    def click(self, role: str, name: str) -> None:
        locator = self.page.get_by_role(role, name=name).first  # type: ignore[arg-type]
        if name.startswith("Copy"):
            locator.click()
        else:
            follow(locator)
        self.clicks += 1

    def tick(self, name: str) -> None:
        self.page.get_by_label(name).first.check()
        self.clicks += 1

    def fill(self, label: str, text: str) -> None:
        self.page.get_by_label(label).first.fill(text)
        self.fields += 1


def pasted(page: Page) -> str:
    """What was copied."""
    return str(page.evaluate("navigator.clipboard.readText()"))


def run_in_a_terminal(line: str) -> dict[str, object]:
    """The answer to a line of ``curl``, or what the program says instead."""
    words = shlex.split(line)
    assert words[0] == "curl"
    done = subprocess.run(  # noqa: S603
        [*words, "--silent", "--show-error", "--max-time", "20"], capture_output=True, text=True, check=False
    )
    answer: dict[str, object] = json.loads(done.stdout or json.dumps({"curl": done.stderr}))
    return answer


def test_from_nothing_to_the_end_of_a_token(
    page: Page, person: User, screenshot: Callable[[Page, str], Path], answers: list[Answer]
) -> None:
    """The whole life of a token from the page alone, by somebody who was never there."""
    began = timezone.now()
    page.goto(TOKENS)
    fill_sign_in(page, person.username)
    hand = Hand(page)
    expect(page.get_by_role("heading", name="Access tokens", level=1)).to_be_visible()
    screenshot(page, "token-page-empty")

    hand.click("link", "Make your first token")
    hand.fill("Name", "Work Laptop")
    hand.tick("read:sites")
    hand.click("button", "Make the token")
    hand.click("button", "Copy the token")
    expect(page.locator("#raw-token-copied")).to_have_text("Copied.")
    first = pasted(page)
    assert TEXT.fullmatch(first)

    hand.click("button", "Copy the command")
    expect(page.locator("#curl-copied")).to_have_text("Copied.")
    answer = run_in_a_terminal(pasted(page))
    assert answer["name"] == "Work Laptop", answer
    hand.click("link", "back to my tokens")
    assert_secret_is_nowhere(page, first)
    expect(page.get_by_text("from 127.0.0.1")).to_be_visible()

    hand.click("link", "Rotate")
    hand.click("button", "Rotate")
    hand.click("button", "Copy the token")
    second = pasted(page)
    assert second != first
    hand.click("link", "back to my tokens")
    for text in (first, second):
        assert_secret_is_nowhere(page, text)
        assert AccessToken.objects.verify(text).user == person

    for _ in range(2):
        hand.click("link", "Revoke")
        hand.click("button", "Revoke")
        expect(page.get_by_text("was revoked: it works no more.")).to_be_visible()
    assert not AccessToken.objects.usable().exists()
    assert not run_in_a_terminal(
        f"curl -H 'Authorization: Bearer {second}' {page.url[: -len(TOKENS)]}/api/tokens/current/"
    ).get("name")

    # Each text was in one answer, the one that made it.
    for text, path in ((first, NEW), (second, f"/tokens/{AccessToken.objects.order_by('pk')[0].pk}/rotate/")):
        assert [(one.method, one.path) for one in answers if text in one.text] == [("POST", path)]
    assert (hand.clicks, hand.fields) == (14, 1)
    # By a machine; a person reads, too, and has two minutes.
    assert timezone.now() - began < timedelta(minutes=2)
    print(f"\n{hand.clicks} clicks, {hand.fields} field, from the empty page to the last revocation.")  # noqa: T201


@without_javascript
def test_all_of_it_without_javascript(page: Page, person: User, sign_in: Callable[[User], None]) -> None:
    sign_in(person)
    page.goto(NEW)
    hand = Hand(page)
    hand.fill("Name", "Script")
    hand.tick("read:sites")
    hand.click("button", "Make the token")
    expect(page.get_by_role("button", name="Copy the token")).to_be_hidden()
    first = page.locator("#raw-token").input_value()
    assert AccessToken.objects.verify(first).name == "Script"
    page.goto(TOKENS)
    hand.click("link", "Rotate")
    hand.click("button", "Rotate")
    assert AccessToken.objects.verify(page.locator("#raw-token").input_value()).rotated_from
    page.goto(TOKENS)
    hand.click("link", "Revoke")
    hand.click("button", "Revoke")
    assert AccessToken.objects.usable().count() == 1


def test_all_of_it_by_the_keyboard(page: Page, person: User, sign_in: Callable[[User], None]) -> None:
    sign_in(person)
    page.goto(NEW)

    def focused() -> str:
        return str(
            page.evaluate("document.activeElement.getAttribute('name') ?? document.activeElement.textContent")
        )

    def tab_to(what: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if what in focused():
                outline = page.evaluate(
                    "(() => {const style = getComputedStyle(document.activeElement);"
                    "return style.outlineStyle !== 'none' || style.boxShadow !== 'none'})()"
                )
                assert outline, f"{what} has the focus, and nothing shows it"
                return
        pytest.fail(f"{what} is not reached by the keyboard")

    page.keyboard.press("Tab")
    assert focused() == "Skip to the content"
    tab_to("name")
    page.keyboard.type("Keys")
    tab_to("kind")
    tab_to("scopes")
    page.keyboard.press("Space")
    tab_to("Make the token")
    page.keyboard.press("Enter")
    expect(page.locator("#raw-token")).to_be_visible()
    assert AccessToken.objects.get().name == "Keys"
    tab_to("Copy the token")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_have_text("Copied.")


@in_every_look
def test_each_page_in_each_look(
    page: Page,
    person: User,
    sign_in: Callable[[User], None],
    screenshot: Callable[[Page, str], Path],
    client: Client,
    problems: Problems,
) -> None:
    page.goto(TOKENS)
    look_at(page)
    screenshot(page, "sign-in")
    sign_in(person)
    page.goto(TOKENS)
    look_at(page)
    full_of_tokens(person, client)
    page.goto(TOKENS)
    look_at(page)
    screenshot(page, "token-page")
    page.goto(f"{TOKENS}?show=ended")
    look_at(page)
    page.goto(NEW)
    look_at(page)
    screenshot(page, "token-new")
    follow(page.get_by_role("button", name="Make the token"))
    look_at(page)
    screenshot(page, "token-new-errors")
    page.get_by_label("Name").first.fill("Build server")
    page.get_by_label("read:sites").first.check()
    follow(page.get_by_role("button", name="Make the token"))
    look_at(page)
    # The text on it is of a database that is gone when the test is.
    screenshot(page, "token-made")
    token = AccessToken.objects.get(name="Build server")
    page.goto(f"{TOKENS}{token.pk}/rotate/")
    look_at(page)
    screenshot(page, "token-rotate")
    follow(page.get_by_role("button", name="Rotate"))
    look_at(page)
    screenshot(page, "token-rotated")
    problems.expect(f"409 GET .*{TOKENS}{token.pk}/rotate/")
    page.goto(f"{TOKENS}{token.pk}/rotate/")
    look_at(page)
    page.goto(f"{TOKENS}{token.pk}/revoke/")
    look_at(page)
    screenshot(page, "token-revoke")


def full_of_tokens(person: User, client: Client) -> None:
    """Of each kind some, used and refused."""
    laptop = person.generate_access_token("Work laptop", ["read:sites", "read:assets"])
    billing = person.generate_access_token(
        "Billing export",
        ["read:sites", "read:events", "write:schedules"],
        kind="api_key",
        environment="live",
        organization="northwind",
        allowed_networks=["127.0.0.0/8"],
        expires_at=timezone.now() + timedelta(days=90),
    )
    successor = billing.rotate()
    for header in (bearer(laptop), {"HTTP_X_API_KEY": successor.raw_token}):
        assert client.get("/inventory-service/sites", **header).status_code == 200  # type: ignore[arg-type]
    assert client.get("/inventory-service/schedules", **bearer(laptop)).status_code == 403
    old = person.generate_access_token("Old phone", ["read:sites"])
    old.revoke(reason="lost on the train")
    client.get("/inventory-service/sites", HTTP_USER_AGENT="acme-app/2.1", **bearer(old))
    person.generate_access_token("Everything, for the tests of the whole of the API", ["*"])


@in_every_look
def test_odd_names_are_shown_as_they_are(page: Page, person: User, sign_in: Callable[[User], None]) -> None:
    sign_in(person)
    for name in ODD_NAMES:
        page.goto(NEW)
        page.get_by_label("Name").first.fill(name)
        page.get_by_label("read:sites").first.check()
        follow(page.get_by_role("button", name="Make the token"))
        expect(page.get_by_role("heading", level=1)).to_contain_text(name)
        assert_fits(page)
    page.goto(TOKENS)
    for name in ODD_NAMES:
        expect(page.get_by_role("heading", level=3).filter(has_text=name)).to_have_text(name)
    look_at(page)
    follow(page.get_by_role("link", name="Revoke").first)
    look_at(page)
    follow(page.get_by_role("button", name="Revoke"))
    # The latest is the first.
    expect(page.get_by_text("it works no more")).to_contain_text(ODD_NAMES[-1])
    look_at(page)


def test_an_answer_that_is_loaded_again_shows_it_no_more(
    page: Page, person: User, sign_in: Callable[[User], None], problems: Problems
) -> None:
    sign_in(person)
    page.goto(NEW)
    page.get_by_label("Name").first.fill("Once")
    page.get_by_label("read:sites").first.check()
    follow(page.get_by_role("button", name="Make the token"))
    text = page.locator("#raw-token").input_value()
    problems.expect(f"409 POST .*{NEW}")
    page.reload()
    expect(page.get_by_text("This form was sent before")).to_be_visible()
    look_at(page)
    assert_secret_is_nowhere(page, text)
    page.go_back()
    assert_secret_is_nowhere(page, text)
    assert AccessToken.objects.count() == 1


def test_a_form_that_is_sent_twice_in_a_hurry_makes_one(
    page: Page, person: User, sign_in: Callable[[User], None]
) -> None:
    sign_in(person)
    page.goto(NEW)
    page.get_by_label("Name").first.fill("Twice")
    page.get_by_label("read:sites").first.check()
    page.get_by_role("button", name="Make the token").dblclick(no_wait_after=True)
    expect(page.locator("#raw-token")).to_be_visible()
    assert AccessToken.objects.count() == 1
    assert AccessToken.objects.verify(page.locator("#raw-token").input_value())


def test_a_stale_page_loses_nothing(
    page: Page, person: User, sign_in: Callable[[User], None], problems: Problems
) -> None:
    sign_in(person)
    token = person.generate_access_token("Shared", ["read:sites"])
    rotating, revoking = page.context.new_page(), page.context.new_page()
    rotating.goto(f"{TOKENS}{token.pk}/rotate/")
    revoking.goto(f"{TOKENS}{token.pk}/revoke/")
    page.goto(f"{TOKENS}{token.pk}/revoke/")
    follow(page.get_by_role("button", name="Revoke"))
    problems.expect(f"409 POST .*/{token.pk}/rotate/")
    follow(rotating.get_by_role("button", name="Rotate"))
    expect(rotating.get_by_text("The token was revoked; make a new one.")).to_be_visible()
    look_at(rotating)
    follow(revoking.get_by_role("button", name="Revoke"))
    expect(revoking.get_by_text("was revoked before")).to_be_visible()
    assert AccessToken.objects.count() == 1


def test_the_password_is_asked_for_again(
    page: Page,
    person: User,
    sign_in: Callable[[User], None],
    tokenauth_settings: Callable[..., None],
    screenshot: Callable[[Page, str], Path],
) -> None:
    tokenauth_settings(REAUTHENTICATION_AGE=timedelta(0))
    sign_in(person)
    page.goto(NEW)
    look_at(page)
    screenshot(page, "token-new-password")
    page.get_by_label("Name").first.fill("Careful")
    page.get_by_label("read:sites").first.check()
    page.get_by_label("Your password").fill("wrong")
    follow(page.get_by_role("button", name="Make the token"))
    expect(page.get_by_text("The password is wrong.").first).to_be_visible()
    look_at(page)
    # Nothing of what was typed is lost but the password.
    expect(page.get_by_label("Name").first).to_have_value("Careful")
    expect(page.get_by_label("read:sites").first).to_be_checked()
    expect(page.get_by_label("Your password")).to_have_value("")
    page.get_by_label("Your password").fill(PASSWORD)
    follow(page.get_by_role("button", name="Make the token"))
    expect(page.locator("#raw-token")).to_be_visible()
    assert PASSWORD not in page.content()


def test_who_has_no_password_signs_in_again_and_finds_what_was_typed(
    page: Page, alice: User, sign_in: Callable[[User], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # alice signed in elsewhere, a while ago.
    sign_in(alice)
    monkeypatch.setattr(reauthentication, "AUTHENTICATED_AT", "another key of the session")
    page.goto(NEW)
    page.get_by_label("Name").first.fill("From elsewhere")
    page.get_by_label("read:assets").first.check()
    look_at(page)
    follow(page.get_by_role("button", name="Sign in again"))
    expect(page).to_have_url(re.compile("/accounts/login/"))
    alice.set_password(PASSWORD)
    alice.save()
    fill_sign_in(page, alice.username)
    expect(page.get_by_label("Name").first).to_have_value("From elsewhere")
    expect(page.get_by_label("read:assets").first).to_be_checked()
    follow(page.get_by_role("button", name="Make the token"))
    expect(page.locator("#raw-token")).to_be_visible()


def test_a_key_until_a_date_for_some_addresses(
    page: Page, person: User, sign_in: Callable[[User], None]
) -> None:
    sign_in(person)
    page.goto(NEW)
    day = (timezone.now() + timedelta(days=10)).date()
    page.get_by_label("Name").first.fill("Server")
    page.get_by_label("API key, live").check()
    page.get_by_label("read:sites").first.check()
    # Choosing a day chooses to end on one.
    page.get_by_label("Last day").fill(day.isoformat())
    page.get_by_text("Limit where it works").click()
    page.get_by_label("Only from these addresses").fill("203.0.113.7\n2001:db8::/32")
    follow(page.get_by_role("button", name="Make the token"))
    token = AccessToken.objects.verify(page.locator("#raw-token").input_value(), address="203.0.113.7")
    assert token.allowed_networks == ["203.0.113.7/32", "2001:db8::/32"]
    assert token.expires_at is not None
    assert token.expires_at.date() == day
    expect(page.locator("#curl")).to_have_value(re.compile("X-API-Key: ak_live_"))


def test_ten_thousand_tokens(page: Page, person: User, sign_in: Callable[[User], None]) -> None:
    AccessToken.objects.bulk_create(
        AccessToken(user=person, name=f"Token {number}", secret=f"{number}", hint="pat_0000…0000")
        for number in range(10_000)
    )
    sign_in(person)
    page.goto(TOKENS)
    expect(
        page.get_by_role("link", name="Working (10,000)").or_(
            page.get_by_role("link", name="Working (10000)")
        )
    ).to_be_visible()
    look_at(page)
    follow(page.get_by_role("link", name="Older"))
    expect(page.get_by_text("Page 2 of")).to_be_visible()


def test_someone_elses_token_is_not_there(
    page: Page, person: User, bob: User, sign_in: Callable[[User], None], problems: Problems
) -> None:
    other = bob.generate_access_token("somebody else's", ["read:sites"])
    sign_in(person)
    for name in ("rotate", "revoke"):
        problems.expect(f"404 GET .*{TOKENS}{other.pk}/{name}/")
        answer = page.goto(f"{TOKENS}{other.pk}/{name}/")
        assert answer is not None
        assert answer.status == 404
    page.goto(TOKENS)
    assert "somebody else" not in page.content()


def test_what_was_refused_is_told(
    page: Page, person: User, client: Client, sign_in: Callable[[User], None]
) -> None:
    full_of_tokens(person, client)
    assert TokenLogin.objects.filter(user=person, success=False).count() == 2
    sign_in(person)
    page.goto(TOKENS)
    refused = page.get_by_role("region", name="Refused attempts")
    expect(refused).to_contain_text("The credential was revoked.")
    expect(refused).to_contain_text("acme-app/2.1")

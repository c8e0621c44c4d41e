"""A person whom an application sends here, lets it in or not, and ends that; and who registers one."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode
from urllib.request import Request, urlopen

import pytest
from django.utils import timezone
from oauth2_provider.models import get_application_model, get_grant_model
from playwright.sync_api import expect

from tests.e2e.browser.accessibility import assert_accessible
from tests.e2e.browser.conftest import PASSWORD, fill_sign_in
from tests.e2e.browser.looks import Look, assert_fits, in_every_look, without_javascript
from tests.e2e.browser.navigation import follow
from tests.e2e.browser.secrecy import assert_secret_is_nowhere
from tests.oauth.requests import PKCE, SECRET, VERIFIER, authorize_url, make_application
from tokenauth.core import reauthentication
from tokenauth.oauth import authorizations, signing_keys
from tokenauth.oauth.admin import ENDED
from tokenauth.oauth.models import ApplicationPolicy, Authorization

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from testproject.accounts.models import User
    from tests.e2e.browser.middleware import Answer
    from tests.e2e.browser.problems import Problems

LET_IN = "/oauth2/applications"
APPLICATIONS = "/admin/oauth2_provider/application/"
AUTHORIZATIONS = "/admin/tokenauth_oauth/authorization/"
PHONE = Look(width="phone")
CALLBACK = "https://reports.example/callback"
MARKUP = "<b>Bank</b> \u202e" + "W" * 200


@pytest.fixture(autouse=True)
def no_key_is_remembered() -> Iterator[None]:
    """The database of the next test has none of them."""
    yield
    signing_keys._known.cache_clear()
    signing_keys._decrypted.cache_clear()


class Back(BaseHTTPRequestHandler):
    """The page of the application that a person comes back to."""

    def do_GET(self) -> None:
        body = (
            b"<!doctype html><html lang=en><title>Back</title><link rel=icon href=data:,><h1>Back</h1></html>"
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nothing is said."""


@pytest.fixture
def callback() -> Iterator[str]:
    """Where the application listens, on the person's own machine: another origin than the live server's."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Back)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/callback"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def person(alice: User) -> User:
    """Who can show a password."""
    alice.set_password(PASSWORD)
    alice.save()
    return alice


@pytest.fixture
def application(transactional_db: None) -> Any:
    application = make_application(
        "weekly-reports",
        grants=["authorization_code"],
        scopes=["read:sites", "read:assets", "write:schedules"],
        secret=SECRET,
        redirect_uris=f"http://127.0.0.1/callback {CALLBACK}",
    )
    application.name = "Weekly Reports"
    application.save()
    return application


def asked(redirect_uri: str = CALLBACK, **parameters: str) -> str:
    scope = "read:sites read:assets write:schedules"
    return authorize_url(
        parameters.pop("client_id", "weekly-reports"),
        **{"redirect_uri": redirect_uri, "scope": scope, **PKCE, **parameters},
    )


def look_at(page: Page) -> None:
    assert_fits(page)
    assert_accessible(page)


def brought_back(page: Page, callback: str) -> dict[str, str]:
    """What the person brings to the application."""
    expect(page.get_by_role("heading", name="Back")).to_be_visible()
    address, _, query = page.url.partition("?")
    assert address == callback
    return {name: values[0] for name, values in parse_qs(query).items()}


def traded_in(site: str, code: str, callback: str) -> dict[str, Any]:
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": callback,
        "client_id": "weekly-reports",
        "client_secret": SECRET,
        "code_verifier": VERIFIER,
    }
    answer: dict[str, Any] = json.load(urlopen(f"{site}/oauth2/token", urlencode(fields).encode()))  # noqa: S310
    return answer


def status(site: str, access_token: str) -> int:
    request = Request(f"{site}/inventory-service/sites")  # noqa: S310
    request.add_header("Authorization", f"Bearer {access_token}")
    try:
        return int(urlopen(request).status)  # noqa: S310
    except OSError as error:
        return int(error.code)  # type: ignore[attr-defined]


def test_an_application_is_let_in_and_put_out_again(
    page: Page, person: User, application: Any, callback: str, live_server: Any
) -> None:
    page.goto(asked(callback))
    with page.expect_navigation():
        fill_sign_in(page, person.username)
    expect(page.get_by_role("heading", level=1)).to_have_text("Let “Weekly Reports” in?")
    for words in ("Read site information", "Create and modify schedules", "alice"):
        expect(page.get_by_text(words)).to_be_visible()

    follow(page.get_by_role("button", name="Let it in"))
    answer = brought_back(page, callback)
    assert answer.keys() == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == ("a-state", live_server.url)
    # Who it was that sent the person is told by `iss`, and what was asked of them by nothing.
    assert page.evaluate("document.referrer") == ""
    token = traded_in(live_server.url, answer["code"], callback)["access_token"]
    assert status(live_server.url, token) == 200

    page.goto("/tokens/")
    follow(page.get_by_role("link", name="Applications you let in"))
    expect(page.get_by_role("heading", name="Weekly Reports")).to_be_visible()
    assert_secret_is_nowhere(page, token)
    follow(page.get_by_role("button", name="End"))
    expect(page.get_by_text("You have let no application in.")).to_be_visible()
    assert status(live_server.url, token) == 401
    assert Authorization.objects.get().ended_reason == authorizations.REVOKED_BY_USER


def test_an_application_is_not_let_in(
    page: Page,
    person: User,
    application: Any,
    callback: str,
    sign_in: Callable[[User], None],
    live_server: Any,
) -> None:
    sign_in(person)
    page.goto(asked(callback))
    follow(page.get_by_role("button", name="No"))
    answer = brought_back(page, callback)
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", "a-state", live_server.url)
    assert "code" not in answer
    assert not get_grant_model().objects.exists()
    assert not Authorization.objects.exists()


@without_javascript
def test_all_of_it_without_javascript(
    page: Page, person: User, application: Any, callback: str, live_server: Any
) -> None:
    page.goto(asked(callback))
    with page.expect_navigation():
        fill_sign_in(page, person.username)
    follow(page.get_by_role("button", name="Let it in"))
    traded_in(live_server.url, brought_back(page, callback)["code"], callback)
    page.goto(LET_IN)
    follow(page.get_by_role("button", name="End"))
    expect(page.get_by_text("You have let no application in.")).to_be_visible()


def tab_to(page: Page, what: str) -> None:
    for _ in range(20):
        page.keyboard.press("Tab")
        if what in page.evaluate("document.activeElement.textContent"):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"{what} has the focus, and nothing shows it"
            return
    pytest.fail(f"{what} is not reached by the keyboard")


def test_all_of_it_by_the_keyboard(
    page: Page,
    person: User,
    application: Any,
    callback: str,
    sign_in: Callable[[User], None],
    live_server: Any,
) -> None:
    sign_in(person)
    page.goto(asked(callback))
    # Nothing is pressed by whoever types on, from one page into the next.
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="in?")).to_be_visible()
    tab_to(page, "Skip to the content")
    tab_to(page, "end this")
    tab_to(page, "Let it in")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    traded_in(live_server.url, brought_back(page, callback)["code"], callback)
    page.goto(LET_IN)
    tab_to(page, "End it")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_text("You have let no application in.")).to_be_visible()


def test_a_sign_in_of_long_ago_is_asked_for_again(
    page: Page,
    person: User,
    application: Any,
    callback: str,
    sign_in: Callable[[User], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sign_in(person)
    page.goto(asked(callback))
    with monkeypatch.context() as patch:
        # The session knows nothing of when it began.
        patch.setattr(reauthentication, "AUTHENTICATED_AT", "another key of the session")
        follow(page.get_by_role("button", name="Let it in"))
        expect(page).to_have_url(re.compile("/accounts/login/"))
        look_at(page)
    assert not get_grant_model().objects.exists()
    with page.expect_navigation():
        fill_sign_in(page, person.username)
    follow(page.get_by_role("button", name="Let it in"))
    assert "code" in brought_back(page, callback)


@in_every_look
def test_each_page_of_a_person_in_each_look(
    page: Page,
    person: User,
    application: Any,
    sign_in: Callable[[User], None],
    screenshot: Callable[[Page, str], Path],
    problems: Problems,
) -> None:
    page.goto(asked())
    look_at(page)
    screenshot(page, "oauth-sign-in")
    sign_in(person)
    page.goto(asked())
    look_at(page)
    screenshot(page, "oauth-consent")
    page.goto(asked("http://127.0.0.1:51234/callback", scope="read:sites"))
    look_at(page)
    screenshot(page, "oauth-consent-loopback")
    ApplicationPolicy.objects.update(organization="northwind")
    page.goto(asked())
    look_at(page)
    screenshot(page, "oauth-consent-organization")
    application.name = MARKUP
    application.save()
    page.goto(asked())
    expect(page.get_by_role("heading", level=1)).to_contain_text(MARKUP)
    look_at(page)
    screenshot(page, "oauth-consent-odd")

    for name, url in {
        "unknown": asked(client_id="nobody"),
        "redirect": asked("https://evil.example/callback"),
        "twice": f"{asked()}&client_id=weekly-reports",
    }.items():
        problems.expect("400 GET .*/oauth2/authorize")
        page.goto(url)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        look_at(page)
        screenshot(page, f"oauth-refused-{name}")

    page.goto(LET_IN)
    look_at(page)
    screenshot(page, "oauth-applications-empty")
    many_let_in(person, application)
    page.goto(LET_IN)
    look_at(page)
    screenshot(page, "oauth-applications")
    follow(page.get_by_role("button", name="End it").first)
    look_at(page)
    screenshot(page, "oauth-applications-ended")


def many_let_in(person: User, application: Any) -> Any:
    application.name = "Weekly Reports"
    application.save()
    other = make_application(
        "nightly",
        grants=["authorization_code"],
        scopes=["read:events"],
        secret=SECRET,
        redirect_uris=CALLBACK,
    )
    other.name = "Nightly export to the warehouse"
    other.save()
    now = timezone.now()
    Authorization.objects.create(
        user=person,
        application=application,
        scopes=["read:sites", "read:assets", "write:schedules"],
        created_at=now - timedelta(days=40),
        refreshed_at=now - timedelta(hours=3),
    )
    Authorization.objects.create(
        user=person, application=other, scopes=["read:events"], created_at=now - timedelta(days=2)
    )
    Authorization.objects.create(
        user=person,
        application=other,
        scopes=["read:events"],
        created_at=now - timedelta(days=90),
        ended_at=now - timedelta(days=60),
        ended_reason=authorizations.REUSED_CODE,
    )
    return other


@in_every_look
def test_each_page_of_an_operator_in_each_look(
    page: Page,
    root: User,
    person: User,
    application: Any,
    sign_in: Callable[[User], None],
    screenshot: Callable[[Page, str], Path],
) -> None:
    other = many_let_in(person, application)
    ApplicationPolicy.objects.filter(application=other).delete()
    make_application(
        "service",
        grants=["client_credentials"],
        scopes=["read:sites", "read:assets", "read:schedules", "read:sessions", "read:events"],
        organization="northwind",
        allowed_networks=["192.0.2.0/24"],
        disabled_at=timezone.now(),
        secret=SECRET,
    )
    sign_in(root)
    page.goto("/admin/")
    look_at(page)
    screenshot(page, "admin-index")
    page.goto(APPLICATIONS)
    look_at(page)
    screenshot(page, "admin-applications")
    page.goto(f"{APPLICATIONS}{application.pk}/change/")
    look_at(page)
    screenshot(page, "admin-application")
    page.goto(f"{APPLICATIONS}{application.pk}/delete/")
    look_at(page)
    screenshot(page, "admin-application-delete")
    page.goto(AUTHORIZATIONS)
    look_at(page)
    screenshot(page, "admin-authorizations")
    follow(page.locator("#result_list tbody th a").first)
    look_at(page)
    screenshot(page, "admin-authorization")
    page.goto(AUTHORIZATIONS)
    page.locator("#result_list tbody [type=checkbox]").first.check()
    page.locator("[name=action]").select_option(label="End selected authorizations")
    follow(page.locator(".actions [type=submit]"))
    expect(page.get_by_text("1 authorization has ended.")).to_be_visible()
    look_at(page)
    screenshot(page, "admin-authorizations-ended")
    assert authorizations.live(person).get().application == application

    follow(page.locator("#result_list").get_by_role("link", name="Weekly Reports"))
    follow(page.get_by_role("button", name="End it"))
    expect(page.get_by_text("1 authorization has ended.")).to_be_visible()
    assert not authorizations.live(person).exists()
    page.go_back()
    page.reload()
    expect(page.get_by_text(ENDED)).to_be_visible()
    expect(page.get_by_role("button", name="End it")).to_have_count(0)


def test_somebody_else_signs_in(
    page: Page,
    person: User,
    bob: User,
    application: Any,
    callback: str,
    sign_in: Callable[[User], None],
) -> None:
    sign_in(bob)
    page.goto(asked(callback))
    expect(page.get_by_text("You are signed in as bob.")).to_be_visible()
    follow(page.get_by_role("button", name="Sign in as somebody else"))
    expect(page).to_have_url(re.compile("/accounts/login/"))
    with page.expect_navigation():
        fill_sign_in(page, person.username)
    expect(page.get_by_text("You are signed in as alice.")).to_be_visible()
    assert not get_grant_model().objects.exists()


@pytest.mark.parametrize("look", [PHONE], ids=str, indirect=True)
def test_german_fits_a_phone(
    page: Page,
    root: User,
    person: User,
    application: Any,
    sign_in: Callable[[User], None],
    screenshot: Callable[[Page, str], Path],
    problems: Problems,
    settings: Any,
) -> None:
    settings.LANGUAGE_CODE = "de"

    def look_at_german(path: str, words: str, name: str) -> None:
        page.goto(path)
        expect(page.get_by_text(words).first).to_be_visible()
        look_at(page)
        screenshot(page, f"german-{name}")

    many_let_in(person, application)
    sign_in(person)
    look_at_german(asked(), "zulassen?", "oauth-consent")
    look_at_german(asked("http://127.0.0.1:51234/callback"), "auf diesem Gerät", "oauth-consent-loopback")
    problems.expect("400 GET .*/oauth2/authorize")
    look_at_german(asked(client_id="nobody"), "Das geht so nicht", "oauth-refused")
    look_at_german(LET_IN, "Beenden", "oauth-applications")
    sign_in(root)
    look_at_german(APPLICATIONS, "Eigene Token", "admin-applications")
    look_at_german(f"{APPLICATIONS}{application.pk}/change/", "Redirect-URIs", "admin-application")
    look_at_german(AUTHORIZATIONS, "beendet", "admin-authorizations")


@in_every_look
def test_an_application_is_registered(
    page: Page,
    root: User,
    sign_in: Callable[[User], None],
    answers: list[Answer],
    screenshot: Callable[[Page, str], Path],
) -> None:
    sign_in(root)
    page.goto(APPLICATIONS)
    follow(page.get_by_role("link", name="Add application"))
    look_at(page)
    screenshot(page, "admin-application-add-empty")
    follow(page.get_by_role("button", name="Save", exact=True))
    expect(page.locator(".errornote")).to_be_visible()
    look_at(page)
    screenshot(page, "admin-application-errors")
    page.get_by_label("Name:").fill("Weekly Reports")
    page.get_by_label("Client type").select_option("confidential")
    page.get_by_label("Redirect URIs").fill(CALLBACK)
    # What the admin keeps for further rows is as labelled as this one.
    policy = page.locator("#tokenauth_policy-0")
    for label in ("authorization code", "Read site information", "Read asset information"):
        policy.get_by_label(label).check()
    look_at(page)
    screenshot(page, "admin-application-add")
    follow(page.get_by_role("button", name="Save", exact=True))
    field = page.get_by_label("The client secret, shown this once:")
    first = field.input_value()
    look_at(page)
    screenshot(page, "admin-application-secret")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == first
    application = get_application_model().objects.get()
    assert application.tokenauth_policy.scopes == ["read:sites", "read:assets"]

    page.goto(f"{APPLICATIONS}{application.pk}/change/")
    assert_secret_is_nowhere(page, first)
    policy.get_by_label("Disabled").check()
    follow(page.get_by_role("button", name="Save", exact=True))
    expect(page.locator("#result_list")).to_contain_text("disabled")
    assert_secret_is_nowhere(page, first)

    page.locator("#result_list tbody [type=checkbox]").check()
    page.locator("[name=action]").select_option(label="Make a new secret for the selected application")
    follow(page.locator(".actions [type=submit]"))
    second = field.input_value()
    assert second != first
    look_at(page)
    page.goto(APPLICATIONS)
    assert_secret_is_nowhere(page, second)
    # Each was in one answer, the one that made it.
    for secret, path in ((first, f"{APPLICATIONS}add/"), (second, APPLICATIONS)):
        assert [(one.method, one.path) for one in answers if secret in one.text] == [("POST", path)]

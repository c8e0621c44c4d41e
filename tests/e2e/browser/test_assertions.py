"""What the tests in a browser would catch: each of their assertions fails where it should."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.messages import INFO
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, HttpResponse

from tests.e2e.browser.accessibility import assert_accessible
from tests.e2e.browser.looks import Look, assert_fits, in_every_look
from tests.e2e.browser.problems import Problems
from tests.e2e.browser.secrecy import assert_secret_is_nowhere

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

    from tests.e2e.browser.middleware import Answer

SIGN_IN = "/admin/login/"

# What a page may do wrong, by what is said of it.
WRONG = {
    r"console: spoilt": "console.error('spoilt')",
    r"error: spoilt": "setTimeout(() => { throw new Error('spoilt') })",
    r"404 GET .*/nothing": "fetch('/nothing')",
    r"net::ERR_CONNECTION_RESET GET .*/gone": "fetch('/gone').catch(() => null)",
    r"console: .*inline script": """() => {
        document.body.append(Object.assign(document.createElement("script"), {text: "1"}));
    }""",
    r"console: .*inline style": "document.body.setAttribute('style', 'color: red')",
    r"console: .*https://example\.com/": "fetch('https://example.com/').catch(() => null)",
}

# How a text gets to where a browser keeps it, by the name of the place.
KEPT = {
    "a cookie": "text => { document.cookie = 'a=' + text }",
    "localStorage": "text => localStorage.setItem('a', text)",
    "IndexedDB": """text => new Promise((resolve) => {
        const opening = indexedDB.open('a');
        opening.onupgradeneeded = () => opening.result.createObjectStore('b');
        opening.onsuccess = () => {
            const writing = opening.result.transaction('b', 'readwrite');
            writing.objectStore('b').put({c: [text]}, 1);
            writing.oncomplete = () => { opening.result.close(); resolve(); };
        };
    })""",
    "the address": "text => history.replaceState(history.state, '', '?a=' + text)",
    "the window's name": "text => { window.name = text }",
    "history.state": "text => history.replaceState({a: text}, '')",
    "sessionStorage": "text => sessionStorage.setItem(text, '1')",
    "a cache": "async text => (await caches.open('a')).put('/a', new Response(text))",
    "the document": "text => { document.body.dataset.a = text }",
    "a field": "text => { document.querySelector('[name=username]').value = text }",
}


def test_what_goes_wrong_fails_the_test(page: Page, context: BrowserContext, problems: Problems) -> None:
    page.route("**/gone", lambda route: route.abort("connectionreset"))
    page.goto(SIGN_IN)
    problems.check()
    for pattern, act in WRONG.items():
        kind = pattern.partition(":")[0]
        event = {"console": "console", "error": "weberror", "404 GET .*/nothing": "response"}.get(kind)
        with context.expect_event(event or "requestfailed"):
            page.evaluate(act)
        with pytest.raises(pytest.fail.Exception, match=pattern):
            problems.check()
        problems.expect(pattern)


def test_so_does_what_was_expected_and_did_not_happen() -> None:
    problems = Problems()
    problems.expect("404 GET .*/nothing")
    with pytest.raises(pytest.fail.Exception, match="not seen: 404 GET"):
        problems.check()


@in_every_look
def test_a_page_that_is_too_wide(page: Page, look: Look) -> None:
    page.goto(SIGN_IN)
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") == (look.color == "dark")
    assert page.evaluate("matchMedia('(pointer: coarse)').matches") == (look.width == "phone")
    page.evaluate("""() => {
        const wide = document.createElement("pre");
        wide.textContent = "x";
        wide.style.minWidth = "600px";
        document.body.append(wide);
    }""")
    if look.width == "desktop":
        assert_fits(page)
    else:
        with pytest.raises(AssertionError, match=r"\d+ px on 390\n(?s:.*)<pre"):
            assert_fits(page)


def test_a_page_that_not_everybody_can_use(page: Page) -> None:
    page.goto(SIGN_IN)
    assert_accessible(page)
    page.evaluate("document.body.append(Object.assign(document.createElement('input'), {id: 'bare'}))")
    with pytest.raises(
        AssertionError, match=r"label \(critical\): .* labels(?s:.*)#bare: <input id=\"bare\">"
    ):
        assert_accessible(page)


def test_a_secret_that_is_kept(page: Page, answers: list[Answer]) -> None:
    page.goto(SIGN_IN)
    for number, (place, act) in enumerate(KEPT.items()):
        # A text of its own for each place.
        secret = f"pat_{number:036}"
        assert_secret_is_nowhere(page, secret)
        page.evaluate(act, secret)
        with pytest.raises(AssertionError, match=place):
            assert_secret_is_nowhere(page, secret)
    assert [answer.method for answer in answers if answer.path == SIGN_IN] == ["GET"]


def test_a_secret_that_django_keeps(page: Page, context: BrowserContext) -> None:
    page.goto(SIGN_IN)
    response = HttpResponse()
    messages = CookieStorage(HttpRequest())
    messages.add(INFO, "Copy pat_1" + " now" * 99)
    messages.update(response)
    packed = response.cookies["messages"].value
    assert "pat_1" not in packed
    context.add_cookies([{"name": "messages", "value": packed, "url": page.url}])
    with pytest.raises(AssertionError, match="a message"):
        assert_secret_is_nowhere(page, "pat_1")
    session = SessionStore()
    session["made"] = "pat_2"
    session.save()
    with pytest.raises(AssertionError, match="a session"):
        assert_secret_is_nowhere(page, "pat_2")

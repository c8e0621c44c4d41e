"""Where a browser may keep what it was shown once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.sessions.models import Session
from django.http import HttpRequest, parse_cookie

if TYPE_CHECKING:
    from playwright.sync_api import Page

_OF_THE_PAGE = """async () => {
    const cached = [];
    for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const response of await cache.matchAll()) {
            cached.push(name, response.url, await response.text());
        }
    }
    return {
        "the address": decodeURIComponent(location.href),
        "the referrer": decodeURIComponent(document.referrer),
        "the window's name": window.name,
        "history.state": JSON.stringify(history.state) ?? "",
        "sessionStorage": JSON.stringify({...sessionStorage}),
        "a cache": cached.join(" "),
        "the document": document.documentElement.outerHTML,
        "a field": [...document.querySelectorAll("input, textarea")].map((field) => field.value).join(" "),
    };
}"""


def assert_secret_is_nowhere(page: Page, text: str) -> None:
    """``text`` is neither on ``page`` nor in anything that the browser, or its session, keeps.

    To be asked of each page that follows the one which has shown it.
    """
    kept = page.context.storage_state(indexed_db=True)
    places = {
        "a cookie": json.dumps(kept["cookies"]),
        "localStorage or IndexedDB": json.dumps(kept["origins"]),
        "a message": _messages(page),
        "a session": str([session.get_decoded() for session in Session.objects.all()]),
        **page.evaluate(_OF_THE_PAGE),
    }
    found = [place for place, content in places.items() if text in content]
    assert not found, f"The secret is in {', '.join(found)}."


def _messages(page: Page) -> str:
    # Django packs those of the cookie, so that a text is not found in it as it is.
    request = HttpRequest()
    request.COOKIES = parse_cookie(
        "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in page.context.cookies())
    )
    return " ".join(map(str, CookieStorage(request)))

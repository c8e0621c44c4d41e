"""What goes wrong on a page without anybody seeing it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response, WebError


class Problems:
    """Errors on the console and in scripts, failed requests, and answers of 400 and more."""

    def __init__(self) -> None:
        self._seen: list[str] = []
        self._expected: list[str] = []

    def expect(self, pattern: str) -> None:
        """What begins with ``pattern`` goes wrong in this test: ``404 GET .*/tokens/1/``, for example."""
        self._expected.append(pattern)

    def watch(self, context: BrowserContext) -> None:
        """Watch each page of ``context``, and what it loads."""
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("requestfailed", self._request_failed)
        context.on("response", self._response)

    def check(self) -> None:
        """Fail if anything went wrong that was not expected, or did not that was."""
        unexpected = [
            seen for seen in self._seen if not any(re.match(pattern, seen) for pattern in self._expected)
        ]
        missed = [
            f"expected, but not seen: {pattern}"
            for pattern in self._expected
            if not any(re.match(pattern, seen) for seen in self._seen)
        ]
        if unexpected or missed:
            pytest.fail("In the browser:\n" + "\n".join(unexpected + missed), pytrace=False)

    def _console(self, message: ConsoleMessage) -> None:
        # Of a resource that does not load, the answer or the failed request tells more.
        if message.type == "error" and not message.text.startswith("Failed to load resource:"):
            self._seen.append(f"console: {message.text} {_address(message.page)}")

    def _error(self, error: WebError) -> None:
        self._seen.append(f"error: {error.error} {_address(error.page)}")

    def _request_failed(self, request: Request) -> None:
        # Aborted is what the page needs no more, because it was left.
        if request.failure != "net::ERR_ABORTED":
            self._seen.append(f"{request.failure} {request.method} {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self._seen.append(f"{response.status} {response.request.method} {response.url}")


def _address(page: Page | None) -> str:
    return f"({page.url})" if page else ""

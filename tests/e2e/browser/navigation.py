"""From one page to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator


def follow(locator: Locator) -> None:
    """Click what leads to another page, and be there.

    Playwright's own click returns when the next page has begun, which may not have a body yet, nor the
    database what its request changes.
    """
    with locator.page.expect_navigation():
        locator.click()

"""Clicks that lead to another page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator


def follow(locator: Locator) -> None:
    """Click, and be on the page that it leads to: by itself, a click returns before."""
    with locator.page.expect_navigation():
        locator.click()

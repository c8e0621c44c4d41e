"""A real browser, on the sample project as a live server serves it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.test import Client, override_settings
from pytest_django.live_server_helper import LiveServer

from testproject.accounts.models import User
from tests.e2e.browser import chromium, middleware
from tests.e2e.browser.looks import Look
from tests.e2e.browser.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

    from tests.e2e.browser.middleware import Answer

PASSWORD = "correct horse battery staple"
# For what a page needs on a machine that is busy with something else, in milliseconds.
PATIENCE = 15_000


class LeftOut(pytest.Module):
    """Test modules that are not imported: what they import is not there."""

    def collect(self) -> list[pytest.Item]:
        pytest.skip(chromium.left_out(), allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    return LeftOut.from_parent(parent, path=module_path) if chromium.left_out() else None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", metavar="DIR", type=Path, help="Where the pictures of pages are kept.")


# Of the package, not of the session: with the browser ends the event loop that no other test may find.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright runs its event loop in the tests' own thread, where Django then refuses the database.
        # No coroutine of that loop uses it: a test is as synchronous as any other.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(
            executable_path=chromium.executable(),
            # Playwright itself switches off what Chromium would fetch on its own.
            args=["--disable-gpu"],
            # Chromium refuses to put root into its sandbox.
            chromium_sandbox=os.geteuid() != 0,
        )
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def live_server() -> Iterator[LiveServer]:
    # By its number: a browser tries another address of "localhost" first.
    with override_settings(
        MIDDLEWARE=[
            f"{middleware.__name__}.record",
            f"{middleware.__name__}.strict_policy",
            *settings.MIDDLEWARE,
        ]
    ):
        server = LiveServer("127.0.0.1")
    yield server
    server.stop()


@pytest.fixture
def answers(live_server: LiveServer) -> Iterator[list[Answer]]:
    """What the server has answered in this test, static files aside."""
    middleware.answers.clear()
    yield middleware.answers
    middleware.answers.clear()


@pytest.fixture
def look(request: pytest.FixtureRequest) -> Look:
    return getattr(request, "param", Look())


@pytest.fixture
def javascript() -> bool:
    return True


@pytest.fixture
def problems() -> Iterator[Problems]:
    """What went wrong on the pages of the test; it fails of what it did not expect."""
    problems = Problems()
    yield problems
    problems.check()


@pytest.fixture
def context(
    browser: Browser,
    live_server: LiveServer,
    transactional_db: None,
    look: Look,
    javascript: bool,
    problems: Problems,
) -> Iterator[BrowserContext]:
    """A browser that has been nowhere yet, and may use the clipboard."""
    context = browser.new_context(
        **look.options,
        base_url=live_server.url,
        java_script_enabled=javascript,
        permissions=["clipboard-read", "clipboard-write"],
        locale="en-US",
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE)
    problems.watch(context)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def root(transactional_db: None) -> User:
    return User.objects.create_superuser("root", password=PASSWORD)


@pytest.fixture
def sign_in(context: BrowserContext, live_server: LiveServer) -> Callable[[User], None]:
    """Give the browser a session of this user. ``fill_sign_in`` walks through the form instead."""

    def sign_in(user: User) -> None:
        client = Client()
        client.force_login(user)
        session = client.cookies[settings.SESSION_COOKIE_NAME]
        context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])

    return sign_in


def fill_sign_in(page: Page, username: str, password: str = PASSWORD) -> None:
    """Fill and send the form that ``page`` shows, the admin's or the project's own."""
    page.locator("[name=username]").fill(username)
    page.locator("[name=password]").fill(password)
    with page.expect_navigation():
        page.locator("[name=password]").press("Enter")


@pytest.fixture
def screenshot(request: pytest.FixtureRequest, tmp_path: Path, look: Look) -> Callable[[Page, str], Path]:
    """Take a picture of a whole page, under this name and what makes the look another than the usual."""
    directory: Path = request.config.getoption("screenshots", None) or tmp_path
    directory.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> Path:
        path = directory / f"{name}{look.suffix}.png"
        page.screenshot(path=path, full_page=True)
        return path

    return take

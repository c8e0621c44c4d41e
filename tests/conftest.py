from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connection
from hypothesis import settings as hypothesis_settings

from tokenauth.core import attempt_limit

# Neither is there in each of tests/projects.
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rest_framework.test import APIClient

    from testproject.accounts.models import User
    from tokenauth.models import AccessToken

# A machine that is busy with something else fails no test.
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")


# What starts servers, projects and other processes, and what tries very much, takes as long as all the rest.
_LONG = (
    "client/test_bad_answers.py",
    "client/test_command_line.py",
    "client/test_command_line_processes.py",
    "client/test_processes.py",
    "e2e/test_demo.py",
    "e2e/test_moving.py",
    "e2e/test_scopes_on_a_live_api.py",
    "failures/*",
    "fuzzing/*",
    "projects/test_projects.py",
    "services/*_benchmark.py",
    "test_client_documentation.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="Run the tests as well that take long.")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: what is run with --long alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        place = item.path.relative_to(here) if item.path.is_relative_to(here) else item.path
        if not any(place.match(pattern) for pattern in _LONG):
            continue
        item.add_marker(pytest.mark.long)
        if not config.getoption("--long"):
            reason = f"{place} takes long. It is run by pytest --long"
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How many public vectors were checked, where any were."""
    passed = terminalreporter.getreports("passed")
    counts = sorted(value for report in passed for name, value in report.user_properties if name == "vectors")
    if counts:
        terminalreporter.section("public vectors")
        for count in counts:
            terminalreporter.line(count)


@pytest.fixture(autouse=True)
def fresh_attempt_limit() -> Iterator[None]:
    """What a process has counted of one test's attempts is nothing to the next."""
    yield
    attempt_limit._shares.clear()


@pytest.fixture(autouse=True)
def fresh_cache() -> Iterator[None]:
    """Nor is what was counted in the cache."""
    yield
    cache.clear()


@pytest.fixture
def alice(db: None) -> User:
    return get_user_model().objects.create_user("alice", organization="northwind")


@pytest.fixture
def bob(db: None) -> User:
    return get_user_model().objects.create_user("bob", organization="greenfleet")


@pytest.fixture
def api() -> APIClient:
    from rest_framework.test import APIClient

    return APIClient()


@pytest.fixture
def tokenauth_settings(settings: Any) -> Callable[..., None]:
    """Change keys of ``TOKENAUTH`` for one test."""

    def change(**keys: Any) -> None:
        settings.TOKENAUTH = {**settings.TOKENAUTH, **keys}

    return change


@pytest.fixture
def use_mail_backend(settings: Any) -> Callable[[str], None]:
    """Send mail by the backend of this path, for the rest of one test."""

    def use(path: str) -> None:
        if django.VERSION >= (6, 1):
            settings.MAILERS = {"default": {"BACKEND": path}}
        else:
            settings.EMAIL_BACKEND = path

    return use


def statements_of_a_revocation() -> list[str]:
    """Which verbs revoke tokens: on PostgreSQL a second one sees what was made while the first one waited.

    On MariaDB keys are read, locked, read and written, and looked for once more.
    """
    verbs = {"postgresql": "UPDATE UPDATE", "mysql": "SELECT SELECT SELECT UPDATE SELECT"}
    return verbs.get(connection.vendor, "UPDATE").split()


def updates_of_a_revocation() -> int:
    """Those of them that write."""
    return statements_of_a_revocation().count("UPDATE")


def bearer(token: AccessToken | str) -> dict[str, str]:
    """The header of a request with ``token``, for Django's and REST framework's test clients."""
    return {"HTTP_AUTHORIZATION": f"Bearer {token if isinstance(token, str) else token.raw_token}"}

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent

PLAIN_DOORS = ["/plain/function", "/plain/class", "/plain/async"]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Under a project's settings, its own tests and the scenarios; else what runs each project."""
    if collection_path.parent != HERE:
        return None
    project = Path(*settings.SETTINGS_MODULE.split(".")).parent.name
    is_project = settings.SETTINGS_MODULE.startswith("tests.projects.")
    wanted = {"scenarios", project} if is_project else {"test_projects.py"}
    return None if collection_path.name in wanted else True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "door" in metafunc.fixturenames:
        rest = ["/rest"] if apps.is_installed("rest_framework") else []
        metafunc.parametrize("door", PLAIN_DOORS + rest)


@pytest.fixture
def make_user(db: None) -> Callable[..., Any]:
    """Makes a user of whichever model, by a name that each of them takes."""

    def make(name: str, **fields: Any) -> Any:
        user_model = get_user_model()
        return user_model._default_manager.create_user(**{user_model.USERNAME_FIELD: name}, **fields)

    return make


@pytest.fixture
def alice(make_user: Callable[..., Any]) -> Any:
    return make_user("alice@example.com")

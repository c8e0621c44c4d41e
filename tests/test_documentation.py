"""What the documentation says is true: its examples run, its lists are whole."""

from __future__ import annotations

import ast
import re
from datetime import timedelta
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from django.dispatch import Signal
from django.test.utils import override_settings
from django.urls import clear_url_caches, path
from rest_framework.test import APIClient

import tokenauth.signals
from tests.conftest import bearer
from tokenauth.checks import check_settings, check_views
from tokenauth.conf import KEYS, conf
from tokenauth.exceptions import Reason
from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from testproject.accounts.models import User

ROOT = Path(tokenauth.__file__).parents[1]
HOW_TO = ROOT / "docs" / "adding-to-a-project.md"
REFERENCE = ROOT / "docs" / "reference.md"
OPERATING = ROOT / "docs" / "operating.md"
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", HOW_TO, OPERATING, REFERENCE]


def example(page: Path, name: str) -> str:
    """The Python example whose first line is the comment ``# name``."""
    pattern = rf"^ *```python\n *# {re.escape(name)}\n(.*?)^ *```"
    (found,) = re.findall(pattern, page.read_text(), re.DOTALL | re.MULTILINE)
    return dedent(found)


def run(source: str, **names: Any) -> dict[str, Any]:
    namespace = {"__name__": "example", **names}
    exec(compile(source, "example", "exec"), namespace)  # noqa: S102
    return namespace


@pytest.mark.django_db
def test_the_how_to(alice: User) -> None:
    configured = run(example(HOW_TO, "scopes"))["TOKENAUTH"]
    with override_settings(TOKENAUTH=configured):
        assert check_settings(None) == []
        views = run(example(HOW_TO, "views"))
        urlconf = ModuleType("urlconf")
        urlconf.urlpatterns = [  # type: ignore[attr-defined]
            path("reports", views["Reports"].as_view()),
            path("summary", views["Summary"].as_view()),
            path("health", views["health"]),
        ]
        with override_settings(ROOT_URLCONF=urlconf):
            clear_url_caches()
            assert check_views(None) == []
            run(example(HOW_TO, "user"), user=alice)
            assert [token.name for token in alice.access_tokens.usable()] == ["Script"]
            run(example(HOW_TO, "tests"))["test_reading_is_not_writing"](alice)
            writer = bearer(alice.generate_access_token("w", ["write:reports"]))
            for url, status in (("/reports", 200), ("/summary", 200), ("/health", 403)):
                assert APIClient().get(url, **writer).status_code == status
    clear_url_caches()


@pytest.mark.django_db
def test_the_attempts_of_a_leaked_token(alice: User, api: APIClient) -> None:
    token = alice.generate_access_token("leaked", [])
    api.get("/inventory-service/sites", **bearer(token))
    found = run(example(OPERATING, "leaked"), leaked=token.raw_token)["attempts"]
    assert list(found) == list(TokenLogin.objects.all())
    assert found.count() == 1


def test_every_setting_reason_and_signal_is_in_the_reference() -> None:
    reference = REFERENCE.read_text()
    signals = [name for name, value in vars(tokenauth.signals).items() if isinstance(value, Signal)]
    assert len(signals) == 4
    for name in (*KEYS, *Reason.values, *signals):
        assert f"| `{name}` |" in reference, name


def test_nothing_else_is_in_the_reference() -> None:
    reference = REFERENCE.read_text()
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", reference, re.MULTILINE)) == KEYS
    assert set(re.findall(r"^\| `([a-z_]+)` \| 40[13] \|", reference, re.MULTILINE)) == set(Reason.values)
    for name, status in re.findall(r"^\| `([a-z_]+)` \| (40[13]) \|", reference, re.MULTILINE):
        assert Reason(name).status == int(status)


def test_the_reference_has_the_defaults() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", REFERENCE.read_text(), re.MULTILINE)
    spelled = {"365 days": timedelta(days=365), "1 minute": timedelta(minutes=1)}
    with override_settings(TOKENAUTH={}):
        for name, default in rows:
            value = spelled[default] if default in spelled else ast.literal_eval(default.strip("`"))
            assert getattr(conf, name) == value, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!http)([^)#]+)[^)]*\)", page.read_text())
    assert targets
    for target in targets:
        assert (page.parent / target).exists(), target


def test_the_readme_has_the_command_that_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text()
    for name in ("demo", "tests"):
        assert re.search(rf"<!-- command: {name} -->\n```sh\npython3 -m venv \.venv && .*\n```", readme)

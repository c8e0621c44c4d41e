"""Each request of the page on managing tokens over HTTP, as it is printed, in its order."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import clear_url_caches, include, path

from tests.test_documentation import MANAGING, example, run
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def served(settings: Any) -> Iterator[None]:
    """The URLs that the page adds, and no others."""
    made: ModuleType = type(pytest)("served")
    made.urlpatterns = run(  # type: ignore[attr-defined]
        example(MANAGING, "urls.py: managing"), urlpatterns=[], path=path, include=include
    )["urlpatterns"]
    settings.ROOT_URLCONF = made
    clear_url_caches()
    yield
    clear_url_caches()


def send(words: list[str]) -> Any:
    """The answer to a line of curl."""
    method, headers, body, url = "", {}, None, ""
    words = list(words)
    while words:
        word = words.pop(0)
        if word == "-X":
            method = words.pop(0)
        elif word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = words.pop(0)
        else:
            url = word
    parts = urlsplit(url)
    client: Any = Client()
    return client.generic(
        method or "GET",
        f"{parts.path}?{parts.query}",
        body or "",
        content_type=headers.pop("Content-Type", "application/octet-stream"),
        headers=headers,
    )


def test_managing_over_http(served: None, alice: User, tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(SCOPES={"read:reports": "Read reports"})
    manager = alice.generate_access_token("m", ["tokens:manage", "read:reports"])
    old = alice.generate_access_token("old", ["read:reports"])
    stands_for = {"$MANAGER": manager.raw_token, "$TOKEN": old.raw_token, "pat_...": old.raw_token}
    page = MANAGING.read_text().replace("\\\n", " ").replace("/17/", f"/{old.pk}/")
    for name, text in stands_for.items():
        page = page.replace(name, str(text))
    lines = re.findall(r"^curl (.*)$", page, re.MULTILINE)
    assert [send(shlex.split(line)).status_code for line in lines] == [201, 200, 200, 201, 204, 202]
    made = AccessToken.objects.get(name="build 17")
    assert made.scopes == ["read:reports"]
    old.refresh_from_db()
    assert old.status == "revoked"
    assert old.rotated_to.status == "active"  # type: ignore[attr-defined]

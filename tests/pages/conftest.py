from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

if TYPE_CHECKING:
    from django.test import Client

    from testproject.accounts.models import User
    from tokenauth.models import AccessToken

LIST, CREATE = "/tokens/", "/tokens/new/"
PASSWORD = "correct horse"
TOKEN = re.compile(r"(?:pat|ak_live|ak_test)_[0-9A-Za-z]{36}")


@pytest.fixture
def person(alice: User) -> User:
    """Alice, who has a password."""
    alice.set_password(PASSWORD)
    alice.save()
    return alice


@pytest.fixture
def page(person: User, client: Client) -> Client:
    """The browser of Alice, who has just signed in."""
    client.force_login(person)
    return client


def rotate_url(token: AccessToken) -> str:
    return reverse("tokenauth:token-rotate", args=[token.pk])


def revoke_url(token: AccessToken) -> str:
    return reverse("tokenauth:token-revoke", args=[token.pk])


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def key_of(answer: Any) -> str:
    """The key of the form that a page shows."""
    (key,) = re.findall(r'name="idempotency_key" value="([^"]+)"', text_of(answer))
    return str(key)


def filled(client: Client, **data: Any) -> dict[str, Any]:
    """The form of the page, filled; None leaves a field out."""
    given = {
        "name": "laptop",
        "kind": "personal",
        "scopes": ["read:sites"],
        "expires": "30d",
        "idempotency_key": key_of(client.get(CREATE)),
        **data,
    }
    return {name: value for name, value in given.items() if value is not None}


def make(client: Client, **data: Any) -> Any:
    """The answer to the form, sent."""
    return client.post(CREATE, filled(client, **data))


def shown(answer: Any) -> str:
    """The token's text that an answer shows: in its own field, and in the line to try it."""
    assert answer.status_code == 200
    texts = TOKEN.findall(text_of(answer))
    assert len(texts) == 2
    (text,) = set(texts)
    return str(text)


def errors_of(answer: Any) -> list[str]:
    """What the summary of errors says."""
    assert answer.status_code == 200
    html = text_of(answer)
    assert html.partition("<title>")[2].startswith("Error: ")
    (summary,) = re.findall(r'role="alert".*?<ul>(.*?)</ul>', html, re.DOTALL)
    items = re.findall(r"<li>(.*?)</li>", summary, re.DOTALL)
    return [unescape(re.sub("<.*?>", "", item)) for item in items]

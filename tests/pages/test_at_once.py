"""One form, sent by several requests at the same moment."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from tests.pages.conftest import CREATE, TOKEN, filled, rotate_url, text_of
from tests.services.threads import at_once
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)

TIMES = 8


def send(page: Client, url: str, data: dict[str, Any]) -> list[Any]:
    """The answers to one form that is sent so often, at once."""

    def one() -> Any:
        browser = Client()
        browser.cookies = page.cookies
        return browser.post(url, data)

    answers, _ = at_once([one] * TIMES)
    return answers


def look_at(answers: list[Any]) -> str:
    """One made a token and shows it; the others say so."""
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: TIMES - 1}
    (text,) = {text for answer in answers for text in TOKEN.findall(text_of(answer))}
    return str(text)


def test_a_token_is_made_once(page: Client, person: User) -> None:
    text = look_at(send(page, CREATE, filled(page)))
    assert AccessToken.objects.get() == AccessToken.objects.verify(text)


def test_a_token_is_rotated_once(page: Client, person: User) -> None:
    token = person.generate_access_token("laptop")
    text = look_at(send(page, rotate_url(token), {"overlap": "1d"}))
    assert AccessToken.objects.get(rotated_from=token) == AccessToken.objects.verify(text)
    assert AccessToken.objects.count() == 2

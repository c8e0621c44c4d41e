from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from tests.conftest import bearer
from tests.pages.conftest import LIST, revoke_url, text_of
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from django.test import Client
    from rest_framework.test import APIClient

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

SITES = "/inventory-service/sites"


def test_it_asks_first_and_says_what_stops(page: Client, person: User, api: APIClient) -> None:
    token = person.generate_access_token("laptop", ["read:sites"])
    assert "never used" in text_of(page.get(revoke_url(token)))
    assert api.get(SITES, REMOTE_ADDR="203.0.113.7", **bearer(token)).status_code == 200
    said = text_of(page.get(revoke_url(token)))
    assert "never used" not in said
    assert "from <bdi>203.0.113.7</bdi>" in said
    assert "is refused from then on" in said
    assert "goes on working" not in said
    assert api.get(SITES, **bearer(token)).status_code == 200


def test_it_stops(page: Client, person: User, api: APIClient) -> None:
    token, other = (person.generate_access_token(name, ["read:sites"]) for name in ("laptop", "other"))
    answer = page.post(revoke_url(token), follow=True)
    assert answer.redirect_chain == [(LIST, 302)]
    assert "“<bdi>laptop</bdi>” was revoked: it works no more." in text_of(answer)
    assert api.get(SITES, **bearer(token)).status_code == 401
    assert api.get(SITES, **bearer(other)).status_code == 200
    token.refresh_from_db()
    assert (token.revoked_by, token.revoked_reason) == (person, "")


def test_the_others_of_its_family_are_named_and_go_on(page: Client, person: User, bob: User) -> None:
    old = person.generate_access_token("laptop")
    new = old.rotate()
    for token, other in ((old, new), (new, old)):
        said = text_of(page.get(revoke_url(token)))
        assert "goes on working" in said
        assert other.hint in said
    page.post(revoke_url(new))
    old.refresh_from_db()
    assert old.status == "active"
    assert "goes on working" not in text_of(page.get(revoke_url(old)))


def test_twice_is_once(page: Client, person: User) -> None:
    token = person.generate_access_token("laptop")
    page.post(revoke_url(token))
    first = AccessToken.objects.values().get()
    for ask in (page.get, page.post):
        answer = ask(revoke_url(token), follow=True)
        assert answer.redirect_chain == [(LIST, 302)]
        assert "“<bdi>laptop</bdi>” was revoked before. Nothing was changed." in text_of(answer)
    assert AccessToken.objects.values().get() == first


def test_what_somebody_else_revoked_meanwhile_stays_theirs(page: Client, person: User, bob: User) -> None:
    token = person.generate_access_token("laptop")
    assert page.get(revoke_url(token)).status_code == 200
    token.revoke("leaked", by=bob)
    assert "was revoked before" in text_of(page.post(revoke_url(token), follow=True))
    token.refresh_from_db()
    assert (token.revoked_by, token.revoked_reason) == (bob, "leaked")


def test_what_has_ended_otherwise_is_revoked_for_good(page: Client, person: User) -> None:
    token = person.generate_access_token("laptop")
    AccessToken.objects.update(created_at=timezone.now() - timedelta(days=366))
    assert "It has ended already." in text_of(page.get(revoke_url(token)))
    page.post(revoke_url(token))
    token.refresh_from_db()
    assert token.status == "revoked"

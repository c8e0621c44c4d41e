"""Two at once: of a code, and of a refresh token, one is served, and the other is told so."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from oauth2_provider.models import get_access_token_model, get_refresh_token_model

from tests.oauth.requests import code_of, redeem, refresh, sign_in, sites
from tests.services.threads import at_once
from tokenauth.oauth import authorizations
from tokenauth.oauth.models import Authorization
from tokenauth.oauth.validator import Validator

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from testproject.accounts.models import User


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], list[Any]]:
    """Let something happen between a request's questions and its writing; what came of it."""
    save = Validator.save_bearer_token

    def arrange(action: Callable[[], Any]) -> list[Any]:
        pending, results = [action], []

        def save_after(self: Any, *args: Any, **kwargs: Any) -> Any:
            while pending:
                results.append(pending.pop()())
            return save(self, *args, **kwargs)

        monkeypatch.setattr(Validator, "save_bearer_token", save_after)
        return results

    return arrange


@pytest.mark.django_db
def test_two_refreshes(alice: User, first_party: Any, meanwhile: Any) -> None:
    token = sign_in().json()["refresh_token"]
    winners = meanwhile(lambda: refresh(token))

    loser = refresh(token)

    assert loser.status_code == 401
    assert loser.json()["error"]["reason"] == "invalid_grant"
    (winner,) = winners
    assert winner.status_code == 200
    # It may have been one impatient client: the family lives.
    assert sites(winner.json()["access_token"]).status_code == 200
    assert get_refresh_token_model().objects.filter(revoked__isnull=True).count() == 1
    assert get_access_token_model().objects.count() == 1


@pytest.mark.django_db
def test_two_redemptions(browser: Client, third_party: Any, meanwhile: Any) -> None:
    code = code_of(browser, "third-party")
    winners = meanwhile(lambda: redeem(code))

    loser = redeem(code)

    assert (loser.status_code, loser.json()["error"]) == (400, "invalid_grant")
    (winner,) = winners
    assert winner.status_code == 200
    assert get_access_token_model().objects.count() == 1
    assert Authorization.objects.count() == 1


@pytest.mark.django_db
def test_a_refresh_of_what_ends_meanwhile(alice: User, first_party: Any, meanwhile: Any) -> None:
    members = sign_in().json()
    meanwhile(lambda: authorizations.end_all_of(alice, "for the test"))

    assert refresh(members["refresh_token"]).status_code == 401
    assert get_access_token_model().objects.count() == 0
    assert get_refresh_token_model().objects.filter(revoked__isnull=True).count() == 0


@pytest.mark.django_db
def test_a_code_of_whoever_is_deactivated_meanwhile(
    browser: Client, alice: User, third_party: Any, meanwhile: Any
) -> None:
    code = code_of(browser, "third-party")
    meanwhile(lambda: authorizations.end_all_of(alice, "for the test"))

    assert redeem(code).status_code == 400
    assert get_access_token_model().objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_many_refreshes_at_once(alice: User, first_party: Any) -> None:
    token = sign_in().json()["refresh_token"]

    answers, _ = at_once([lambda: refresh(token)] * 4)

    # One whose question comes late is told of as a reuse, which ends the family.
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    assert get_refresh_token_model().objects.filter(revoked__isnull=True).count() <= 1


@pytest.mark.django_db(transaction=True)
def test_many_redemptions_at_once(browser: Client, third_party: Any) -> None:
    code = code_of(browser, "third-party")

    answers, _ = at_once([lambda: redeem(code)] * 4)

    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    assert Authorization.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_refresh_beside_the_end_of_it_all(alice: User, first_party: Any) -> None:
    for _ in range(3):
        token = sign_in().json()["refresh_token"]

        at_once([partial(refresh, token), lambda: authorizations.end_all_of(alice, "test")])

        assert get_access_token_model().objects.count() == 0, connection.vendor
        assert get_refresh_token_model().objects.filter(revoked__isnull=True).count() == 0


@pytest.mark.django_db
def test_a_sign_in_by_a_password_that_is_changed_meanwhile(
    alice: User, first_party: Any, meanwhile: Any
) -> None:
    def change() -> None:
        alice.set_password("another")
        alice.save()

    meanwhile(change)

    assert sign_in().status_code == 401
    assert get_access_token_model().objects.count() == 0
    assert Authorization.objects.count() == 0

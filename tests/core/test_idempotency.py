"""One form makes one token."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine
from django.core import signing
from django.core.exceptions import ValidationError

from tokenauth.core import idempotency, lifecycle
from tokenauth.exceptions import AlreadyIssued
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db


def test_a_key_stands_for_one_family(alice: User) -> None:
    key = idempotency.new_key(alice)
    assert idempotency.family_of(key, alice) == idempotency.family_of(key, alice)
    assert idempotency.family_of(idempotency.new_key(alice), alice) != idempotency.family_of(key, alice)


def test_for_a_day(alice: User) -> None:
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as clock:
        key = idempotency.new_key(alice)
        clock.shift(timedelta(days=1))
        assert idempotency.family_of(key, alice)
        clock.shift(timedelta(seconds=2))
        with pytest.raises(ValidationError, match="open for too long"):
            idempotency.family_of(key, alice)


def test_for_nobody_else(alice: User, bob: User) -> None:
    with pytest.raises(ValidationError):
        idempotency.family_of(idempotency.new_key(alice), bob)


@pytest.mark.parametrize(
    "key", [None, "", "x", "a:b:c", 1, signing.dumps(["00000000-0000-0000-0000-000000000000", "1"])]
)
def test_what_was_not_signed_for_it_is_none(alice: User, key: object) -> None:
    with pytest.raises(ValidationError):
        idempotency.family_of(key, alice)


def test_the_second_makes_none_whatever_became_of_the_first(alice: User) -> None:
    family = idempotency.family_of(idempotency.new_key(alice), alice)
    first = lifecycle.issue(alice, "a", [], family=family)
    assert first.family == family
    first.rotate()
    first.revoke()
    before = AccessToken.objects.count()
    with pytest.raises(AlreadyIssued) as refused:
        lifecycle.issue(alice, "b", [], family=family)
    assert refused.value.token == first
    assert AccessToken.objects.count() == before


def test_nor_where_the_first_was_the_last_that_the_user_may_have(
    alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(MAX_TOKENS_PER_USER=1)
    family = idempotency.family_of(idempotency.new_key(alice), alice)
    lifecycle.issue(alice, "a", [], family=family)
    with pytest.raises(AlreadyIssued):
        lifecycle.issue(alice, "a", [], family=family)
    tokenauth_settings(MAX_TOKENS_PER_USER=1, MAX_TOKENS_REACHED="revoke_oldest")
    with pytest.raises(AlreadyIssued):
        lifecycle.issue(alice, "a", [], family=family)
    assert AccessToken.objects.usable().count() == 1

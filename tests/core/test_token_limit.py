from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.utils import timezone

from tokenauth.models import AccessToken
from tokenauth.signals import token_revoked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(timezone.now(), tick=False) as coordinates:
        yield coordinates


def names(user: User) -> list[str]:
    return [token.name for token in user.access_tokens.usable()]


def test_one_more_is_refused_and_says_why(
    alice: User, bob: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(MAX_TOKENS_PER_USER=2)
    for name in ("first", "second"):
        alice.generate_access_token(name)
    with pytest.raises(ValidationError) as error:
        alice.generate_access_token("third")
    assert error.value.message_dict == {
        "user": ["The user has 2 tokens, which are as many as a user may have."]
    }
    assert names(alice) == ["first", "second"]
    assert AccessToken.objects.count() == 2
    assert bob.generate_access_token("another's").raw_token


def test_keys_count_as_well(alice: User, tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(MAX_TOKENS_PER_USER=1)
    alice.generate_access_token("key", kind="api_key", environment="live")
    with pytest.raises(ValidationError, match="The user has 1 token,"):
        alice.generate_access_token("t")


def test_what_has_ended_does_not_count(
    alice: User, tokenauth_settings: Callable[..., None], clock: time_machine.Coordinates
) -> None:
    tokenauth_settings(MAX_TOKENS_PER_USER=1)
    alice.generate_access_token("revoked").revoke()
    alice.generate_access_token("expired", expires_at=timezone.now() + timedelta(hours=1))
    clock.shift(timedelta(hours=1))
    alice.generate_access_token("unused")
    clock.shift(timedelta(days=366))
    alice.generate_access_token("active")
    with pytest.raises(ValidationError):
        alice.generate_access_token("one more")


def test_the_oldest_makes_room(
    alice: User, tokenauth_settings: Callable[..., None], clock: time_machine.Coordinates
) -> None:
    tokenauth_settings(MAX_TOKENS_PER_USER=2, MAX_TOKENS_REACHED="revoke_oldest")
    revoked: list[Any] = []

    def note(sender: Any, token: AccessToken, **kwargs: Any) -> None:
        revoked.append((token.name, token.revoked_reason))

    token_revoked.connect(note)
    try:
        for name in ("first", "second", "third"):
            alice.generate_access_token(name)
            clock.shift(60)
    finally:
        token_revoked.disconnect(note)
    assert names(alice) == ["second", "third"]
    assert revoked == [("first", "A newer token took its place.")]


def test_a_limit_that_was_lowered_ends_as_many_as_it_takes(
    alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    for name in ("1", "2", "3"):
        alice.generate_access_token(name)
    tokenauth_settings(MAX_TOKENS_PER_USER=2, MAX_TOKENS_REACHED="revoke_oldest")
    alice.generate_access_token("4")
    assert names(alice) == ["3", "4"]


def test_rotating_adds_none(
    alice: User, tokenauth_settings: Callable[..., None], clock: time_machine.Coordinates
) -> None:
    tokenauth_settings(MAX_TOKENS_PER_USER=2)
    first = alice.generate_access_token("first")
    clock.shift(60)
    alice.generate_access_token("second")
    clock.shift(60)
    first.rotate()
    with pytest.raises(ValidationError, match="as many"):
        alice.generate_access_token("third")
    tokenauth_settings(MAX_TOKENS_PER_USER=2, MAX_TOKENS_REACHED="revoke_oldest")
    clock.shift(60)
    alice.generate_access_token("third")
    # The one that was rotated just now is not the oldest, and neither of its two is ended.
    assert names(alice) == ["first", "first", "third"]


def test_under_a_limit_that_was_lowered_it_is_rotated_all_the_same(
    alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokens = [alice.generate_access_token(name) for name in ("1", "2", "3")]
    tokenauth_settings(MAX_TOKENS_PER_USER=2)
    assert tokens[0].rotate().raw_token


def test_rotating_one_after_the_other_is_one_more_each_time(
    alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    """With a long overlap, each of them lives on."""
    tokenauth_settings(MAX_TOKENS_PER_USER=1)
    second = alice.generate_access_token("t").rotate(timedelta(days=30))
    with pytest.raises(ValidationError, match="as many"):
        second.rotate()
    assert alice.access_tokens.usable().count() == 2
    tokenauth_settings(MAX_TOKENS_PER_USER=1, MAX_TOKENS_REACHED="revoke_oldest")
    fourth = second.rotate(timedelta(days=30)).rotate(timedelta(days=30))
    assert [fourth.rotated_from, fourth] == list(alice.access_tokens.usable())


def test_the_newest_is_not_the_oldest_whenever_it_was_begun(
    alice: User, tokenauth_settings: Callable[..., None], clock: time_machine.Coordinates
) -> None:
    tokenauth_settings(MAX_TOKENS_PER_USER=1, MAX_TOKENS_REACHED="revoke_oldest")
    alice.generate_access_token("first")
    # As of one that waited for its turn.
    clock.shift(-60)
    alice.generate_access_token("second")
    assert names(alice) == ["second"]


def test_a_key_that_moves_to_another_owner_is_one_more_there(
    alice: User, bob: User, tokenauth_settings: Callable[..., None]
) -> None:
    key = alice.generate_access_token("key", kind="api_key", environment="live")
    bob.generate_access_token("bob's")
    tokenauth_settings(MAX_TOKENS_PER_USER=1)
    with pytest.raises(ValidationError, match="as many"):
        key.rotate(owner=bob)
    key.refresh_from_db()
    assert key.rotated_at is None
    assert key.rotate().raw_token


def test_without_a_limit_making_one_costs_one_statement(alice: User, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        alice.generate_access_token("t")

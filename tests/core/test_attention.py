from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.utils import timezone

from tokenauth.core.attention import Attention, wants
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
def token(alice: User) -> AccessToken:
    return alice.generate_access_token("t")


def wanted(attention: Attention, **columns: Any) -> bool:
    """Whether the one token wants it, once its columns are these."""
    AccessToken.objects.update(**columns)
    return AccessToken.objects.filter(wants(attention)).exists()


@pytest.mark.parametrize(
    ("created", "used", "is_wanted"),
    [
        (100 * DAY, None, True),
        (90 * DAY, None, False),
        (90 * DAY + SECOND, None, True),
        (100 * DAY, 90 * DAY + SECOND, True),
        (100 * DAY, 90 * DAY, False),
        (DAY, None, False),
    ],
)
def test_unused_for_90_days(
    token: AccessToken, created: timedelta, used: timedelta | None, is_wanted: bool
) -> None:
    now = timezone.now()
    columns = {"created_at": now - created, "last_used_at": None if used is None else now - used}
    assert wanted(Attention.UNUSED, **columns) == is_wanted


@pytest.mark.parametrize(
    ("expires", "is_wanted"),
    [(None, False), (SECOND, True), (30 * DAY, True), (30 * DAY + SECOND, False), (-SECOND, False)],
)
def test_expires_within_30_days(token: AccessToken, expires: timedelta | None, is_wanted: bool) -> None:
    expires_at = None if expires is None else timezone.now() + expires
    assert wanted(Attention.EXPIRING, expires_at=expires_at) == is_wanted


def test_an_old_key_that_is_still_in_use(token: AccessToken, clock: time_machine.Traveller) -> None:
    def old() -> list[AccessToken]:
        return list(AccessToken.objects.filter(wants(Attention.REPLACED)))

    AccessToken.objects.update(last_used_at=timezone.now() - SECOND)
    token.rotate(DAY)
    assert old() == []
    clock.shift(60 * SECOND)
    AccessToken.objects.update(last_used_at=timezone.now())
    # Not the successor, which is used as it should be.
    assert old() == [token]
    clock.shift(DAY)
    assert old() == []


@pytest.mark.parametrize("attention", Attention)
def test_what_has_ended_wants_none(token: AccessToken, attention: Attention) -> None:
    now = timezone.now()
    columns = {
        Attention.UNUSED: {"created_at": now - 100 * DAY},
        Attention.EXPIRING: {"expires_at": now + DAY},
        Attention.REPLACED: {"rotated_at": now - DAY, "last_used_at": now},
    }[attention]
    assert wanted(attention, **columns)
    assert not wanted(attention, revoked_at=now)


def test_what_is_unused_for_longer_than_it_may_be_has_ended(
    token: AccessToken, tokenauth_settings: Callable[..., None]
) -> None:
    long_ago = timezone.now() - 400 * DAY
    assert not wanted(Attention.UNUSED, created_at=long_ago)
    tokenauth_settings(UNUSED_TOKEN_LIFETIME=None)
    assert wanted(Attention.UNUSED, created_at=long_ago)

"""What is deleted of devices, and what is not yet."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone

from tests.devices.device import active_device, application_version
from tokenauth.core import batches
from tokenauth.devices.models import Activation, ApplicationVersion, TemporaryKey, UsedNonce
from tokenauth.devices.pruning import MARGIN, prunable

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

Status = Activation.Status
MONTH, SECOND = timedelta(days=30), timedelta(seconds=1)
NOW = timezone.now()


def prune(batch: int = 5000) -> dict[str, int]:
    return {each.name: sum(each.delete(batch)) for each in prunable(NOW, MONTH)}


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"status": Status.REMOVED, "removed_at": NOW - MONTH}, "removed activation"),
        ({"status": Status.REMOVED, "removed_at": NOW - MONTH + SECOND}, None),
        ({"status": Status.CREATED, "expires_at": NOW - MONTH}, "unfinished activation"),
        ({"status": Status.PENDING_COMMIT, "expires_at": NOW - MONTH}, "unfinished activation"),
        ({"status": Status.CREATED, "expires_at": NOW - MONTH + SECOND}, None),
        ({"status": Status.ACTIVE, "expires_at": NOW - 2 * MONTH}, None),
        ({"status": Status.BLOCKED, "expires_at": NOW - 2 * MONTH, "blocked_at": NOW - 2 * MONTH}, None),
    ],
)
def test_activations_that_ended_long_ago(fields: dict[str, Any], kind: str | None, alice: User) -> None:
    active_device(alice, **fields)
    counts = prune()
    assert {name for name, count in counts.items() if count} == ({kind} if kind else set())
    assert Activation.objects.exists() is (kind is None)


@pytest.mark.parametrize(("ago", "is_left"), [(MARGIN, False), (MARGIN - SECOND, True)])
def test_keys_and_nonces_whose_time_is_over(ago: timedelta, is_left: bool) -> None:
    TemporaryKey.objects.create(version=application_version(), private_key=b"k" * 32, expires_at=NOW - ago)
    UsedNonce.objects.create(token_id=uuid4(), nonce="0" * 32, expires_at=NOW - ago)
    prune()
    assert TemporaryKey.objects.exists() is UsedNonce.objects.exists() is is_left


def test_a_few_at_a_time() -> None:
    for number in range(5):
        UsedNonce.objects.create(token_id=uuid4(), nonce=f"{number:032}", expires_at=NOW - MONTH)
    nonces = next(each for each in prunable(NOW, MONTH) if each.name == "used nonce")
    assert list(nonces.delete(2)) == [2, 2, 1]


def test_what_refers_to_a_release_is_parted_a_few_at_a_time_whatever_the_order_of_its_keys(
    alice: User,
) -> None:
    # MariaDB looks at the end of a UUID first.
    keys = [UUID("00000000-0000-4000-8000-000000000009"), UUID("ffffffff-0000-4000-8000-000000000001")]
    for key in keys:
        release = application_version()
        release.pk, release.key, release.name = key, key.hex[-24:], "1.1"
        release.secret = key.bytes
        release.save(force_insert=True)
        for _ in range(3):
            active_device(alice, release)
    parted = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith("UPDATE"):
            parted.append(context["cursor"].rowcount)
        return result

    with connection.execute_wrapper(note):
        assert list(batches.delete(ApplicationVersion.objects.filter(pk__in=keys), "created_at", 2)) == [2]
    assert (sum(parted), max(parted)) == (6, 2)

"""Several people decide of one activation at once: one does, and the others are told so."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.devices.device import active_device
from tests.services.threads import at_once
from tokenauth.devices import lifecycle
from tokenauth.devices.exceptions import ActivationConflict
from tokenauth.devices.models import Activation, DeviceToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)

Status = Activation.Status
THREADS = 8


def outcome(act: Callable[[Activation], Activation], activation: Activation) -> str:
    try:
        act(activation)
    except ActivationConflict as conflict:
        return conflict.reason
    return "done"


@pytest.mark.parametrize(
    ("act", "before", "then"),
    [
        (lifecycle.commit, Status.PENDING_COMMIT, "active"),
        (lifecycle.block, Status.ACTIVE, "blocked"),
        (lifecycle.unblock, Status.BLOCKED, "active"),
        (lifecycle.remove, Status.ACTIVE, "removed"),
    ],
    ids=["commit", "block", "unblock", "remove"],
)
def test_each_is_done_once(
    act: Callable[[Activation], Activation], before: Status, then: str, alice: User
) -> None:
    _, activation = active_device(alice, status=before)
    outcomes, _ = at_once([partial(outcome, act, activation)] * THREADS)
    assert sorted(outcomes) == sorted(["done", *[then] * (THREADS - 1)])


def test_what_is_removed_is_not_brought_back(alice: User) -> None:
    for _ in range(5):
        _, activation = active_device(alice, status=Status.BLOCKED)
        DeviceToken.objects.create(activation=activation, secret=b"s" * 16, signature_type="possession")
        acts = [lifecycle.unblock, lifecycle.remove, lifecycle.block] * 2
        at_once([partial(outcome, act, activation) for act in acts])
        row = Activation.objects.get(pk=activation.pk)
        assert (row.status, row.encrypted_server_private_key) == (Status.REMOVED, "")
    assert not DeviceToken.objects.exists()

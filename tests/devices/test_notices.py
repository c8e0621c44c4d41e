"""People are told by mail what others do with their devices, where ``NOTIFY_OWNER`` says so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.db import transaction

from tests.devices.device import active_device, application_version
from tests.devices.installation import activated
from tokenauth.devices import lifecycle
from tokenauth.devices.models import Activation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.core.mail import EmailMessage

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(datetime(2026, 6, 1, 12, tzinfo=UTC), tick=False):
        yield


@pytest.fixture(autouse=True)
def _notify_owner(tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(NOTIFY_OWNER=True)


@pytest.fixture
def alice(alice: User) -> User:
    alice.email = "alice@example.com"
    alice.save()
    return alice


def test_the_owner_is_told_of_a_code_that_somebody_else_made(
    alice: User, bob: User, mailoutbox: list[EmailMessage]
) -> None:
    made = lifecycle.create(alice, application_version().application, by=bob)
    (mail,) = mailoutbox
    assert mail.to == ["alice@example.com"]
    assert mail.subject == "A code was made with which a device can act in your name"
    assert str(mail.body).splitlines() == [
        "Hello alice,",
        "",
        "bob made a code: the device that is activated with it acts in your name.",
        "",
        f"Activation: {made.activation.pk}",
        "Application: Field app",
        "Made: 2026-06-01 12:00 UTC",
        "Expires: 2026-06-01 12:05 UTC",
        "",
        "If you do not know why, ask those who run the site: they can end it at once.",
    ]
    assert made.code not in str(mail.message())


@pytest.mark.parametrize(
    ("act", "subject", "says"),
    [
        (lifecycle.block, "Your device was blocked: Tablet", "Reason: Stolen."),
        (lifecycle.remove, "Your device was removed: Tablet", "a new code"),
    ],
)
def test_the_owner_is_told_what_somebody_else_stopped(
    act: Callable[..., Activation], subject: str, says: str, alice: User, mailoutbox: list[EmailMessage]
) -> None:
    reason: dict[str, Any] = {"reason": "Stolen."} if act is lifecycle.block else {}
    act(active_device(alice)[1], **reason)
    (mail,) = mailoutbox
    assert mail.subject == subject
    assert says in mail.body
    assert "By: a command or a program of the site" in mail.body


def test_nobody_is_told_of_what_they_did_themselves(alice: User, mailoutbox: list[EmailMessage]) -> None:
    application = application_version().application
    lifecycle.create(alice, application, by=alice)
    lifecycle.block(active_device(alice)[1], by=alice)
    assert not mailoutbox
    device = activated(alice)
    # It came of a code that a program made.
    mailoutbox.clear()
    assert device.send("/pa/v3/activation/remove").status == 200
    assert Activation.objects.get(pk=device.activation_id).status == Activation.Status.REMOVED
    assert not mailoutbox


def test_nobody_is_told_of_a_code_that_no_device_used(
    alice: User, bob: User, mailoutbox: list[EmailMessage]
) -> None:
    made = lifecycle.create(alice, application_version().application, by=alice)
    lifecycle.remove(made.activation, by=bob)
    assert not mailoutbox


def test_nobody_is_told_of_what_did_not_happen(alice: User, mailoutbox: list[EmailMessage]) -> None:
    with transaction.atomic():
        lifecycle.create(alice, application_version().application)
        transaction.set_rollback(True)
    assert not mailoutbox


def test_nobody_is_told_unless_the_project_says_so(
    alice: User, mailoutbox: list[EmailMessage], tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(NOTIFY_OWNER=False)
    lifecycle.create(alice, application_version().application)
    lifecycle.remove(active_device(alice)[1])
    assert not mailoutbox

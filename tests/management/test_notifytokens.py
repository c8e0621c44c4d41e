from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.core.mail.backends.base import BaseEmailBackend
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from testproject.accounts.models import User
from tokenauth.core import expiry_notices
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.core.mail import EmailMessage

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
EXPIRE_ADVICE = (
    "What still needs one of them needs another before that: make a new one, or ask those "
    "who run the site for one, and replace it where it is used."
)
WORKING = "django.core.mail.backends.locmem.EmailBackend"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture(autouse=True)
def _addresses(alice: User, bob: User) -> None:
    for user in (alice, bob):
        user.email = f"{user.username}@example.com"
        user.save()


def make(user: User, name: str, days: float | None, **fields: Any) -> AccessToken:
    """A token that expires in so many days."""
    token = user.generate_access_token(name, ["read:sites"])
    expires_at = None if days is None else timezone.now() + days * DAY
    AccessToken.objects.filter(pk=token.pk).update(expires_at=expires_at, **fields)
    token.refresh_from_db()
    return token


def notifytokens(*args: str) -> tuple[str, str]:
    """What it prints, and what it complains of."""
    out, err = StringIO(), StringIO()
    call_command("notifytokens", *args, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def told(mailoutbox: list[EmailMessage]) -> list[tuple[str, list[str]]]:
    """To whom mail was sent since it was asked last, and the names of the tokens in it."""
    found = [
        (mail.to[0], [line[2:].split(" (")[0] for line in str(mail.body).splitlines() if line[:2] == "- "])
        for mail in mailoutbox
    ]
    mailoutbox.clear()
    return found


def test_each_owner_is_told_of_all_in_one_mail(
    alice: User, bob: User, mailoutbox: list[EmailMessage]
) -> None:
    script = make(alice, "R&D's <Script>", 20, last_used_at=NOON - 2 * DAY)
    laptop = make(alice, "Laptop", 5)
    make(bob, "Phone", 0.5)
    assert notifytokens() == ("Told 2 people of 3 tokens.\n", "")
    first, second = sorted(mailoutbox, key=lambda mail: mail.to)
    assert (first.to, first.subject) == (["alice@example.com"], "2 of your access tokens expire soon")
    assert (second.to, second.subject) == (["bob@example.com"], "Your access token expires soon: Phone")
    assert str(first.body).splitlines() == [
        "Hello alice,",
        "",
        "These access tokens of yours expire soon, and are refused from then on:",
        "",
        f"- Laptop ({laptop.hint})",
        "  Expires: 2026-06-06 12:00 UTC",
        "  Last used: never",
        "  Scopes: read:sites",
        "",
        f"- R&D's <Script> ({script.hint})",
        "  Expires: 2026-06-21 12:00 UTC",
        "  Last used: 2026-05-30 12:00 UTC",
        "  Scopes: read:sites",
        "",
        EXPIRE_ADVICE,
        "Of one that nothing uses any more, you need do nothing.",
    ]
    assert laptop.secret not in str(first.message())


def test_each_threshold_is_told_once(
    alice: User, mailoutbox: list[EmailMessage], clock: time_machine.Coordinates
) -> None:
    make(alice, "long", 45)
    make(alice, "short", 5)
    days_told: dict[str, list[int]] = {"long": [], "short": []}
    for day in range(46):
        clock.move_to(NOON + day * DAY)
        for _ in range(2):
            notifytokens()
        for _, names in told(mailoutbox):
            for name in names:
                days_told[name].append(day)
    assert days_told == {"long": [15, 38, 44], "short": [0, 4]}


@pytest.mark.parametrize(("days", "notice"), [(1, 1), (1.001, 7), (7, 7), (7.001, 30), (30, 30)])
def test_the_edges_of_the_thresholds(alice: User, days: float, notice: int) -> None:
    token = make(alice, "t", days)
    assert notifytokens()[0] == "Told 1 person of 1 token.\n"
    token.refresh_from_db()
    assert token.expiry_notice == notice


def test_a_run_that_was_missed_is_not_made_up_for(
    alice: User, mailoutbox: list[EmailMessage], clock: time_machine.Coordinates
) -> None:
    make(alice, "t", 31)
    notifytokens()
    clock.move_to(NOON + 30.5 * DAY)
    notifytokens()
    assert told(mailoutbox) == [("alice@example.com", ["t"])]


def rotated(user: User, name: str, **successor: Any) -> None:
    old = make(user, name, 5)
    new = make(user, f"successor of {name}", 90)
    AccessToken.objects.filter(pk=new.pk).update(rotated_from=old, **successor)


def test_only_what_is_used_and_replaced_by_nothing(
    alice: User, bob: User, mailoutbox: list[EmailMessage]
) -> None:
    make(alice, "for ever", None)
    make(alice, "later", 30.001)
    make(alice, "just expired", 0)
    make(alice, "expired", -1)
    make(alice, "revoked", 5, revoked_at=NOON)
    make(alice, "unused", 5, created_at=NOON - 400 * DAY)
    rotated(alice, "replaced")
    rotated(alice, "not replaced after all", revoked_at=NOON)
    make(bob, "of one who left", 5)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert notifytokens() == ("Told 1 person of 1 token.\n", "")
    assert told(mailoutbox) == [("alice@example.com", ["not replaced after all"])]
    User.objects.filter(pk=bob.pk).update(is_active=True)
    notifytokens()
    assert told(mailoutbox) == [("bob@example.com", ["of one who left"])]


def test_who_has_no_address_is_named_and_told_once_there_is_one(
    alice: User, mailoutbox: list[EmailMessage]
) -> None:
    token = make(alice, "t", 5)
    User.objects.filter(pk=alice.pk).update(email="")
    out, err = notifytokens()
    assert out == "Told 0 people of 0 tokens.\n"
    assert err == f"alice has no mail address: t ({token.hint}), expires 2026-06-06 12:00 UTC.\n"
    assert mailoutbox == []
    User.objects.filter(pk=alice.pk).update(email="alice@example.org")
    assert notifytokens() == ("Told 1 person of 1 token.\n", "")
    assert told(mailoutbox) == [("alice@example.org", ["t"])]


def test_a_dry_run_says_it_and_does_nothing(alice: User, bob: User, mailoutbox: list[EmailMessage]) -> None:
    one, two = make(alice, "one", 5), make(alice, "two", 20)
    make(bob, "three", 5)
    User.objects.filter(pk=bob.pk).update(email="")
    out, err = notifytokens("--dry-run")
    listed = f"one ({one.hint}), expires 2026-06-06 12:00 UTC, two ({two.hint}), expires 2026-06-21 12:00 UTC"
    assert out == f"alice <alice@example.com>: {listed}\nWould tell 1 person of 2 tokens.\n"
    assert err.startswith("bob has no mail address")
    assert mailoutbox == []
    assert not AccessToken.objects.filter(expiry_notice__isnull=False).exists()


class DownForAlice(BaseEmailBackend):
    """A mail server that refuses one address, and delivers the rest."""

    def send_messages(self, email_messages: Any) -> int:
        from django.core import mail

        for message in email_messages:
            if message.to == ["alice@example.com"]:
                raise ConnectionRefusedError(111, "Connection refused")
            mail.outbox.append(message)
        return len(email_messages)


class Killed(BaseEmailBackend):
    """Whoever runs it loses patience."""

    def send_messages(self, email_messages: Any) -> int:
        raise KeyboardInterrupt


def test_a_mail_that_fails_is_due_again_and_the_others_are_told(
    alice: User,
    bob: User,
    use_mail_backend: Callable[[str], None],
    mailoutbox: list[EmailMessage],
    clock: time_machine.Coordinates,
) -> None:
    make(alice, "told at 30", 30)
    notifytokens()
    clock.move_to(NOON + 25 * DAY)
    make(alice, "never told", 3)
    make(alice, "last", 20)
    make(bob, "t", 5)
    mailoutbox.clear()
    use_mail_backend(f"{__name__}.DownForAlice")
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError, match="1 person could not be told") as failed:
        call_command("notifytokens", stdout=out, stderr=err)
    assert failed.value.returncode == 1
    assert out.getvalue() == "Told 1 person of 1 token.\n"
    assert err.getvalue().startswith("alice could not be told: ConnectionRefusedError")
    assert told(mailoutbox) == [("bob@example.com", ["t"])]
    marks = {token.name: token.expiry_notice for token in AccessToken.objects.filter(user=alice)}
    assert marks == {"told at 30": 30, "never told": None, "last": None}
    use_mail_backend(WORKING)
    assert notifytokens() == ("Told 1 person of 3 tokens.\n", "")
    assert told(mailoutbox) == [("alice@example.com", ["never told", "told at 30", "last"])]


def test_one_that_is_interrupted_is_due_again(
    alice: User, use_mail_backend: Callable[[str], None], mailoutbox: list[EmailMessage]
) -> None:
    token = make(alice, "t", 5)
    use_mail_backend(f"{__name__}.Killed")
    with pytest.raises(KeyboardInterrupt):
        notifytokens()
    token.refresh_from_db()
    assert token.expiry_notice is None
    use_mail_backend(WORKING)
    notifytokens()
    assert told(mailoutbox) == [("alice@example.com", ["t"])]


def test_what_is_revoked_while_it_runs_is_not_told(
    alice: User, bob: User, mailoutbox: list[EmailMessage]
) -> None:
    kept, revoked = make(alice, "kept", 5), make(alice, "revoked", 6)
    ((owner, tokens),) = expiry_notices.due(NOON)
    revoked.revoke()
    assert expiry_notices.tell(owner, tokens, NOON) == 1
    assert told(mailoutbox) == [("alice@example.com", ["kept"])]
    kept.refresh_from_db()
    assert kept.expiry_notice == 7


def test_owners_are_told_once_however_their_tokens_are_spread(
    alice: User, bob: User, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry_notices, "BATCH", 2)
    for day in range(1, 8):
        make(alice, f"a{day}", day)
        make(bob, f"b{day}", day)
    carol = User.objects.create_user("carol")
    for day in (1, 4, 20):
        make(carol, f"c{day}", day)
    out, err = notifytokens()
    assert out == "Told 2 people of 14 tokens.\n"
    assert err.count("carol has no mail address") == 1
    assert sorted(told(mailoutbox)) == [
        ("alice@example.com", [f"a{day}" for day in range(1, 8)]),
        ("bob@example.com", [f"b{day}" for day in range(1, 8)]),
    ]


def test_owners_are_not_loaded_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry_notices, "BATCH", 10)
    for number in range(45):
        make(User.objects.create_user(f"user{number}", email=f"user{number}@example.com"), "t", 5)
    with CaptureQueriesContext(connection) as captured:
        assert notifytokens()[0] == "Told 45 people of 45 tokens.\n"
    selects = [query["sql"] for query in captured.captured_queries if query["sql"].startswith("SELECT")]
    # Of each ten: the tokens in their order, all that their owners are due, the owners.
    assert len(selects) == 3 * 5 + 1


@pytest.mark.django_db(transaction=True)
def test_of_two_runs_at_once_one_tells(mailoutbox: list[EmailMessage]) -> None:
    for number in range(15):
        user = User.objects.create_user(f"user{number}", email=f"user{number}@example.com")
        for name in ("one", "two"):
            make(user, name, 5)
    start, found = threading.Barrier(2, timeout=30), []

    def run() -> None:
        # Both know what is due before either tells.
        due = list(expiry_notices.due(NOON))
        start.wait()
        try:
            found.append([expiry_notices.tell(owner, tokens, NOON) for owner, tokens in due])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert [sorted(counts) for counts in zip(*found, strict=True)] == [[0, 2]] * 15
    assert sorted(told(mailoutbox)) == sorted(
        (f"user{number}@example.com", ["one", "two"]) for number in range(15)
    )


def test_an_expiry_that_was_moved_is_told_anew_once_the_mark_is_taken_away(
    alice: User, mailoutbox: list[EmailMessage]
) -> None:
    make(alice, "t", 1)
    notifytokens()
    AccessToken.objects.update(expires_at=NOON + 20 * DAY)
    assert notifytokens()[0] == "Told 0 people of 0 tokens.\n"
    AccessToken.objects.update(expiry_notice=None)
    assert notifytokens()[0] == "Told 1 person of 1 token.\n"

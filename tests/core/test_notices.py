from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from io import StringIO
from smtplib import SMTPServerDisconnected
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.core.mail.backends.base import BaseEmailBackend
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from testproject.accounts.models import User
from tests.conftest import statements_of_a_revocation
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from django.core.mail import EmailMessage
    from django.test import Client

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(datetime(2026, 6, 1, 12, tzinfo=UTC), tick=False):
        yield


@pytest.fixture(autouse=True)
def _notify_owner(tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(NOTIFY_OWNER=True)


def with_address(user: User) -> User:
    user.email = f"{user.username}@example.com"
    user.save()
    return user


@pytest.fixture
def alice(alice: User) -> User:
    return with_address(alice)


@pytest.fixture
def bob(bob: User) -> User:
    return with_address(bob)


def createtoken(*args: str) -> str:
    out = StringIO()
    call_command("createtoken", *args, "--scope", "read:sites", stdout=out, stderr=StringIO())
    return out.getvalue().strip()


def test_the_owner_is_told_of_a_token_that_somebody_else_made(
    alice: User, bob: User, mailoutbox: list[EmailMessage]
) -> None:
    expires = timezone.now() + timedelta(days=90)
    options: dict[str, Any] = {"kind": "api_key", "environment": "live", "expires_at": expires}
    key = AccessToken.objects.generate(alice, "R&D's <Key>", ["read:sites"], created_by=bob, **options)
    (mail,) = mailoutbox
    assert mail.to == ["alice@example.com"]
    assert mail.subject == "An access token was made for you: R&D's <Key>"
    assert mail.extra_headers["Auto-Submitted"] == "auto-generated"
    assert str(mail.body).splitlines() == [
        "Hello alice,",
        "",
        "bob made an access token that acts in your name.",
        "",
        "Name: R&D's <Key>",
        f"Hint: {key.hint}",
        "Kind: API key (live)",
        "Scopes: read:sites",
        "Made: 2026-06-01 12:00 UTC",
        "Expires: 2026-08-30 12:00 UTC",
        "",
        "If you do not know why, ask those who run the site: they can end it at once.",
    ]


def test_a_command_is_somebody_else(alice: User, mailoutbox: list[EmailMessage]) -> None:
    raw = createtoken("alice", "Script")
    assert "was made by a command or a program" in mailoutbox[0].body
    call_command("revoketokens", str(alice.access_tokens.get().pk), reason="leaked", stdout=StringIO())
    assert "were revoked by a command or a program" in mailoutbox[1].body
    shown = "\n".join(f"{mail.subject} {mail.message()}" for mail in mailoutbox)
    assert len(mailoutbox) == 2
    assert raw[4:-4] not in shown
    assert alice.access_tokens.get().secret not in shown


def test_nobody_is_told_of_what_they_do_themselves(
    alice: User, bob: User, mailoutbox: list[EmailMessage]
) -> None:
    token = alice.generate_access_token("one")
    alice.generate_access_token("two")
    assert token.revoke(by=User.objects.get(pk=alice.pk))
    assert alice.revoke_all_access_tokens() == 1
    assert mailoutbox == []
    alice.generate_access_token("three", created_by=bob)
    alice.generate_access_token("four").revoke(by=bob)
    assert len(mailoutbox) == 2


def test_the_owner_is_told_of_all_that_somebody_revoked_in_one_mail(
    alice: User, bob: User, client: Client, mailoutbox: list[EmailMessage]
) -> None:
    tokens = [user.generate_access_token(name, []) for user, name in ((alice, "a"), (alice, "b"), (bob, "c"))]
    root = User.objects.create_superuser("root")
    client.force_login(root)
    keys = [token.pk for token in tokens]
    data = {"action": "revoke_selected", "_selected_action": keys, "post": "yes"}
    assert client.post(reverse("admin:tokenauth_accesstoken_changelist"), data).status_code == 302
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [
        (["alice@example.com"], "2 of your access tokens were revoked"),
        (["bob@example.com"], "Your access token was revoked: c"),
    ]
    assert str(mailoutbox[0].body).splitlines() == [
        "Hello alice,",
        "",
        "root revoked these access tokens of yours, which are refused from now on.",
        "",
        "When: 2026-06-01 12:00 UTC",
        "Reason: none was given",
        "",
        f"- a ({tokens[0].hint})",
        "  Kind: personal token",
        "  Scopes: none",
        "",
        f"- b ({tokens[1].hint})",
        "  Kind: personal token",
        "  Scopes: none",
        "",
        (
            "What still uses one of them needs another: make a new one, or ask those who run the site "
            "for one, and replace it there."
        ),
    ]


def test_the_reason_is_told(alice: User, bob: User, mailoutbox: list[EmailMessage]) -> None:
    alice.generate_access_token("a").revoke("found in a public repository", by=bob)
    assert "Reason: found in a public repository\n" in mailoutbox[0].body


def test_of_a_token_that_had_ended_before_nobody_is_told(
    alice: User, tokenauth_settings: Callable[..., None], mailoutbox: list[EmailMessage]
) -> None:
    now = timezone.now()
    for name, column, days in (("expired", "expires_at", 1), ("unused", "created_at", 366)):
        token = alice.generate_access_token(name)
        AccessToken.objects.filter(pk=token.pk).update(**{column: now - timedelta(days=days)})
    alice.generate_access_token("revoked").revoke(by=alice)
    call_command("revoketokens", all_expired=True, yes=True, stdout=StringIO())
    assert mailoutbox == []
    alice.generate_access_token("usable")
    call_command("revoketokens", user="alice", yes=True, stdout=StringIO())
    assert [mail.subject for mail in mailoutbox] == ["Your access token was revoked: usable"]
    assert AccessToken.objects.filter(revoked_at__isnull=True).count() == 0


def test_who_has_no_address_or_left_gets_none(alice: User, bob: User, mailoutbox: list[EmailMessage]) -> None:
    User.objects.filter(pk=alice.pk).update(email="")
    User.objects.filter(pk=bob.pk).update(is_active=False)
    for name in ("alice", "bob"):
        createtoken(name, "Script")
    call_command("revoketokens", *map(str, AccessToken.objects.values_list("pk", flat=True)))
    assert AccessToken.objects.filter(revoked_at__isnull=False).count() == 2
    assert mailoutbox == []


def test_where_it_is_off_nobody_is_told_and_one_statement_is_enough(
    alice: User,
    bob: User,
    tokenauth_settings: Callable[..., None],
    mailoutbox: list[EmailMessage],
) -> None:
    tokenauth_settings(NOTIFY_OWNER=False)
    token = alice.generate_access_token("a", created_by=bob)
    with CaptureQueriesContext(connection) as captured:
        token.revoke(by=bob)
    of_tokens = [query["sql"] for query in captured.captured_queries if "accesstoken" in query["sql"]]
    # And one by which the instance learns how it ended.
    assert len(of_tokens) == len(statements_of_a_revocation()) + 1
    assert mailoutbox == []


def test_what_is_rolled_back_is_not_told(alice: User, bob: User, mailoutbox: list[EmailMessage]) -> None:
    token = alice.generate_access_token("kept")
    with transaction.atomic():
        alice.generate_access_token("undone", created_by=bob)
        token.revoke(by=bob)
        assert mailoutbox == []
        transaction.set_rollback(True)
    assert mailoutbox == []
    with transaction.atomic():
        token.revoke(by=bob)
        assert mailoutbox == []
    assert [mail.subject for mail in mailoutbox] == ["Your access token was revoked: kept"]


class Down(BaseEmailBackend):
    """A mail server that is down, as ``error`` says it."""

    error: Exception = SMTPServerDisconnected("Connection unexpectedly closed")

    def send_messages(self, email_messages: Any) -> int:
        raise self.error


class Throttled(Down):
    """A service for mail with exceptions of its own."""

    error = RuntimeError("Rate exceeded")


@pytest.mark.parametrize("backend", [Down, Throttled])
@pytest.mark.parametrize("is_atomic", [False, True])
def test_a_mail_server_that_is_down_changes_nothing_and_is_logged(
    alice: User,
    bob: User,
    use_mail_backend: Callable[[str], None],
    caplog: pytest.LogCaptureFixture,
    backend: type[Down],
    is_atomic: bool,
) -> None:
    use_mail_backend(f"{__name__}.{backend.__name__}")
    tokens = [user.generate_access_token("t") for user in (alice, bob)]
    root = User.objects.create_superuser("root")
    if is_atomic:
        with transaction.atomic():
            call_command("revoketokens", *(str(token.pk) for token in tokens), stdout=StringIO())
    else:
        alice.generate_access_token("made", created_by=root)
        call_command("revoketokens", *(str(token.pk) for token in tokens), stdout=StringIO())
    assert AccessToken.objects.filter(revoked_at__isnull=False).count() == 2
    records = [record for record in caplog.records if record.name == "tokenauth"]
    assert [record.levelno for record in records] == [logging.ERROR] * (2 if is_atomic else 3)
    assert str(backend.error) in caplog.text
    assert f"user {bob.pk} could not be sent" in caplog.text


@pytest.fixture
def templates(tmp_path: Path, settings: Any) -> Callable[[str, str], None]:
    """Overrides a template of ``tokenauth/mail``, as a project does."""
    (engine,) = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "DIRS": [tmp_path]}]

    def override(name: str, source: str) -> None:
        path = tmp_path / "tokenauth" / "mail" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)

    return override


def test_templates_are_overridden(
    alice: User, bob: User, templates: Callable[[str, str], None], mailoutbox: list[EmailMessage]
) -> None:
    templates("token_made_subject.txt", "[Acme]\n{{ token.name }}\n\nfor {{ user.username }}\n")
    alice.generate_access_token("Script", created_by=bob)
    # In one line, whatever the template is written on: a second would be another header.
    assert [mail.subject for mail in mailoutbox] == ["[Acme] Script for alice"]
    assert "bob made an access token" in mailoutbox[0].body


def test_a_template_that_asks_for_the_text_gets_none(
    alice: User, bob: User, templates: Callable[[str, str], None], mailoutbox: list[EmailMessage]
) -> None:
    templates("token_made_body.txt", "{{ token.name }}: {{ token.raw_token }}")
    with transaction.atomic():
        assert alice.generate_access_token("Script", created_by=bob).raw_token
    assert mailoutbox[0].body == "Script: None\n"


def test_a_template_that_is_broken_changes_no_answer(
    alice: User, bob: User, templates: Callable[[str, str], None], caplog: pytest.LogCaptureFixture
) -> None:
    templates("token_made_body.txt", "{% nonsense %}")
    assert alice.generate_access_token("Script", created_by=bob).raw_token
    assert "nonsense" in caplog.text


def test_where_there_are_no_templates_it_has_its_own(
    alice: User, bob: User, settings: Any, mailoutbox: list[EmailMessage]
) -> None:
    settings.TEMPLATES = []
    alice.generate_access_token("Script", created_by=bob)
    assert mailoutbox[0].subject == "An access token was made for you: Script"


def test_neither_language_nor_time_zone_is_that_of_who_is_being_served(
    alice: User, bob: User, settings: Any, mailoutbox: list[EmailMessage]
) -> None:
    settings.TIME_ZONE = "Europe/Vienna"
    with translation.override("de"), timezone.override("Asia/Tokyo"):
        alice.generate_access_token("Script", created_by=bob)
        assert translation.get_language() == "de"
        assert timezone.get_current_timezone_name() == "Asia/Tokyo"
    assert "Made: 2026-06-01 14:00 CEST\n" in mailoutbox[0].body
    assert "Kind: personal token" in mailoutbox[0].body


def test_a_changed_password_is_told_as_the_reason(
    alice: User, tokenauth_settings: Callable[..., None], mailoutbox: list[EmailMessage]
) -> None:
    tokenauth_settings(END_TOKENS_ON_PASSWORD_CHANGE=True)
    alice.generate_access_token("a")
    alice.set_password("battery staple")
    alice.save()
    assert "Reason: The password was changed.\n" in mailoutbox[0].body

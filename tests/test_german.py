"""In German, nobody reads English: the pages, the admin, mail, and what a client is told."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polib
import pytest
from django.urls import reverse
from django.utils import timezone

import tokenauth
from testproject.accounts.models import User
from tests.conftest import bearer
from tokenauth.exceptions import Reason
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.core.mail import EmailMessage
    from django.test import Client

pytestmark = pytest.mark.django_db

CATALOGUE = Path(tokenauth.__file__).parent / "locale/de/LC_MESSAGES/django.po"
# Attributes that are shown or read out.
SHOWN = {"alt", "title", "aria-label", "placeholder", "data-done", "data-failed"}
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|\{\w*\}")


class Texts(HTMLParser):
    """What people read of a page, piece by piece."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found += [text for name, text in given.items() if name in SHOWN and text]
        if tag == "input" and given.get("type") == "submit":
            self.found.append(given.get("value") or "")

    def handle_data(self, data: str) -> None:
        self.found.append(data)


@cache
def pieces() -> tuple[re.Pattern[str], ...]:
    """What is English of each message, between its markup: one word is a whole text, more are part of one."""
    return tuple(_pieces())


def _pieces() -> Iterator[re.Pattern[str]]:
    entries = polib.pofile(str(CATALOGUE))
    german = "\n".join(text for entry in entries for text in [entry.msgstr, *entry.msgstr_plural.values()])
    english = {message for entry in entries for message in (entry.msgid, entry.msgid_plural)}
    for piece in {piece.strip() for message in english for piece in re.split(r"<[^>]+>", message)}:
        words = [re.escape(part) for part in PLACEHOLDER.split(piece)]
        text = r"[^\n]+?".join(words).replace(r"\ ", r"\s+")
        pattern = re.compile(rf"(?<!\w){text}(?!\w)" if " " in piece.strip(" :") else rf"\A{text}:?\Z")
        if re.search("[a-z]{2}", "".join(words)) and not any(map(pattern.search, german.splitlines())):
            yield pattern


def assert_german(answer: Any, *expected: str, has_log: bool = False) -> None:
    """That the page says what is expected, and nothing of what there is in German in English."""
    found = [text.strip() for text in Texts(answer.content.decode()).found if text.strip()]
    if has_log:
        # The log has the word that the client's report has, in whatever language both are read.
        found = [text for text in found if text not in Reason.values]
    for text in expected:
        assert any(text in one for one in found), f"{text} is not in {found}"
    left = [(one, pattern.pattern) for pattern in pieces() for one in found if pattern.search(one)]
    assert left == []


@pytest.fixture(autouse=True)
def _german(settings: Any) -> None:
    settings.LANGUAGE_CODE = "de"


@pytest.fixture
def tokens(alice: User, client: Client) -> list[AccessToken]:
    """Of Alice: one that works, one that takes the place of another, and one that was revoked, and used."""
    laptop = alice.generate_access_token("laptop", ["read:sites"])
    expires = timezone.now() + timedelta(days=12)
    key = alice.generate_access_token("k", ["*"], kind="api_key", environment="live", expires_at=expires)
    lost = alice.generate_access_token("phone", ["read:sites"])
    lost.revoke()
    key.rotate(timedelta(0))
    client.get("/inventory-service/sites", **bearer(laptop))  # type: ignore[arg-type]
    for header in (bearer(lost), {"HTTP_X_API_KEY": str(key.raw_token)}):
        answer = client.get("/inventory-service/sites", **header)  # type: ignore[arg-type]
        assert answer.status_code == 401
    return [laptop, key, lost]


def test_english_is_found() -> None:
    """What the other tests lean on."""

    def is_english(text: str) -> bool:
        return any(pattern.search(text) for pattern in pieces())

    for text in (
        "never",
        "Page 2 of 7",
        "expires 3 May 2030",
        "Signed in as",
        "Oh. Nothing was changed. So.",
    ):
        assert is_english(text), text
    for text in ("nie", "Seite 2 von 7", "in 3 Tagen", "read:sites", "acme never stops", "Scopes", "Token"):
        assert not is_english(text), text


def test_the_token_page(client: Client, alice: User, tokens: list[AccessToken]) -> None:
    client.force_login(alice)
    page = client.get(reverse("tokenauth:token-list"))
    assert_german(page, "Token erstellen", "Aktiv (2)", "Nach seinem Ende verwendet", "Abgelehnte Versuche")
    assert_german(client.get(reverse("tokenauth:token-list"), {"show": "ended"}), "Beendet (1)", "Widerrufen")
    laptop = tokens[0]
    for name, way_out in (("rotate", "Abbrechen"), ("revoke", "Behalten")):
        assert_german(client.get(reverse(f"tokenauth:token-{name}", args=[laptop.pk])), way_out)


def test_the_form_of_a_new_token(client: Client, alice: User) -> None:
    client.force_login(alice)
    url = reverse("tokenauth:token-create")
    form = client.get(url)
    assert_german(form, "Was darf das Token?", "An einem bestimmten Tag", "Auf Adressen beschränken")
    key = form.context["form"].initial["idempotency_key"]
    given = {"name": "", "kind": "personal", "expires": "date", "idempotency_key": key}
    assert_german(client.post(url, given), "Fehler: Token erstellen", "Geben Sie an, an welchem Tag.")
    given |= {"name": "tablet", "scopes": "read:sites", "expires": "30d"}
    assert_german(client.post(url, given), "Token kopieren", "Kopiert.", "Ausprobieren")


def test_a_refused_request(client: Client, alice: User) -> None:
    token = alice.generate_access_token("t", ["read:events"])
    answer = client.get("/inventory-service/sites", **bearer(token))  # type: ignore[arg-type]
    assert answer.json()["error"]["message"] == (
        "Den Zugangsdaten fehlt ein Scope, den diese Anfrage braucht."
    )
    # RFC 6750 asks for ASCII.
    assert (
        'error_description="The credential lacks a scope that this request needs."'
        in answer.headers["WWW-Authenticate"]
    )
    # And the log is searched by one word, whatever the language.
    assert TokenLogin.objects.get().reason == "insufficient_scope"


def test_the_admin(client: Client, tokens: list[AccessToken]) -> None:
    client.force_login(User.objects.create_superuser("root"))
    listed = reverse("admin:tokenauth_accesstoken_changelist")
    assert_german(
        client.get(listed),
        "Zugriffstoken hinzufügen",
        "Nach Handlungsbedarf",
        "Ausgewählte Zugriffstoken widerrufen",
        "läuft nicht ab",
        "in 1\xa0Woche",
    )
    for token in tokens:
        change = client.get(reverse("admin:tokenauth_accesstoken_change", args=[token.pk]))
        assert_german(change, "Kennung:", "Letzte Versuche", has_log=True)
    assert_german(client.get(reverse("admin:tokenauth_accesstoken_add")), "Scopes: was das Token darf")
    log = client.get(reverse("admin:tokenauth_tokenlogin_changelist"))
    assert_german(log, "abgelehnt", "Token-Anmeldungen", has_log=True)
    key = AccessToken.objects.usable().get(name="k")
    for action in ("rotate_selected", "revoke_selected"):
        chosen = {"action": action, "_selected_action": [key.pk]}
        assert_german(client.post(listed, chosen), "Abbrechen")


def test_how_long_ago(client: Client, alice: User) -> None:
    """After a preposition, German inflects."""
    client.force_login(User.objects.create_superuser("root"))
    now = timezone.now()
    token = alice.generate_access_token("t", expires_at=now + timedelta(days=3, minutes=1))
    AccessToken.objects.filter(pk=token.pk).update(last_used_at=now - timedelta(days=65))
    page = client.get(reverse("admin:tokenauth_accesstoken_changelist"))
    assert_german(page, "in 3\xa0Tagen", "vor 2\xa0Monaten")


def test_mail(
    alice: User,
    bob: User,
    mailoutbox: list[EmailMessage],
    tokenauth_settings: Callable[..., None],
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    tokenauth_settings(NOTIFY_OWNER=True)
    alice.email = "alice@example.com"
    alice.save()
    with django_capture_on_commit_callbacks(execute=True):
        token = AccessToken.objects.generate(alice, "laptop", ["read:sites"], created_by=bob)
        other = AccessToken.objects.generate(alice, "phone", created_by=alice)
        token.revoke(by=bob)
        other.revoke()
    made, revoked, ended = mailoutbox
    assert made.subject == "Für Sie wurde ein Zugriffstoken erstellt: laptop"
    assert "bob hat ein Zugriffstoken erstellt, das in Ihrem Namen handelt." in str(made.body)
    assert revoked.subject == "Ihr Zugriffstoken wurde widerrufen: laptop"
    assert "Ein Befehl oder ein Programm der Website" in str(ended.body)
    for mail in mailoutbox:
        left = [
            (line, pattern.pattern)
            for pattern in pieces()
            for line in [mail.subject, *re.split(r"\n|(?<=:) ", str(mail.body))]
            if pattern.search(line.strip(" -"))
        ]
        assert left == []

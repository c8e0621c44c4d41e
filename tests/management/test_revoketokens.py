from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def tokens(alice: User, bob: User) -> None:
    for user, name in ((alice, "one"), (alice, "two"), (bob, "three")):
        user.generate_access_token(name)


def revoketokens(*args: Any) -> str:
    out = StringIO()
    call_command("revoketokens", *(str(arg) for arg in args), stdout=out)
    return out.getvalue()


def revoked() -> list[str]:
    return list(AccessToken.objects.filter(revoked_at__isnull=False).values_list("name", flat=True))


def key(name: str) -> int:
    return int(AccessToken.objects.get(name=name).pk)


def test_by_id() -> None:
    assert revoketokens(key("one"), key("three"), "--reason", "leaked") == "Revoked 2 tokens.\n"
    assert revoked() == ["one", "three"]
    assert AccessToken.objects.get(name="one").revoked_reason == "leaked"
    assert revoketokens(key("one"), key("two")) == "Revoked 1 token; 1 token had been revoked before.\n"


def test_by_user() -> None:
    assert revoketokens("--user", "alice", "--yes") == "Revoked 2 tokens.\n"
    assert revoked() == ["one", "two"]


def test_by_family() -> None:
    family = AccessToken.objects.get(name="two").family
    assert revoketokens("--family", family, "--yes") == "Revoked 1 token.\n"
    assert revoked() == ["two"]


def test_all_expired() -> None:
    AccessToken.objects.filter(name="one").update(expires_at=timezone.now())
    AccessToken.objects.filter(name="two").update(expires_at=timezone.now() + timedelta(hours=1))
    assert revoketokens("--all-expired", "--yes") == "Revoked 1 token.\n"
    assert revoked() == ["one"]


def test_unused_ones_by_their_last_use_or_else_their_creation() -> None:
    long_ago, lately = timezone.now() - timedelta(days=91), timezone.now() - timedelta(days=89)
    AccessToken.objects.update(created_at=long_ago)
    AccessToken.objects.filter(name="one").update(last_used_at=lately)
    AccessToken.objects.filter(name="two").update(last_used_at=long_ago)
    assert revoketokens("--unused", "90d", "--yes") == "Revoked 2 tokens.\n"
    assert revoked() == ["two", "three"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "Say which"),
        (("--user", "alice", "--all-expired"), "Say which"),
        (("1", "--user", "alice"), "Say which"),
        (("999999",), "no token with the id 999999"),
        (("abc",), "An id is a number"),
        (("99999999999999999999999",), "no token with the id 99999999999999999999999"),
        (("--user", "nobody"), "no user “nobody”"),
        (("--family", "abc"), "An id is a number"),
        (("--family", str(uuid4())), "no token of the family"),
        (("--family", "999999"), "no token with the id 999999"),
        (("--user", "al\udcffice"), "no user"),
        (("--user", "alice", "--yes", "--reason", "\udcff"), "A reason is a text"),
        (("--unused", "long"), "not a duration"),
        (("--user", "alice", "--yes", "--reason", "x" * 256), "255"),
        (("--user", "alice"), "revoke 2 tokens; add --yes"),
        (("--all-expired",), "revoke 0 tokens; add --yes"),
    ],
)
def test_bad_input_is_a_command_error_and_revokes_nothing(args: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        revoketokens(*args)
    assert revoked() == []


def test_one_unknown_id_among_others_revokes_nothing() -> None:
    with pytest.raises(CommandError, match="999999"):
        revoketokens(key("one"), 999999)
    assert revoked() == []


@pytest.mark.parametrize(
    ("answer", "names"), [("y", ["one", "two"]), ("yes", ["one", "two"]), ("n", []), ("", [])]
)
def test_on_a_terminal_it_asks(monkeypatch: pytest.MonkeyPatch, answer: str, names: list[str]) -> None:
    asked: list[str] = []

    def reply(prompt: str) -> str:
        asked.append(prompt)
        return answer

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", reply)
    try:
        revoketokens("--user", "alice")
    except CommandError as error:
        assert names == []
        assert str(error) == "Nothing was revoked."  # noqa: PT017
    assert revoked() == names
    assert asked == ["Revoke 2 tokens? [y/N] "]


def test_a_pasted_token_is_not_repeated(alice: User) -> None:
    token = alice.generate_access_token("pasted")
    for text in (token.raw_token or "", (token.raw_token or "")[:-1]):
        with pytest.raises(CommandError) as refused:
            revoketokens(text)
        assert text not in str(refused.value)
    with pytest.raises(CommandError, match=f"hint {token.hint}"):
        revoketokens(token.raw_token)


def test_what_it_would_revoke_is_named_before_it_asks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], alice: User
) -> None:
    for number in range(10):
        alice.generate_access_token(f"extra {number}")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda prompt: "n")
    with pytest.raises(CommandError):
        call_command("revoketokens", "--user", "alice")
    text = capsys.readouterr().out
    assert "one (pat_" in text
    assert "and 2 more" in text

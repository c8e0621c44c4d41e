from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import TYPE_CHECKING

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with time_machine.travel(datetime(2026, 6, 1, 12, tzinfo=UTC), tick=False):
        yield


@pytest.fixture
def tokens(alice: User, bob: User) -> dict[str, AccessToken]:
    """One of each status."""
    now = timezone.now()
    expired = alice.generate_access_token("old laptop", ["*"], expires_at=now + timedelta(hours=1))
    AccessToken.objects.filter(pk=expired.pk).update(expires_at=now)
    key = bob.generate_access_token(
        "cron",
        ["read:sites", "read:assets"],
        kind="api_key",
        environment="live",
        organization="greenfleet",
        allowed_networks=["10.0.0.0/8"],
    )
    AccessToken.objects.filter(pk=key.pk).update(last_used_at=now, last_used_ip="10.0.0.1")
    lapsed = bob.generate_access_token("lapsed", [])
    AccessToken.objects.filter(pk=lapsed.pk).update(created_at=now - timedelta(days=366))
    revoked = bob.generate_access_token("lost phone", ["read:sites"])
    revoked.revoke("stolen", by=alice)
    return {"expired": expired, "active": key, "unused": lapsed, "revoked": revoked}


def listtokens(*args: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("listtokens", *args, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_table(tokens: dict[str, AccessToken]) -> None:
    out, err = listtokens()
    assert err == "4 tokens\n"
    lines = out.splitlines()
    assert len({line.index("2026-06-01") for line in lines[1:3]} | {lines[0].index("LAST USED")}) == 2
    key = tokens["active"]
    assert lines[2].split("  ")[0] == str(key.pk)
    for text in (
        "cron",
        key.hint,
        "bob",
        "api_key live",
        "greenfleet",
        "active",
        "2026-06-01 12:00 UTC",
        "never",
    ):
        assert text in lines[2]
    assert lines[2].endswith("  read:sites read:assets")
    assert lines[3].endswith("  -")
    assert lines[2].index("cron") == lines[0].index("NAME") == lines[1].index("old laptop")


def test_what_no_list_shows(tokens: dict[str, AccessToken]) -> None:
    for format_ in ("table", "json"):
        out, err = listtokens("--format", format_)
        for token in tokens.values():
            assert token.raw_token not in out + err
            assert token.secret not in out + err


@pytest.mark.parametrize("status", ["active", "expired", "unused", "revoked"])
def test_by_status(tokens: dict[str, AccessToken], status: str) -> None:
    (found,) = json.loads(listtokens("--status", status, "--format", "json")[0])
    assert (found["id"], found["status"]) == (tokens[status].pk, status)


def test_by_user(tokens: dict[str, AccessToken]) -> None:
    found = json.loads(listtokens("--user", "alice", "--format", "json")[0])
    assert [token["user"] for token in found] == ["alice"]
    assert len(json.loads(listtokens("--format", "json")[0])) == 4
    assert json.loads(listtokens("--user", "alice", "--status", "active", "--format", "json")[0]) == []


def test_a_family_by_one_of_its_tokens(alice: User) -> None:
    old = alice.generate_access_token("old", [])
    new = old.rotate()
    alice.generate_access_token("other", [])
    for name in (old.pk, new.pk, old.family):
        _header, first, second = listtokens("--family", str(name))[0].splitlines()
        assert first.split()[:2] == [str(old.pk), "old"]
        assert second.split()[0] == str(new.pk)
        assert f"active  {old.pk} " in second


def test_the_json(tokens: dict[str, AccessToken]) -> None:
    (key,) = json.loads(listtokens("--status", "active", "--format", "json")[0])
    token = tokens["active"]
    assert key == {
        "id": token.pk,
        "name": "cron",
        "hint": token.hint,
        "user": "bob",
        "kind": "api_key",
        "environment": "live",
        "status": "active",
        "scopes": ["read:sites", "read:assets"],
        "organization": "greenfleet",
        "allowed_networks": ["10.0.0.0/8"],
        "family": str(token.family),
        "rotated_from": None,
        "rotated_at": None,
        "created_at": "2026-06-01T12:00:00+00:00",
        "created_by": "bob",
        "expires_at": None,
        "last_used_at": "2026-06-01T12:00:00+00:00",
        "last_used_ip": "10.0.0.1",
        "revoked_at": None,
        "revoked_by": None,
        "revoked_reason": "",
    }
    (revoked,) = json.loads(listtokens("--status", "revoked", "--format", "json")[0])
    assert (revoked["revoked_by"], revoked["revoked_reason"]) == ("alice", "stolen")


def test_what_a_terminal_would_obey_is_not_printed(alice: User) -> None:
    long = alice.generate_access_token("n" * 255, ["read:sites"])
    odd = alice.generate_access_token("right\u202eleft\u2028line", [])
    type(alice).objects.filter(pk=alice.pk).update(username="al\x1b[31mice\nbob")
    _header, first, second = listtokens()[0].splitlines()
    assert "\x1b" not in first
    assert "al?[31mice?bob" in first
    assert "n" * 39 + "…" in first
    assert "n" * 40 not in first
    assert "right?left?line" in second
    assert first.startswith(str(long.pk))
    assert second.startswith(str(odd.pk))


def test_times_are_those_of_the_time_zone(tokens: dict[str, AccessToken], settings: object) -> None:
    with timezone.override("Asia/Tokyo"):
        assert "2026-06-01 21:00 JST" in listtokens("--user", "bob")[0]
    assert "2026-06-01 12:00 UTC" in listtokens("--user", "bob")[0]


@pytest.mark.usefixtures("alice")
def test_no_token() -> None:
    assert listtokens() == ("", "0 tokens\n")
    assert json.loads(listtokens("--format", "json")[0]) == []


@pytest.mark.usefixtures("alice")
def test_what_is_not_there_is_said() -> None:
    with pytest.raises(CommandError, match="--user: There is no user “carol”"):
        listtokens("--user", "carol")
    with pytest.raises(CommandError, match="invalid choice"):
        listtokens("--status", "dead")


def test_users_are_not_asked_for_one_by_one(
    tokens: dict[str, AccessToken], django_assert_num_queries: object
) -> None:
    for format_ in ("table", "json"):
        with django_assert_num_queries(1):  # type: ignore[operator]
            listtokens("--format", format_)

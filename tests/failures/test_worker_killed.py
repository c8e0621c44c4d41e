"""A process is killed after each statement that writes: nothing is half made, and the next finishes it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.utils import timezone

from tokenauth.exceptions import RotationConflict
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testproject.accounts.models import User

    # Does an act, killed after so many writes; whether it was.
    Killed = Callable[..., bool]

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parents[2]


def url_of_the_tests() -> str:
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


@pytest.fixture(scope="module")
def killed(django_db_setup: None) -> Iterator[Killed]:
    environment = {"DATABASE_URL": url_of_the_tests(), "DJANGO_SETTINGS_MODULE": "testproject.settings"}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.failures.worker"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None

        def kill(act: str, writes: int, changed: dict[str, Any] | None = None, **arguments: Any) -> bool:
            # Nothing of this process is in its way.
            connection.close()
            line = {"act": act, "writes": writes, "changed": changed or {}, **arguments}
            print(json.dumps(line), file=worker.stdin, flush=True)
            code = int(worker.stdout.readline())
            assert code in (0, -signal.SIGKILL)
            return code != 0

        try:
            yield kill
        finally:
            worker.stdin.close()
            worker.wait(30)


def rows() -> list[dict[str, Any]]:
    return list(AccessToken.objects.order_by("pk").values())


def assert_whole() -> None:
    """What must be true of the tables whatever was begun."""
    tokens = {token.pk: token for token in AccessToken.objects.all()}
    for token in tokens.values():
        assert re.fullmatch(r"[0-9a-f]{64}", token.secret)
        assert token.hint
        assert token.family
        if token.rotated_from_id:
            old = tokens[token.rotated_from_id]
            assert (old.family, old.user_id, old.scopes) == (token.family, token.user_id, token.scopes)
            assert old.rotated_at is not None
            assert old.expires_at is not None
    known = TokenLogin.objects.exclude(token=None).values_list("token_id", flat=True)
    assert set(known) <= set(tokens)


def after_each_write(
    killed: Killed, act: str, begin: Callable[[], dict[str, Any]], **changed: Any
) -> Iterator[None]:
    """Do it from the beginning, killed after the first write, the second, and so on; until it is done."""
    writes = 1
    while killed(act, writes, changed, **begin()):
        yield
        writes += 1
    assert writes > 1


def test_a_token_is_there_whole_or_not_at_all(killed: Killed, alice: User) -> None:
    def begin() -> dict[str, Any]:
        AccessToken.objects.all().delete()
        return {"user": alice.pk}

    for _ in after_each_write(killed, "create", begin):
        assert_whole()
        # Of one that is, nobody has the text: it lapses unused, or is revoked.
        assert {(row["name"], row["last_used_at"]) for row in rows()} <= {("new", None)}
    assert AccessToken.objects.count() == 1


def test_where_the_oldest_makes_room_it_does_so_for_a_token_alone(killed: Killed, alice: User) -> None:
    def begin() -> dict[str, Any]:
        AccessToken.objects.all().delete()
        for name in ("oldest", "old"):
            alice.generate_access_token(name)
        before[:] = rows()
        return {"user": alice.pk}

    before: list[dict[str, Any]] = []
    limit = {"MAX_TOKENS_PER_USER": 2, "MAX_TOKENS_REACHED": "revoke_oldest"}
    kills = 0
    for _ in after_each_write(killed, "create", begin, **limit):
        kills += 1
        assert rows() == before
    assert kills >= 2
    assert sorted(alice.access_tokens.usable().values_list("name", flat=True)) == ["new", "old"]
    assert AccessToken.objects.get(name="oldest").revoked_at is not None


@pytest.mark.parametrize("before", ["never", "in vain"])
def test_a_rotation_is_there_whole_or_not_at_all(killed: Killed, alice: User, before: str) -> None:
    """Also of a token whose successor was revoked unused: another takes its place."""

    def begin() -> dict[str, Any]:
        AccessToken.objects.all().delete()
        token = alice.generate_access_token(
            "t", ["read:sites"], expires_at=timezone.now() + timedelta(days=9)
        )
        if before == "in vain":
            token.rotate().revoke()
        start[:] = rows()
        return {"token": token.pk}

    start: list[dict[str, Any]] = []
    kills = 0
    for _ in after_each_write(killed, "rotate", begin):
        kills += 1
        assert rows() == start
        # Who comes next finds nothing in the way.
        old = AccessToken.objects.order_by("pk").first()
        assert old is not None
        successor = old.rotate()
        assert AccessToken.objects.verify(str(successor.raw_token)) == successor
        assert_whole()
    assert kills >= 3
    old, *_, successor = AccessToken.objects.order_by("pk")
    assert (successor.rotated_from, successor.family) == (old, old.family)
    assert_whole()
    with pytest.raises(RotationConflict):
        old.rotate()


def test_a_prune_leaves_what_it_has_not_deleted_as_it_was(killed: Killed, alice: User) -> None:
    def begin() -> dict[str, Any]:
        TokenLogin.objects.all().delete()
        AccessToken.objects.all().delete()
        for number in range(3):
            token = alice.generate_access_token(f"ended {number}", ["read:sites"])
            # What it refers to goes, and what refers to it: its successor stays.
            successor = token.rotate()
            AccessToken.objects.filter(pk=successor.pk).update(name="standing")
            token.refresh_from_db()
            token.revoke()
            for days in (1, 100):
                TokenLogin.objects.create(
                    id_type="access_token",
                    identifier=f"{days} days",
                    user=alice,
                    token=token,
                    success=False,
                    reason="revoked",
                    date=now - timedelta(days=days),
                )
        AccessToken.objects.filter(name__startswith="ended").update(revoked_at=now - timedelta(days=31))
        return {}

    now = timezone.now()
    kills = 0
    for _ in after_each_write(killed, "prune", begin):
        kills += 1
        assert_whole()
        assert AccessToken.objects.filter(name="standing", revoked_at=None).count() == 3
        assert TokenLogin.objects.filter(identifier="1 days", user=alice).count() == 3
    assert kills >= 5
    assert not killed("prune", 0)
    assert set(AccessToken.objects.values_list("name", "rotated_from")) == {("standing", None)}
    assert list(TokenLogin.objects.values_list("identifier", "token")) == [("1 days", None)] * 3


def test_what_was_killed_is_finished_by_the_next(killed: Killed, alice: User) -> None:
    for number in range(7):
        alice.generate_access_token(f"{number}").revoke()
    AccessToken.objects.update(revoked_at=timezone.now() - timedelta(days=31))
    # Batches of two, by one statement each where nothing refers to them.
    assert killed("prune", 4)
    left = AccessToken.objects.count()
    assert 0 < left < 7
    assert not killed("prune", 0)
    assert not AccessToken.objects.exists()

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.db.models.signals import ModelSignal, post_delete, pre_delete
from django.utils import timezone

from tokenauth.core import batches
from tokenauth.exceptions import CredentialError
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parents[2]
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def noon() -> Iterator[datetime]:
    with time_machine.travel(datetime(2026, 6, 1, 12, tzinfo=UTC), tick=False):
        yield timezone.now()


@pytest.fixture
def make(alice: User) -> Callable[..., AccessToken]:
    """A token with columns so many days from now."""

    def make_(name: str, **days: float) -> AccessToken:
        token = alice.generate_access_token(name, ["*"])
        moments = {column: timezone.now() + value * DAY for column, value in days.items()}
        AccessToken.objects.filter(pk=token.pk).update(**moments)
        return token

    return make_


def login(days: float, **fields: Any) -> TokenLogin:
    return TokenLogin.objects.create(
        id_type="access_token", success=True, date=timezone.now() + days * DAY, **fields
    )


def prunetokens(*args: Any) -> str:
    out = StringIO()
    call_command("prunetokens", *(str(arg) for arg in args), stdout=out)
    return out.getvalue()


def names() -> list[str]:
    return list(AccessToken.objects.values_list("name", flat=True))


def test_what_ended_long_ago_is_deleted(make: Callable[..., AccessToken]) -> None:
    make("active", created_at=-4000, last_used_at=-1)
    make("revoked", revoked_at=-31)
    make("revoked lately", revoked_at=-29)
    make("expired", expires_at=-31)
    make("expired lately", expires_at=-29)
    make("expired long ago, revoked lately", expires_at=-99, revoked_at=-1)
    make("unused", created_at=-396)
    make("unused, lapsed lately", created_at=-394)
    make("used once", created_at=-900, last_used_at=-396)
    make("used later", created_at=-900, last_used_at=-394)
    make("expires later, revoked", expires_at=99, revoked_at=-31)
    assert prunetokens() == "Deleted 5 tokens and 0 rows of the login log.\n"
    assert names() == [
        "active",
        "revoked lately",
        "expired lately",
        "expired long ago, revoked lately",
        "unused, lapsed lately",
        "used later",
    ]


def test_the_ages_can_be_said(make: Callable[..., AccessToken]) -> None:
    make("old", revoked_at=-3)
    make("young", revoked_at=-1)
    old, young = login(-3), login(-1)
    assert prunetokens("--older-than", "2d", "--logins-older-than", "48h") == (
        "Deleted 1 token and 1 row of the login log.\n"
    )
    assert names() == ["young"]
    assert list(TokenLogin.objects.all()) == [young]
    assert old.pk != young.pk


def test_the_log_is_kept_for_ninety_days(make: Callable[..., AccessToken]) -> None:
    login(-91)
    kept = login(-89)
    assert "0 tokens and 1 row of" in prunetokens()
    assert TokenLogin.objects.get() == kept


def test_without_the_rule_an_unused_token_is_kept(
    make: Callable[..., AccessToken], tokenauth_settings: Callable[..., None]
) -> None:
    make("unused", created_at=-4000)
    tokenauth_settings(UNUSED_TOKEN_LIFETIME=None)
    assert prunetokens().startswith("Deleted 0 tokens")
    tokenauth_settings(UNUSED_TOKEN_LIFETIME=timedelta(days=365))
    assert prunetokens().startswith("Deleted 1 token ")


def test_the_log_outlives_the_token(make: Callable[..., AccessToken]) -> None:
    token = make("t", revoked_at=-31)
    successor = make("successor")
    AccessToken.objects.filter(pk=successor.pk).update(rotated_from=token)
    row = login(-31, token=token, user=token.user)
    prunetokens()
    row.refresh_from_db()
    assert (row.token, row.user) == (None, token.user)
    successor.refresh_from_db()
    assert successor.rotated_from is None


@pytest.mark.parametrize("batch", [2, 3, 7, 5000])
def test_from_a_token_no_more_rows_are_parted_at_once_than_a_batch(
    make: Callable[..., AccessToken], batch: int
) -> None:
    """A server's key that died while the server went on: every attempt since then refers to it."""
    busy, other = make("busy", revoked_at=-31), make("active")
    rows = [login(-1, token=busy, user=busy.user) for _ in range(7)]
    kept = login(-1, token=other)
    parted = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: Any, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith("UPDATE"):
            parted.append(context["cursor"].rowcount)
        return result

    with connection.execute_wrapper(note):
        assert prunetokens("--batch", batch) == "Deleted 1 token and 0 rows of the login log.\n"
    assert sum(parted) == 7
    assert max(parted) == min(batch, 7)
    assert list(TokenLogin.objects.filter(token=None).order_by("pk")) == rows
    assert TokenLogin.objects.get(token=other) == kept


@pytest.fixture
def by_digest() -> Iterator[Any]:
    """A model that refers to tokens by another column than their key."""
    model: Any = type(
        "ByDigest",
        (models.Model,),
        {
            "Meta": type("Meta", (), {"app_label": "inventory"}),
            "__module__": __name__,
            "token": models.ForeignKey(AccessToken, models.SET_NULL, null=True, to_field="secret"),
        },
    )
    try:
        with connection.schema_editor() as editor:
            editor.create_model(model)
        yield model
        with connection.schema_editor() as editor:
            editor.delete_model(model)
    finally:
        del apps.all_models["inventory"]["bydigest"]
        apps.clear_cache()


@pytest.mark.django_db(transaction=True)
def test_what_refers_to_a_token_by_its_digest_is_parted_from_it(
    make: Callable[..., AccessToken], by_digest: Any
) -> None:
    kept = make("active")
    tokens = [kept, *(make(name, revoked_at=-31) for name in ("1", "2"))]
    rows = [by_digest.objects.create(token=token).pk for token in tokens for _ in range(3)]
    assert prunetokens("--batch", "2") == "Deleted 2 tokens and 0 rows of the login log.\n"
    referring = by_digest.objects.order_by("pk").values_list("pk", "token_id")
    assert list(referring) == [*((pk, kept.secret) for pk in rows[:3]), *((pk, None) for pk in rows[3:])]


def test_tokens_are_deleted_by_one_statement_and_not_loaded(
    make: Callable[..., AccessToken], django_assert_num_queries: Any
) -> None:
    for number in range(150):
        make(str(number), expires_at=-40)
    rows = AccessToken.objects.filter(expires_at__lte=timezone.now())
    postgresql = connection.vendor == "postgresql"
    # Found, nothing that refers to them, a savepoint, locked, parted by two, deleted; and nothing is left.
    with django_assert_num_queries(9 + postgresql) as captured:
        assert list(batches.delete(rows, "expires_at", 5000)) == [150]
    assert sum(query["sql"].startswith("DELETE") for query in captured) == 1
    assert not any('"secret"' in query["sql"] for query in captured)


@pytest.mark.parametrize("sender", [AccessToken, None])
@pytest.mark.parametrize("signal", [pre_delete, post_delete])
def test_a_receiver_hears_of_each_token(
    make: Callable[..., AccessToken], signal: ModelSignal, sender: type[AccessToken] | None
) -> None:
    heard = []

    def hear(instance: object, **kwargs: object) -> None:
        if isinstance(instance, AccessToken):
            heard.append(instance.name)

    for name in ("1", "2"):
        make(name, revoked_at=-31)
    signal.connect(hear, sender=sender)
    try:
        assert prunetokens() == "Deleted 2 tokens and 0 rows of the login log.\n"
    finally:
        signal.disconnect(hear, sender=sender)
    assert sorted(heard) == ["1", "2"]


@pytest.mark.django_db(transaction=True)
def test_a_pruned_token_is_not_remembered(
    alice: User, make: Callable[..., AccessToken], tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(LOOKUP_CACHE_SECONDS=60, UNUSED_TOKEN_LIFETIME=None)
    token = alice.generate_access_token("t")
    assert token.raw_token is not None
    AccessToken.objects.verify(token.raw_token)
    # Past the models, by which nobody is told.
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tokenauth_accesstoken SET expires_at = created_at")
    AccessToken.objects.verify(token.raw_token)
    with time_machine.travel(timezone.now() + timedelta(seconds=1), tick=False):
        prunetokens("--older-than", "1s")
        with pytest.raises(CredentialError) as raised:
            AccessToken.objects.verify(token.raw_token)
    assert raised.value.reason == "unknown"


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 8, 30_000])
def test_in_batches_of_any_size_all_are_deleted(
    make: Callable[..., AccessToken], batch: int, django_assert_max_num_queries: Any
) -> None:
    # Some of the same moment, and one that stays in the middle of each column.
    for number in range(7):
        make("revoked", revoked_at=-40 + number // 3)
        make("lapsed", created_at=-500 + number // 3)
        make("still used", created_at=-500 + number // 3, last_used_at=-1)
        login(-100 + number // 3)
    kept = login(-1)
    assert prunetokens("--batch", batch) == "Deleted 14 tokens and 7 rows of the login log.\n"
    assert set(names()) == {"still used"}
    assert TokenLogin.objects.get() == kept


def test_a_batch_is_no_larger_than_it_is_said(make: Callable[..., AccessToken]) -> None:
    for _ in range(5):
        login(-100)
    rows = TokenLogin.objects.filter(date__lt=timezone.now())
    assert list(batches.delete(rows, "date", 2)) == [2, 2, 1]


@pytest.mark.parametrize(("vendor", "long", "short"), [("postgresql", 0.25, 0.1), ("sqlite", 0.15, 0.06)])
def test_a_batch_is_smaller_where_the_database_is_busy(
    monkeypatch: pytest.MonkeyPatch, vendor: str, long: float, short: float
) -> None:
    monkeypatch.setattr(connection, "vendor", vendor)
    pace = batches.Pace(5000)
    sizes = [pace.size]
    quick, right, slow = short - 0.01, short + 0.01, long + 0.01
    for seconds in (quick, quick, quick, quick, right, slow, slow, right, quick):
        pace.took(seconds)
        sizes.append(pace.size)
    assert sizes == [500, 1000, 2000, 4000, 5000, 5000, 2500, 1250, 1250, 2500]
    for _ in range(20):
        pace.took(60)
    assert pace.size == 1
    assert batches.Pace(2).size == 2


@pytest.mark.parametrize(("long", "counts"), [(60, [4, 4, 2]), (-1, [4, 2, 1, 1, 1, 1])])
def test_each_batch_is_as_large_as_the_ones_before_allow(
    make: Callable[..., AccessToken], monkeypatch: pytest.MonkeyPatch, long: float, counts: list[int]
) -> None:
    limits = {"FIRST": 4, "SHORT": -1, "LONG": long, "SHORT_ON_SQLITE": -1, "LONG_ON_SQLITE": long}
    for name, value in limits.items():
        monkeypatch.setattr(batches, name, value)
    for _ in range(10):
        login(-100)
    rows = TokenLogin.objects.filter(date__lt=timezone.now())
    assert list(batches.delete(rows, "date", 5000)) == counts


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="1 row or more"):
        next(batches.delete(TokenLogin.objects.all(), "date", 0))


@pytest.mark.usefixtures("alice")
def test_when_it_is_interrupted_it_says_how_far_it_came() -> None:
    for _ in range(2):
        login(-91)

    def interrupt(execute: Callable[..., Any], sql: str, *args: Any) -> Any:
        if sql.startswith("DELETE") and TokenLogin.objects.count() == 1:
            raise KeyboardInterrupt
        return execute(sql, *args)

    with connection.execute_wrapper(interrupt), pytest.raises(CommandError) as raised:
        prunetokens("--batch", "1")
    assert str(raised.value).startswith("Interrupted.\n0 tokens and 1 row of the login log were deleted")
    assert raised.value.returncode == 130


def test_what_changes_while_it_is_deleted_stays(make: Callable[..., AccessToken]) -> None:
    tokens = [make(str(number), expires_at=-40 + number) for number in range(4)]
    rows = AccessToken.objects.filter(expires_at__lte=timezone.now())
    statements = 0

    def extend(execute: Callable[..., Any], sql: str, params: Any, many: Any, context: Any) -> Any:
        """Somebody else's write, after the first batch was found and before it is deleted."""
        nonlocal statements
        statements += 1
        if statements == 2:
            later = timezone.now() + DAY
            AccessToken.objects.filter(pk__in=[tokens[1].pk, tokens[3].pk]).update(expires_at=later)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(extend):
        assert list(batches.delete(rows, "expires_at", 2)) == [1, 1]
    assert names() == ["1", "3"]


def test_a_dry_run_deletes_nothing(make: Callable[..., AccessToken]) -> None:
    make("revoked", revoked_at=-31)
    make("unused", created_at=-396)
    make("unused and expired", created_at=-396, expires_at=-31)
    make("unused, expired lately", created_at=-396, expires_at=-29)
    login(-91)
    said = prunetokens("--dry-run")
    assert said == "Would delete 4 tokens and 1 row of the login log.\n"
    assert len(names()) == 4
    assert TokenLogin.objects.exists()
    assert prunetokens() == said.replace("Would delete", "Deleted")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--batch", "0"),
        ("--batch", "-1"),
        ("--batch", "x"),
        ("--batch", "30001"),
        ("--older-than", "30"),
        ("--older-than", "0d"),
        ("--logins-older-than", "next year"),
    ],
)
def test_what_is_no_number_deletes_nothing(make: Callable[..., AccessToken], option: str, value: str) -> None:
    make("revoked", revoked_at=-31)
    login(-91)
    with pytest.raises(CommandError, match="is not a"):
        prunetokens(f"{option}={value}")
    assert names()
    assert TokenLogin.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_database_that_fails_in_the_middle(make: Callable[..., AccessToken]) -> None:
    """The database itself refuses one row: what was deleted before stays so, and the rest is said."""
    for number in range(4):
        make(str(number), revoked_at=-40 + number)
    login(-91)
    with refusing(AccessToken.objects.get(name="2")), pytest.raises(CommandError) as raised:
        prunetokens("--batch", 1)
    assert "The database failed: " in str(raised.value)
    assert "2 tokens and 1 row of the login log were deleted before, and stay deleted" in str(raised.value)
    assert names() == ["2", "3"]
    assert prunetokens("--batch", 1) == "Deleted 2 tokens and 0 rows of the login log.\n"


class refusing:  # noqa: N801 - a context manager
    """Rows of the database refer to ``token``, and it knows no way to part them."""

    def __init__(self, token: AccessToken) -> None:
        self.key = token.pk

    def __enter__(self) -> None:
        table = AccessToken._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE TABLE refusing (token bigint NOT NULL, FOREIGN KEY (token) REFERENCES {table} (id))"
            )
            cursor.execute("INSERT INTO refusing VALUES (%s)", [self.key])

    def __exit__(self, *error: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE refusing")


def test_on_a_terminal_it_shows_how_far_it_is(tmp_path: Path) -> None:
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'prune.sqlite3'}"}

    def manage(*args: str, stderr: int) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(  # noqa: S603
            [sys.executable, "manage.py", *args],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=stderr,
            timeout=60,
            check=True,
        )

    manage("migrate", "-v0", stderr=subprocess.PIPE)
    fill = (
        "from datetime import datetime, UTC; from tokenauth.models import TokenLogin; "
        "TokenLogin.objects.create(id_type='jwt', success=True, date=datetime(2026, 1, 1, tzinfo=UTC))"
    )
    manage("shell", "-v0", "-c", fill, stderr=subprocess.PIPE)
    terminal, end = pty.openpty()
    termios.tcsetwinsize(end, (24, 80))
    os.set_blocking(terminal, False)
    try:
        pruned = manage("prunetokens", stderr=end)
        shown = os.read(terminal, 10_000).decode()
    finally:
        os.close(end)
        os.close(terminal)
    assert pruned.stdout == b"Deleted 0 tokens and 1 row of the login log.\n"
    assert "0/1" in shown
    assert manage("prunetokens", stderr=subprocess.PIPE).stderr == b""

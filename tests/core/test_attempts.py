from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.db import DatabaseError, connection, connections
from django.db.models import Count, Sum
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from tests.conftest import bearer
from tokenauth.core import attempt_limit, attempts
from tokenauth.core.request_state import Verified
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.urls")]

UNKNOWN = "pat_00000000000000000000000000000042VsRc"
NOON = "2030-01-01T12:00:00Z"


def test_a_leaked_tokens_attempts_are_found_by_its_text(api: APIClient, alice: User) -> None:
    token = alice.generate_access_token("leaked")
    alice.revoke_all_access_tokens()
    api.get("/who", **bearer(token))
    api.get("/who", **bearer(UNKNOWN))
    row = TokenLogin.objects.refused_with(token.raw_token or "").get()
    assert (row.token, row.user, row.reason, row.hint) == (token, alice, "revoked", token.hint)


@pytest.mark.parametrize(
    ("presented", "hint"),
    [
        ("hunter2!", ""),
        ("pat_" + "x" * 36, ""),
        (UNKNOWN, "pat_0000…VsRc"),
        ("pat_correct-horse-battery-staple", ""),
    ],
)
def test_a_hint_is_kept_where_prefix_and_checksum_are_right_alone(
    api: APIClient, presented: str, hint: str
) -> None:
    api.get("/who", **bearer(presented))
    row = TokenLogin.objects.get()
    assert row.hint == hint
    assert presented not in str(vars(row))


def test_what_is_kept_of_it_is_worth_nothing_without_the_secret_key(settings: Any) -> None:
    kept = attempts.identifier_of(UNKNOWN)
    settings.SECRET_KEY = "another"
    assert attempts.identifier_of(UNKNOWN) != kept
    assert attempts.identifier_of("x" * 10_000_000) == attempts.identifier_of("x" * 1024)


def test_two_that_read_the_same_row_write_it_once(alice: User) -> None:
    alice.generate_access_token("t")
    first, second = AccessToken.objects.get(), AccessToken.objects.get()
    now = timezone.now()
    later = now + timedelta(seconds=1)
    attempts._touch(Verified(first, first.secret, now), "192.0.2.1")
    attempts._touch(Verified(second, second.secret, later), "192.0.2.2")
    first.refresh_from_db()
    assert (first.last_used_at, first.last_used_ip) == (now, "192.0.2.1")


def test_a_misplaced_credential_is_logged_by_the_header_it_came_in(api: APIClient, alice: User) -> None:
    key = alice.generate_access_token("k", [], kind="api_key", environment="live")
    api.get("/who", **bearer(key))
    api.get("/who", HTTP_X_API_KEY=UNKNOWN)
    rows = TokenLogin.objects.order_by("pk").values_list("id_type", "hint", "reason")
    assert list(rows) == [
        ("access_token", key.hint, "malformed"),
        ("api_key", "pat_0000…VsRc", "malformed"),
    ]


def test_no_credential_is_no_attempt(api: APIClient) -> None:
    for authorization in ("", "Basic abc", "Token abc"):
        assert api.get("/who", HTTP_AUTHORIZATION=authorization).status_code == 401
    assert TokenLogin.objects.count() == 0


def test_what_is_known_of_the_client_is_kept_and_cut(api: APIClient) -> None:
    api.get(
        "/who",
        HTTP_USER_AGENT="agent\0 " + "x" * 1000,
        HTTP_X_REQUEST_ID="r" * 1000,
        HTTP_X_CLIENT_VERSION="v" * 1000,
        REMOTE_ADDR="2001:db8::7",
        **bearer("junk" * 300_000),
    )
    row = TokenLogin.objects.get()
    assert row.user_agent.startswith("agent xxx")
    assert len(row.user_agent) <= 255
    assert row.request_id == "r" * 64
    assert row.client_version == "v" * 64
    assert row.ip_address == "2001:db8::7"
    row.full_clean()


def test_an_unknown_address_is_kept_as_such(api: APIClient, tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(TRUSTED_PROXIES=1)
    api.get("/who", **bearer("junk"))
    assert TokenLogin.objects.get().ip_address is None


def test_a_request_that_is_refused_for_its_scope_is_one_refused_attempt(
    api: APIClient, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(RECORD_LOGIN_ATTEMPTS="all")
    token = alice.generate_access_token("t", ["read:events"])
    api.get("/who", **bearer(token))
    row = TokenLogin.objects.get()
    assert (row.success, row.reason, row.token) == (False, "insufficient_scope", token)
    assert row.identifier == attempts.identifier_of(token.raw_token or "")


@pytest.mark.parametrize(
    ("recorded", "reasons"), [("none", []), ("failure", ["malformed"]), ("all", ["", "malformed"])]
)
def test_what_is_recorded(
    api: APIClient,
    alice: User,
    tokenauth_settings: Callable[..., None],
    recorded: str,
    reasons: list[str],
) -> None:
    tokenauth_settings(RECORD_LOGIN_ATTEMPTS=recorded)
    api.get("/who", **bearer(alice.generate_access_token("t")))
    api.get("/who", **bearer("junk"))
    assert sorted(TokenLogin.objects.values_list("reason", flat=True)) == reasons


class TestWhatCannotBeWritten:
    @pytest.fixture
    def read_only(self) -> Any:
        """A database that refuses every write."""

        def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if not sql.startswith(("SELECT", "SAVEPOINT", "ROLLBACK", "RELEASE", "BEGIN")):
                raise DatabaseError("the database is read-only")
            return execute(sql, params, many, context)

        return connection.execute_wrapper(refuse)

    def test_a_read_only_database_still_authenticates(
        self, api: APIClient, alice: User, read_only: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        token = alice.generate_access_token("t")
        with read_only, caplog.at_level(logging.ERROR, "tokenauth"):
            assert api.get("/who", **bearer(token)).status_code == 200
        assert AccessToken.objects.get().last_used_at is None
        (record,) = caplog.records
        assert record.name == "tokenauth"
        assert str(token.pk) in record.getMessage()

    def test_a_row_goes_to_the_logger_with_all_its_fields(
        self, api: APIClient, read_only: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        with read_only, caplog.at_level(logging.ERROR, "tokenauth"):
            answer = api.get("/who", HTTP_X_REQUEST_ID="r-1", **bearer(UNKNOWN))
        assert answer.status_code == 401
        (record,) = caplog.records
        fields = record.tokenauth  # type: ignore[attr-defined]
        assert set(fields) == {field.attname for field in TokenLogin._meta.concrete_fields}
        assert (fields["reason"], fields["request_id"]) == ("unknown", "r-1")
        assert fields["hint"] in record.getMessage()
        assert UNKNOWN not in record.getMessage()

    def test_nor_is_one_lost_that_cannot_even_be_made(
        self, api: APIClient, tokenauth_settings: Callable[..., None], caplog: pytest.LogCaptureFixture
    ) -> None:
        tokenauth_settings(TRUSTED_PROXIES=None)
        with caplog.at_level(logging.ERROR, "tokenauth"):
            assert api.get("/who", **bearer("junk")).status_code == 401
        (record,) = caplog.records
        assert record.tokenauth["reason"] == "malformed"  # type: ignore[attr-defined]

    def test_one_that_fails_does_not_take_the_other_along(
        self, api: APIClient, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        token = alice.generate_access_token("t", ["read:events"])
        monkeypatch.setattr(attempts, "_touch", lambda *args, **kwargs: 1 / 0)
        assert api.get("/who", **bearer(token)).status_code == 403
        assert TokenLogin.objects.get().reason == "insufficient_scope"


class TestAFlood:
    def flood(self, api: APIClient, count: int, **environ: Any) -> None:
        for _ in range(count):
            assert api.get("/who", **bearer("junk"), **environ).status_code == 401

    def test_the_rest_of_a_minute_is_counted_into_one_row(self, api: APIClient) -> None:
        with time_machine.travel(NOON, tick=False):
            self.flood(api, 75)
        rows = TokenLogin.objects.all()
        assert rows.filter(reason="malformed").count() == attempt_limit.ROWS_A_MINUTE == 60
        repeated = rows.get(reason="repeated")
        assert (repeated.count, repeated.success, repeated.ip_address) == (15, False, "127.0.0.1")
        assert rows.aggregate(Sum("count"))["count__sum"] == 75

    def test_it_does_not_hide_the_use_of_a_known_token(self, api: APIClient, alice: User) -> None:
        stolen = alice.generate_access_token("stolen", ["read:sites"])
        stolen.revoke()
        with time_machine.travel(NOON, tick=False):
            self.flood(api, 75)
            for _ in range(3):
                assert api.get("/who", **bearer(stolen)).status_code == 401
        assert TokenLogin.objects.get(token=stolen).reason == "revoked"
        assert TokenLogin.objects.get(reason="repeated").count == 15 + 2

    def test_another_address_and_the_next_minute_have_their_own(self, api: APIClient) -> None:
        with time_machine.travel(NOON, tick=False) as clock:
            self.flood(api, 61)
            self.flood(api, 1, REMOTE_ADDR="192.0.2.1")
            clock.shift(timedelta(seconds=60))
            self.flood(api, 1)
        assert TokenLogin.objects.filter(reason="malformed").count() == 62

    def test_each_process_keeps_its_own_share(self, api: APIClient) -> None:
        with time_machine.travel(NOON, tick=False):
            self.flood(api, 61)
            attempt_limit._shares.clear()
            self.flood(api, 61)
        assert TokenLogin.objects.filter(reason="malformed").count() == 120
        assert list(TokenLogin.objects.filter(reason="repeated").values_list("count", flat=True)) == [1, 1]

    def test_what_took_long_counts_in_the_minute_it_came(self, api: APIClient) -> None:
        with time_machine.travel(NOON, tick=False) as clock:
            self.flood(api, 60)
            clock.shift(60)
            self.flood(api, 1)
            clock.shift(-60)
            self.flood(api, 1)
        assert TokenLogin.objects.get(reason="repeated").count == 1

    @pytest.mark.django_db(transaction=True)
    def test_outside_of_a_transaction_each_costs_one_statement(self, api: APIClient) -> None:
        with time_machine.travel(NOON, tick=False):
            with CaptureQueriesContext(connection) as written:
                self.flood(api, 1)
            assert [query["sql"].split()[0] for query in written] == ["INSERT"]
            self.flood(api, 60)
            with CaptureQueriesContext(connection) as counted:
                self.flood(api, 1)
            assert [query["sql"].split()[0] for query in counted] == ["UPDATE"]
        assert TokenLogin.objects.get(reason="repeated").count == 2

    @pytest.mark.django_db(transaction=True)
    def test_threads_write_no_row_too_many_and_count_every_attempt(self) -> None:
        # At one moment, so that all of it lies in one minute.
        with time_machine.travel(NOON, tick=False), ThreadPoolExecutor(8) as pool:

            def flood(_: int) -> None:
                try:
                    self.flood(APIClient(), 15)
                finally:
                    connections.close_all()

            list(pool.map(flood, range(8)))
        rows = TokenLogin.objects.values_list("reason").annotate(Count("pk"), Sum("count")).order_by("reason")
        assert list(rows) == [("malformed", 60, 60), ("repeated", 1, 60)]

    def test_rows_that_are_being_written_are_not_gone(self, api: APIClient) -> None:
        with time_machine.travel(NOON, tick=False):
            self.flood(api, 55)
            (share,) = attempt_limit._shares.values()
            # Five threads have taken their place, and not committed yet.
            share.seen, share.writing = 60, 5
            self.flood(api, 1)
        assert TokenLogin.objects.filter(reason="repeated").count() == 1

    def test_rows_that_are_written_while_it_counts_are_not_missed(self, api: APIClient) -> None:
        with time_machine.travel(NOON, tick=False):
            self.flood(api, 55)
            (share,) = attempt_limit._shares.values()
            share.seen, share.writing = 60, 5

            def commit_theirs(execute: Any, sql: str, *args: Any) -> Any:
                counted = execute(sql, *args)
                if "COUNT(" in sql:
                    share.writing = 0
                return counted

            with connection.execute_wrapper(commit_theirs):
                self.flood(api, 1)
        assert share.writing == 0
        assert TokenLogin.objects.filter(reason="repeated").count() == 1

    def test_some_rows_that_are_gone_make_as_much_room(self, api: APIClient) -> None:
        with time_machine.travel(NOON, tick=False):
            self.flood(api, 60)
            gone = TokenLogin.objects.values_list("pk", flat=True)[:30]
            TokenLogin.objects.filter(pk__in=list(gone)).delete()
            self.flood(api, 32)
        assert TokenLogin.objects.filter(reason="malformed").count() == 60
        assert TokenLogin.objects.get(reason="repeated").count == 2

    def test_rows_that_are_gone_make_room(self, api: APIClient) -> None:
        with time_machine.travel(NOON, tick=False):
            self.flood(api, 61)
            TokenLogin.objects.all().delete()
            self.flood(api, 2)
        assert list(TokenLogin.objects.values_list("reason", "count")) == [("malformed", 1)] * 2

    def test_a_success_is_never_counted_in(
        self, api: APIClient, alice: User, tokenauth_settings: Callable[..., None]
    ) -> None:
        tokenauth_settings(RECORD_LOGIN_ATTEMPTS="all")
        token = alice.generate_access_token("t")
        with time_machine.travel(timezone.now(), tick=False):
            for _ in range(2):
                assert api.get("/who", **bearer(token)).status_code == 200
            self.flood(api, 60)
            assert api.get("/who", **bearer(token)).status_code == 200
            self.flood(api, 1)
        rows = TokenLogin.objects.order_by("pk").values_list("reason", flat=True)
        assert list(rows) == ["", "", *["malformed"] * 60, "", "repeated"]

    def test_an_attack_from_everywhere_takes_no_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(attempt_limit, "_ADDRESSES", 3)
        now = timezone.now()
        for number in range(10):
            attempt_limit._share_of(f"192.0.2.{number}", now)
            assert len(attempt_limit._shares) <= 3
        attempt_limit._share_of("192.0.2.1", now + timedelta(minutes=3))
        assert len(attempt_limit._shares) == 1

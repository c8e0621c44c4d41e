"""The database is read-only, or its log takes no row: answers stand, and the logger has what was lost."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.db import DatabaseError, connection
from django.test import Client

from tests.conftest import bearer
from tests.devices.installation import activated
from tests.failures.databases import read_only, refusing_rows, without_log
from tests.oauth.requests import SECRET, make_application, of_service
from tokenauth.devices.protocol.headers import TOKEN_HEADER
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)

UNKNOWN = "pat_00000000000000000000000000000042VsRc"
SITES = "/inventory-service/sites"
NOON = "2030-01-01T12:00:00Z"


@pytest.fixture(autouse=True)
def all_recorded(tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(RECORD_LOGIN_ATTEMPTS="all")


def status(raw: str | None, path: str = SITES, **extra: Any) -> int:
    return Client().get(path, **bearer(str(raw)), **extra).status_code


def lost(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The fields of each row that the logger has got."""
    records = [record for record in caplog.records if record.name == "tokenauth"]
    assert all(record.levelno == logging.ERROR for record in records)
    return [record.tokenauth for record in records]  # type: ignore[attr-defined]


FIELDS = {field.attname for field in TokenLogin._meta.concrete_fields}


class TestAReadOnlyDatabase:
    def test_it_refuses_to_write(self, alice: User) -> None:
        token = alice.generate_access_token("t")
        with read_only(), pytest.raises(DatabaseError):
            token.revoke()
        token.revoke()
        assert AccessToken.objects.get().revoked_at is not None

    @pytest.mark.parametrize("remembered", [0, 30])
    def test_it_authenticates(
        self,
        alice: User,
        remembered: int,
        caplog: pytest.LogCaptureFixture,
        tokenauth_settings: Callable[..., None],
    ) -> None:
        tokenauth_settings(LOOKUP_CACHE_SECONDS=remembered)
        token = alice.generate_access_token("t", ["read:sites"])
        with read_only():
            assert [status(token.raw_token), status(token.raw_token)] == [200, 200]
        used, row, *_ = lost(caplog)
        assert used == {"token": token.pk}
        assert set(row) == FIELDS
        assert (row["success"], row["token_id"], row["user_id"]) == (True, token.pk, alice.pk)
        assert len(lost(caplog)) == 4
        assert AccessToken.objects.get().last_used_at is None
        assert status(token.raw_token) == 200
        assert AccessToken.objects.get().last_used_at is not None

    def test_what_it_refuses_stays_refused(self, alice: User, caplog: pytest.LogCaptureFixture) -> None:
        revoked = alice.generate_access_token("revoked", ["read:sites"])
        revoked.revoke()
        narrow = alice.generate_access_token("narrow", ["read:events"])
        with read_only():
            assert [status(raw) for raw in (UNKNOWN, revoked.raw_token, "junk")] == [401] * 3
            assert status(narrow.raw_token) == 403
        assert [fields["reason"] for fields in lost(caplog) if "reason" in fields] == [
            "unknown",
            "revoked",
            "malformed",
            "insufficient_scope",
        ]
        assert UNKNOWN not in caplog.text

    @pytest.mark.urls("tests.plain_urls")
    def test_in_plain_django_likewise(self, alice: User) -> None:
        token = alice.generate_access_token("t", ["read:sites"])
        with read_only():
            assert status(token.raw_token, "/function") == 200
            assert status(UNKNOWN, "/function") == 401

    def test_and_by_a_jwt(self, caplog: pytest.LogCaptureFixture) -> None:
        make_application("service", grants=["client_credentials"], scopes=["read:sites"], secret=SECRET)
        text = of_service().json()["access_token"]
        caplog.clear()
        with read_only():
            assert status(text) == 200
        (row,) = lost(caplog)
        assert (row["id_type"], row["success"]) == ("jwt", True)
        assert text not in caplog.text

    def test_but_not_by_what_is_good_once(self, alice: User, tokenauth_settings: Callable[..., None]) -> None:
        tokenauth_settings(DEVICE_TOKEN_SCOPES={"possession_knowledge": ["read:sites"]})
        device = activated(alice)
        headers = {TOKEN_HEADER: device.token_header(device.create_token())}
        client = Client(raise_request_exception=False)
        with read_only():
            assert client.get(SITES, headers=headers).status_code == 500
        assert client.get(SITES, headers=headers).status_code == 200
        assert client.get(SITES, headers=headers).status_code == 401


@pytest.fixture(params=[refusing_rows, without_log])
def refused(request: pytest.FixtureRequest) -> Any:
    return request.param()


class TestALogThatTakesNoRow:
    def test_the_answer_stands_and_the_attempt_is_in_the_logger(
        self, alice: User, refused: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        token = alice.generate_access_token("t", ["read:sites"])
        with refused:
            assert status(token.raw_token, HTTP_X_REQUEST_ID="r-1") == 200
            assert status(UNKNOWN, HTTP_X_REQUEST_ID="r-2") == 401
        accepted, unknown = lost(caplog)
        assert set(accepted) == set(unknown) == FIELDS
        assert (accepted["reason"], accepted["request_id"], accepted["token_id"]) == ("", "r-1", token.pk)
        assert (unknown["reason"], unknown["request_id"], unknown["token_id"]) == ("unknown", "r-2", None)
        assert (unknown["hint"], unknown["ip_address"]) == ("pat_0000…VsRc", "127.0.0.1")
        assert UNKNOWN not in caplog.text
        assert AccessToken.objects.get().last_used_at is not None
        assert TokenLogin.objects.count() == 0
        assert status(UNKNOWN) == 401
        assert TokenLogin.objects.get().reason == "unknown"

    def test_of_a_flood_nothing_is_lost(self, refused: Any, caplog: pytest.LogCaptureFixture) -> None:
        with time_machine.travel(NOON, tick=False):
            with refused:
                assert {status(UNKNOWN) for _ in range(65)} == {401}
            assert len(lost(caplog)) == 65
            assert status(UNKNOWN) == 401
        assert list(TokenLogin.objects.values_list("reason", flat=True)) == ["unknown"]

    def test_it_does_not_take_the_views_own_transaction_along(
        self, alice: User, refused: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without the middleware a row is written at once, and so inside of it."""
        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "tokenauth" not in name]
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", 1)
        token = alice.generate_access_token("t", ["read:sites"])
        with refused:
            assert status(token.raw_token) == 200
            assert status(UNKNOWN) == 401
        assert AccessToken.objects.get().last_used_at is not None

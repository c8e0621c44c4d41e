"""``LOOKUP_CACHE_SECONDS``: what is remembered, and what ends that."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext, isolate_apps
from django.utils import timezone

from tests.conftest import bearer
from tests.services.threads import own_connections
from tokenauth.core import lookup, lookup_cache, rotation
from tokenauth.core.lookup_cache import lookups
from tokenauth.exceptions import CredentialError, Reason
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.test import Client

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = 30
SITES = "/inventory-service/sites"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """That of the cache, which is never set."""
    clock = Clock()
    monkeypatch.setattr(lookup_cache, "monotonic", clock)
    return clock


@pytest.fixture(autouse=True)
def cache(tokenauth_settings: Callable[..., None], clock: Clock) -> Iterator[None]:
    tokenauth_settings(LOOKUP_CACHE_SECONDS=SECONDS, LAST_USED_INTERVAL=timedelta(minutes=1))
    lookups.clear()
    yield
    lookups.clear()


@pytest.fixture
def token(alice: User) -> AccessToken:
    """A token that the cache knows, and that was used just now."""
    token = alice.generate_access_token("t", ["read:sites"], allowed_networks=["127.0.0.0/8"])
    AccessToken.objects.filter(pk=token.pk).update(last_used_at=timezone.now())
    assert found(token)
    return token


def found(token: AccessToken) -> AccessToken:
    found = lookup.find([token.secret])
    assert found is not None
    return found


def reason_of(token: AccessToken) -> Reason:
    with pytest.raises(CredentialError) as refused:
        AccessToken.objects.verify(str(token.raw_token), address="127.0.0.1")
    return refused.value.reason


def test_what_was_found_is_not_asked_for_again(token: AccessToken, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        again = found(token)
    assert again == token
    assert again.user == token.user
    assert again.scopes == ["read:sites"]
    by_database = AccessToken.objects.select_related("user").get(pk=token.pk)
    for instance, other in ((again, by_database), (again.user, by_database.user)):
        for field in instance._meta.concrete_fields:
            assert getattr(instance, field.attname) == getattr(other, field.attname)


def test_it_is_for_so_long_and_no_longer(
    token: AccessToken, clock: Clock, django_assert_num_queries: Any
) -> None:
    clock.now += SECONDS - 0.1
    with django_assert_num_queries(0):
        found(token)
    clock.now += 0.1
    with django_assert_num_queries(1):
        found(token)


def test_it_is_off_by_default(
    token: AccessToken, tokenauth_settings: Callable[..., None], django_assert_num_queries: Any
) -> None:
    tokenauth_settings(LOOKUP_CACHE_SECONDS=0)
    with django_assert_num_queries(2):
        found(token)
        found(token)


def test_no_request_has_what_another_has(token: AccessToken) -> None:
    one = found(token)
    one.scopes.append("*")
    one.allowed_networks.clear()
    one.user.is_active = False
    one.user.current_access_token = one
    other = found(token)
    assert other is not one
    assert other.scopes == ["read:sites"]
    assert other.allowed_networks == ["127.0.0.0/8"]
    assert other.user.is_active
    assert other.user.current_access_token is None


def test_no_request_has_what_the_one_that_asked_the_database_has(token: AccessToken) -> None:
    lookups.clear()
    first = found(token)
    first.scopes.append("*")
    first.allowed_networks.clear()
    other = found(token)
    assert other.scopes == ["read:sites"]
    assert other.allowed_networks == ["127.0.0.0/8"]


def test_nothing_is_remembered_of_what_is_unknown(token: AccessToken, django_assert_num_queries: Any) -> None:
    for _ in range(2):
        with django_assert_num_queries(1):
            assert lookup.find(["0" * 64]) is None


def _deactivate(token: AccessToken) -> None:
    token.user.is_active = False
    token.user.save()


def _rotate_at_once(token: AccessToken) -> None:
    rotation.rotate(token, timedelta(0))


ENDS: dict[str, tuple[Callable[[AccessToken], object], Reason]] = {
    "revoke()": (lambda token: token.revoke(), Reason.REVOKED),
    "by its text": (lambda token: token.user.revoke_access_token(token.raw_token), Reason.REVOKED),
    "all of a user": (lambda token: token.user.revoke_all_access_tokens(), Reason.REVOKED),
    "the command": (lambda token: call_command("revoketokens", str(token.pk), "--yes"), Reason.REVOKED),
    "update()": (
        lambda token: AccessToken.objects.filter(pk=token.pk).update(revoked_at=timezone.now()),
        Reason.REVOKED,
    ),
    "save()": (lambda token: _save(token, expires_at=timezone.now()), Reason.EXPIRED),
    "bulk_update()": (lambda token: _bulk_update(token, expires_at=timezone.now()), Reason.EXPIRED),
    "an upsert": (lambda token: _upsert(token, expires_at=timezone.now()), Reason.EXPIRED),
    "networks": (lambda token: _save(token, allowed_networks=["10.0.0.0/8"]), Reason.IP_ADDRESS),
    "rotation": (_rotate_at_once, Reason.EXPIRED),
    "delete()": (lambda token: token.delete(), Reason.UNKNOWN),
    "delete() of many": (lambda token: AccessToken.objects.all().delete(), Reason.UNKNOWN),
    "the user deactivated": (_deactivate, Reason.USER_INACTIVE),
    "the user deleted": (lambda token: token.user.delete(), Reason.UNKNOWN),
    "all users deleted": (lambda token: get_user_model().objects.all().delete(), Reason.UNKNOWN),
}


def _save(token: AccessToken, **values: Any) -> None:
    for name, value in values.items():
        setattr(token, name, value)
    token.save()


def _bulk_update(token: AccessToken, **values: Any) -> None:
    for name, value in values.items():
        setattr(token, name, value)
    AccessToken.objects.bulk_update([token], list(values))


def _upsert(token: AccessToken, **values: Any) -> None:
    for name, value in values.items():
        setattr(token, name, value)
    # MariaDB takes whatever is unique, and no names.
    unique = ["pk"] if connection.features.supports_update_conflicts_with_target else None
    AccessToken.objects.bulk_create(
        [token], update_conflicts=True, update_fields=list(values), unique_fields=unique
    )


@pytest.mark.parametrize("end", ENDS)
def test_nothing_outlives_its_end(token: AccessToken, end: str) -> None:
    act, reason = ENDS[end]
    act(AccessToken.objects.select_related("user").get(pk=token.pk) if "text" not in end else token)
    assert reason_of(token) is reason


@pytest.mark.parametrize("end", ENDS)
def test_nothing_outlives_its_end_in_a_transaction(token: AccessToken, end: str) -> None:
    """What others are told until it is committed, they are not told afterwards."""
    act, reason = ENDS[end]
    fresh = AccessToken.objects.select_related("user").get(pk=token.pk) if "text" not in end else token

    def of_somebody_else() -> None:
        with own_connections():
            assert found(token)

    with transaction.atomic():
        act(fresh)
        assert reason_of(token) is reason
        if connection.vendor != "sqlite":
            # There, whoever reads waits for whoever writes, or the other way round.
            with ThreadPoolExecutor(1) as threads:
                threads.submit(of_somebody_else).result(timeout=60)
    assert reason_of(token) is reason


def test_what_is_rolled_back_leaves_nothing(token: AccessToken) -> None:
    with transaction.atomic():
        _save(token, name="changed")
        assert found(token).name == "changed"
        transaction.set_rollback(True)
    assert found(token).name == "t"


def test_an_answer_from_before_a_revocation_is_not_remembered_after_it(token: AccessToken) -> None:
    """The database has answered, and before that is noted, another thread revokes."""
    lookups.clear()

    def revoke() -> None:
        with own_connections():
            assert AccessToken.objects.get(pk=token.pk).revoke()

    def answer_slowly(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith("SELECT"):
            rows = context["cursor"].fetchall()
            with ThreadPoolExecutor(1) as threads:
                threads.submit(revoke).result(timeout=60)
            context["cursor"].fetchone = lambda: rows[0]
        return result

    with connection.execute_wrapper(answer_slowly):
        assert found(token).revoked_at is None
    assert reason_of(token) is Reason.REVOKED


@isolate_apps("testproject.accounts")
def test_a_user_that_is_saved_as_what_the_user_model_is_made_of_is_seen(
    token: AccessToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    meta = type("Meta", (), {"proxy": True, "app_label": "accounts"})
    person = type("Person", (get_user_model(),), {"Meta": meta, "__module__": __name__})
    monkeypatch.setattr(lookup_cache, "get_user_model", lambda: person)
    _deactivate(token)
    assert reason_of(token) is Reason.USER_INACTIVE


def test_within_a_transaction_the_database_is_asked(
    token: AccessToken, django_assert_num_queries: Any
) -> None:
    lookups.clear()
    with transaction.atomic(), django_assert_num_queries(2):
        found(token)
        found(token)
    with django_assert_num_queries(1):
        found(token)


def test_without_autocommit_the_database_is_asked_and_users_are_saved(
    token: AccessToken, django_assert_num_queries: Any
) -> None:
    lookups.clear()
    transaction.set_autocommit(False)
    try:
        with django_assert_num_queries(2):
            found(token)
            found(token)
        token.user.is_active = False
        token.user.save()
        assert reason_of(token) is Reason.USER_INACTIVE
        transaction.rollback()
        assert found(token).user.is_active
        transaction.rollback()
    finally:
        transaction.set_autocommit(True)


def test_the_last_use_is_written_once_an_interval(token: AccessToken, client: Client) -> None:
    AccessToken.objects.filter(pk=token.pk).update(last_used_at=None)
    with CaptureQueriesContext(connection) as captured:
        for _ in range(4):
            assert client.get(SITES, **bearer(token)).status_code == 200  # type: ignore[arg-type]
    statements = [query["sql"] for query in captured.captured_queries]
    updates = [sql for sql in statements if sql.startswith("UPDATE")]
    lookups_asked = [sql for sql in statements if token.secret in sql and sql not in updates]
    assert len(updates) == 1
    # The first, and the one after what it wrote.
    assert len(lookups_asked) == 2


def test_it_has_so_many_and_no_more(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup_cache, "MOST", 2)
    tokens = [alice.generate_access_token(str(number)) for number in range(3)]
    for token in tokens:
        found(token)
    assert [digest for *_, digest in lookups._entries] == [token.secret for token in tokens[1:]]


def test_one_tenants_token_is_no_others(
    token: AccessToken, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project of tenants has a schema for each, under one alias."""
    for schema in ("one", "two"):
        monkeypatch.setattr(connections["default"], "schema_name", schema, raising=False)
        with django_assert_num_queries(1):
            found(token)
        with django_assert_num_queries(0):
            found(token)


@pytest.mark.parametrize("value", [memoryview(b""), threading.Lock()], ids=["bytes of a driver", "a lock"])
def test_what_cannot_be_copied_is_not_remembered(value: object) -> None:
    using = connections["default"]
    lookups.put(using, "of a text", ({"name": "t"}, {}), lookups.ticket())
    lookups.put(using, "of another", ({}, {"key": value}), lookups.ticket())
    assert lookups.get(using, "of a text", SECONDS) is not None
    assert lookups.get(using, "of another", SECONDS) is None

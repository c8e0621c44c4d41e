"""What must stay fast in a big table finds its rows by an index, and no index is there for nothing."""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from testproject.accounts.models import User
from tests.services import big_tables
from tests.services.query_plans import drop_index, index_names, plans
from tokenauth.admin.change_list import MOST_ROWS
from tokenauth.core import attempt_limit, expiry_notices, late_use, lookup
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.test import Client

if connection.vendor != "postgresql":
    pytest.skip(
        f"the plans of queries, on {connection.vendor}. On PostgreSQL they are read by "
        "DATABASE_URL=postgres://postgres@127.0.0.1/postgres pytest tests/services",
        allow_module_level=True,
    )

pytestmark = pytest.mark.django_db

NOW = timezone.now()

TABLES = ("tokenauth_accesstoken", "tokenauth_tokenlogin")


@dataclass(frozen=True)
class Query:
    """The index by which ``run`` finds its rows; in all its statements, or in those that contain a text."""

    index: str
    run: Callable[[AccessToken, Client], object]
    containing: str = ""


def revoketokens(*args: object) -> None:
    call_command("revoketokens", *(str(arg) for arg in args), "--yes", stdout=StringIO())


def prunetokens(*args: object) -> None:
    options = ("--older-than", "3d", "--logins-older-than", "89d", "--batch", "50")
    call_command("prunetokens", *options, stdout=StringIO())


def count_into_one_row(*args: object) -> None:
    """One more refused attempt of an address that has had its share of this minute, and more."""
    address = big_tables.ATTACKER
    share = attempt_limit._share_of(address, NOW.replace(second=0, microsecond=0))
    share.seen = attempt_limit.ROWS_A_MINUTE
    is_counted = False
    while not is_counted:
        is_counted = share.repeated_pk is not None
        row = TokenLogin(
            id_type="access_token", ip_address=address, date=NOW, success=False, reason="unknown"
        )
        attempt_limit.save(row, "default")


def delete_token(token: AccessToken, staff: Client) -> None:
    AccessToken.objects.get(pk=token.pk).delete()


def delete_user(token: AccessToken, staff: Client) -> None:
    User.objects.get(pk=token.user_id).delete()


def page(path: str) -> Callable[[AccessToken, Client], Any]:
    return lambda token, staff: staff.get(f"/admin/tokenauth/{path}")


# By it the log is read in its order, and judged without its rows.
LOG_IN_ORDER = "tokenauth_tokenlogin(date, id, reason, id_type, success)"

# Of an admin's list, the statement that finds its rows, and so many more as it has pages for.
ROWS = f"LIMIT {MOST_ROWS + 1}"


def used_late(*args: object) -> None:
    """What a page of the list asks of the families that are on it."""
    list(late_use.used_late({token.family for token in AccessToken.objects.all()[:100]}))


# The statement that asks it.
LATE = "EXISTS("

QUERIES = {
    "a credential": Query(
        "tokenauth_accesstoken(secret)",
        lambda token, staff: lookup.find([token.secret, f"1${token.secret}"]),
    ),
    "a user's tokens": Query(
        "tokenauth_accesstoken(user_id)",
        lambda token, staff: list(AccessToken.objects.filter(user=token.user_id)),
    ),
    "a user's usable tokens": Query(
        "tokenauth_accesstoken(user_id)",
        lambda token, staff: list(AccessToken.objects.usable().filter(user=token.user_id)),
    ),
    "revoketokens --family": Query(
        "tokenauth_accesstoken(family)", lambda token, staff: revoketokens("--family", token.family)
    ),
    "revoketokens --all-expired": Query(
        "tokenauth_accesstoken(expires_at)", lambda token, staff: revoketokens("--all-expired")
    ),
    "prunetokens: the revoked ones": Query(
        "tokenauth_accesstoken(revoked_at)",
        prunetokens,
        containing='SELECT "tokenauth_accesstoken"."revoked_at"',
    ),
    "prunetokens: the expired ones": Query(
        "tokenauth_accesstoken(expires_at)",
        prunetokens,
        containing='SELECT "tokenauth_accesstoken"."expires_at"',
    ),
    "prunetokens: the unused ones": Query(
        "tokenauth_accesstoken(created_at)",
        prunetokens,
        containing='SELECT "tokenauth_accesstoken"."created_at"',
    ),
    "prunetokens: the old logins": Query(
        LOG_IN_ORDER, prunetokens, containing='SELECT "tokenauth_tokenlogin"."date"'
    ),
    "notifytokens: those that expire soon": Query(
        "tokenauth_accesstoken(expires_at)",
        lambda token, staff: next(expiry_notices.due(NOW)),
        containing='ORDER BY "tokenauth_accesstoken"."expires_at"',
    ),
    "prunetokens: the logins of a token": Query(
        "tokenauth_tokenlogin(token_id, date)",
        prunetokens,
        containing='"tokenauth_tokenlogin"."token_id" = ANY',
    ),
    "the attempts of a leaked token": Query(
        "tokenauth_tokenlogin(identifier)",
        lambda token, staff: list(TokenLogin.objects.refused_with("pat_leaked")),
    ),
    "the rows of an address in this minute": Query(
        "tokenauth_tokenlogin(ip_address, date)", count_into_one_row, containing="COUNT("
    ),
    "the row into which the rest is counted": Query(
        "tokenauth_tokenlogin(id)", count_into_one_row, containing='SET "count"'
    ),
    "delete a token": Query("tokenauth_accesstoken(id)", delete_token, containing="DELETE"),
    "delete a token: its logins": Query(
        "tokenauth_tokenlogin(token_id, date)", delete_token, containing='SET "token_id" = NULL'
    ),
    "delete a token: its successor": Query(
        "tokenauth_accesstoken(rotated_from_id)", delete_token, containing='SET "rotated_from_id" = NULL'
    ),
    "delete a user: the tokens": Query(
        "tokenauth_accesstoken(user_id)", delete_user, containing='SELECT "tokenauth_accesstoken"'
    ),
    "delete a user: the tokens made for others": Query(
        "tokenauth_accesstoken(created_by_id)",
        delete_user,
        containing='UPDATE "tokenauth_accesstoken" SET "created_by_id" = NULL',
    ),
    "delete a user: the tokens revoked": Query(
        "tokenauth_accesstoken(revoked_by_id)", delete_user, containing='SET "revoked_by_id" = NULL'
    ),
    "delete a user: the logins": Query(
        "tokenauth_tokenlogin(user_id, date)", delete_user, containing='SET "user_id" = NULL'
    ),
    "the admin's tokens": Query("tokenauth_accesstoken(id)", page("accesstoken/"), ROWS),
    "the admin's warning on one token": Query(
        "tokenauth_accesstoken(family)", lambda token, staff: list(late_use.used_late([token.family]))
    ),
    "the admin's warnings on a page of tokens": Query(
        "tokenauth_tokenlogin(token_id, date)", used_late, LATE
    ),
    "the admin's logins": Query(LOG_IN_ORDER, page("tokenlogin/"), ROWS),
    "the admin's logins of a type": Query(
        LOG_IN_ORDER, page("tokenlogin/?id_type__exact=access_token"), ROWS
    ),
    "the admin's logins of an address": Query(
        "tokenauth_tokenlogin(ip_address, date)", page("tokenlogin/?ip_address=198.51.7.7"), ROWS
    ),
    "the admin's logins of a token": Query(
        "tokenauth_tokenlogin(token_id, date)",
        lambda token, staff: staff.get(f"/admin/tokenauth/tokenlogin/?token__id__exact={token.pk}"),
        ROWS,
    ),
    "the admin's logins of a user": Query(
        "tokenauth_tokenlogin(user_id, date)",
        lambda token, staff: staff.get(f"/admin/tokenauth/tokenlogin/?user__id__exact={token.user_id}"),
        ROWS,
    ),
    "the admin's recent attempts of a token": Query(
        "tokenauth_tokenlogin(token_id, date)",
        lambda token, staff: staff.get(f"/admin/tokenauth/accesstoken/{token.pk}/change/"),
        "LIMIT 10",
    ),
    "the admin's tokens that have expired": Query(
        "tokenauth_accesstoken(expires_at)", page("accesstoken/?status=expired"), ROWS
    ),
    "the admin's tokens that expire soon": Query(
        "tokenauth_accesstoken(expires_at)", page("accesstoken/?attention=expiring"), ROWS
    ),
    "the admin's tokens of an organization": Query(
        "tokenauth_accesstoken(organization)", page("accesstoken/?organization=organization7"), ROWS
    ),
    "the admin's tokens of an environment": Query(
        "tokenauth_accesstoken(environment)", page("accesstoken/?environment__exact=test"), ROWS
    ),
    "the admin's token of a hint": Query(
        "tokenauth_accesstoken(hint)",
        lambda token, staff: staff.get("/admin/tokenauth/accesstoken/", {"q": token.hint}),
        ROWS,
    ),
    "the admin's token of a digest": Query(
        "tokenauth_accesstoken(secret)",
        lambda token, staff: staff.get("/admin/tokenauth/accesstoken/", {"q": token.secret}),
        ROWS,
    ),
}


@pytest.fixture(scope="module", autouse=True)
def filled(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), transaction.atomic():
        big_tables.fill(NOW)
        yield
        transaction.set_rollback(True)


@pytest.fixture
def token() -> AccessToken:
    return AccessToken.objects.select_related("user")[big_tables.TOKENS // 2]


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.mark.parametrize("name", QUERIES)
def test_rows_are_found_by_an_index(name: str, token: AccessToken, staff: Client) -> None:
    query = QUERIES[name]
    for plan in plans(lambda: query.run(token, staff), query.containing):
        assert query.index in plan.reads, plan.sql
        assert plan.reads.isdisjoint(TABLES), plan.sql


@pytest.mark.parametrize("name", QUERIES)
def test_without_the_index_it_costs_many_times_more(name: str, token: AccessToken, staff: Client) -> None:
    query = QUERIES[name]
    costs = []
    for drop in (False, True):
        if drop:
            drop_index(query.index)
        costs.append(sum(plan.cost for plan in plans(lambda: query.run(token, staff), query.containing)))
    assert costs[1] > 2 * costs[0], costs


def test_no_index_is_there_for_nothing() -> None:
    ours = {index for index in index_names() if index.startswith(TABLES)}
    assert ours == {query.index for query in QUERIES.values()}

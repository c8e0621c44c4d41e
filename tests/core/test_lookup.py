from __future__ import annotations

from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, connections, transaction
from django.db.models import JSONField
from django.db.models.sql.compiler import SQLCompiler
from django.test.utils import CaptureQueriesContext, isolate_apps

from tokenauth.core import compiled_lookup, converted, lookup
from tokenauth.core.converted import Conversions
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["compiled", "by the ORM"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Each of the two ways of asking the database."""
    connections["default"].__dict__.pop(compiled_lookup._ATTRIBUTE, None)
    if request.param == "by the ORM":
        # As a database of somebody else's may have it: Oracle's limits rows by parameters.
        monkeypatch.setattr(SQLCompiler, "as_sql", _with_another_parameter(SQLCompiler.as_sql))
    yield request.param
    # What was compiled in this test is this test's.
    connections["default"].__dict__.pop(compiled_lookup._ATTRIBUTE, None)


def _with_another_parameter(as_sql: Callable[..., Any]) -> Callable[..., Any]:
    def with_another(self: Any, *args: Any, **kwargs: Any) -> Any:
        sql, params = as_sql(self, *args, **kwargs)
        head, ordering, tail = sql.partition(" ORDER BY ")
        return f"{head} AND %s = 1{ordering}{tail}", (*params, 1)

    return with_another


def test_each_way_is_the_one_that_is_tested(alice: User, way: str) -> None:
    assert (compiled_lookup.of(connections["default"], 1) is None) == (way == "by the ORM")


def test_the_token_of_one_of_the_digests_is_found_with_its_user(
    alice: User, bob: User, django_assert_num_queries: Any, way: str
) -> None:
    token = alice.generate_access_token("t")
    bob.generate_access_token("other")
    lookup.find([token.secret])
    for digests in ([token.secret], ["0" * 64, token.secret], [token.secret, "0" * 64]):
        with django_assert_num_queries(1):
            found = lookup.find(digests)
            assert found == token
            assert found.user == alice


def test_none_is_found_of_another_digest_whatever_the_database_takes_for_the_same(
    alice: User, way: str
) -> None:
    token = alice.generate_access_token("t")
    for other in ("0" * 64, token.secret.upper(), f"{token.secret} "):
        assert lookup.find([other]) is None
    assert lookup.find([]) is None


def test_whoever_listens_to_a_connection_hears_of_it(alice: User, way: str) -> None:
    token = alice.generate_access_token("t")
    heard: list[tuple[str, Any]] = []

    def listen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        heard.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen), CaptureQueriesContext(connection) as captured:
        lookup.find([token.secret])
    [(sql, params)] = heard
    assert token.secret in (params.values() if isinstance(params, dict) else params)
    [logged] = captured.captured_queries
    assert token.secret in logged["sql"]
    assert sql.startswith("SELECT ")


def test_a_transaction_that_is_broken_is_asked_nothing(alice: User, way: str) -> None:
    token = alice.generate_access_token("t")
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(transaction.TransactionManagementError):
            lookup.find([token.secret])


def as_the_orm_has_it(token: AccessToken) -> None:
    """Column by column, and type by type."""
    by_orm = AccessToken.objects.select_related("user").get(pk=token.pk)
    for ours, theirs in ((token, by_orm), (token.user, by_orm.user)):
        assert ours == theirs
        assert (ours._state.db, ours._state.adding) == (theirs._state.db, theirs._state.adding)
        for field in theirs._meta.concrete_fields:
            value, expected = getattr(ours, field.attname), getattr(theirs, field.attname)
            assert (field.attname, value, type(value)) == (field.attname, expected, type(expected))
    assert vars(token).keys() == vars(by_orm).keys()


def test_the_same_row_gives_the_same_as_the_orm_however_often_it_is_read(alice: User) -> None:
    secret = alice.generate_access_token("t", ["read:sites"], allowed_networks=["127.0.0.0/8"]).secret
    for _ in range(4):
        token = lookup.find([secret])
        assert token is not None
        as_the_orm_has_it(token)
        # What one request does to its own, no other sees.
        token.scopes.append("*")
        token.allowed_networks.clear()
        token.name = token.user.username = "another"
        token.user.is_active = False


def test_a_row_that_was_changed_is_another_at_once(alice: User) -> None:
    secret = alice.generate_access_token("t", ["read:sites"]).secret
    for number in range(6):
        # Past the models, which might forget something.
        with connection.cursor() as cursor:
            cursor.execute("UPDATE tokenauth_accesstoken SET name = %s", [f"named {number // 3}"])
        token = lookup.find([secret])
        assert token is not None
        assert token.name == f"named {number // 3}"
        as_the_orm_has_it(token)


class TestConversions:
    def convert(self, row: Sequence[Any]) -> Any:
        self.converted += 1
        return {"name": row[0]}, {"tags": [row[1]]}

    @pytest.fixture
    def conversions(self) -> Conversions:
        self.converted = 0
        return Conversions(self.convert)

    def test_a_row_is_converted_until_it_was_read_twice(self, conversions: Conversions) -> None:
        for _ in range(4):
            assert conversions.values("0", ("a", "b")) == ({"name": "a"}, {"tags": ["b"]})
        assert self.converted == 2
        assert conversions.values("0", ("a", "c")) == ({"name": "a"}, {"tags": ["c"]})
        assert conversions.values("1", ("a", "b")) == ({"name": "a"}, {"tags": ["b"]})
        assert self.converted == 4

    def test_a_row_with_what_can_be_changed_is_converted_each_time(self, conversions: Conversions) -> None:
        for _ in range(4):
            conversions.values("0", ("a", ["b"]))
        assert self.converted == 4

    def test_so_is_what_cannot_be_copied(self, conversions: Conversions) -> None:
        conversions._convert = lambda row: ({}, {"lock": Lock()})
        locks = [conversions.values("0", ("a",))[1]["lock"] for _ in range(4)]
        assert len(set(locks)) == 4

    @pytest.mark.parametrize("long", ["p" * 4097, b"p" * 4097])
    def test_what_is_long_is_not_remembered(self, conversions: Conversions, long: str | bytes) -> None:
        conversions.values("0", ("a", "b"))
        for _ in range(3):
            assert conversions.values("0", ("a", long)) == ({"name": "a"}, {"tags": [long]})
            assert not conversions._seen
        assert self.converted == 4

    def test_so_many_are_remembered_and_no_more(
        self, conversions: Conversions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(converted, "MOST", 3)
        for number in range(10):
            conversions.values(str(number), ("a", "b"))
            assert len(conversions._seen) <= 3


def test_what_a_field_of_the_project_makes_of_a_column_is_made_each_time(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JSONField, "from_db_value", lambda *args: [next(numbers)])
    numbers = count()
    connections["default"].__dict__.pop(compiled_lookup._ATTRIBUTE, None)
    secret = alice.generate_access_token("t").secret
    scopes = []
    for _ in range(3):
        token = lookup.find([secret])
        assert token is not None
        scopes.append(token.scopes)
    connections["default"].__dict__.pop(compiled_lookup._ATTRIBUTE, None)
    assert scopes == [[0], [2], [4]]


class Counting:
    """Mixed in after the user model: Django's own ``__init__`` calls this one."""

    def __init__(self) -> None:
        self.given: set[str] = set()
        super().__init__()


class Noting:
    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__.setdefault("given", set()).add(name)
        super().__setattr__(name, value)


@pytest.mark.parametrize("bases", [lambda user: (user, Counting), lambda user: (Noting, user)])
@isolate_apps("testproject.accounts")
def test_what_a_user_model_does_when_it_is_made_is_done(alice: User, bases: Callable[..., Any]) -> None:
    meta = type("Meta", (), {"proxy": True, "app_label": "accounts"})
    model = type("Person", bases(type(alice)), {"Meta": meta, "__module__": __name__})
    [by_orm] = model.objects.filter(pk=alice.pk)
    compiler = model.objects.all().query.get_compiler("default")
    compiler.as_sql()
    columns = [column for column, *_ in compiler.select]
    instances = compiled_lookup.Instances(columns, compiler.klass_info, "default")
    values = {name: getattr(alice, name) for name in instances.names}
    assert instances.make(values).given == by_orm.given

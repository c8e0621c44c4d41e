from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, connections, transaction
from django.db.models.sql.compiler import SQLCompiler
from django.test.utils import CaptureQueriesContext, isolate_apps

from tokenauth.core import compiled_lookup, lookup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    assert token.secret in params
    [logged] = captured.captured_queries
    assert token.secret in logged["sql"]
    assert sql.startswith("SELECT ")


def test_a_transaction_that_is_broken_is_asked_nothing(alice: User, way: str) -> None:
    token = alice.generate_access_token("t")
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(transaction.TransactionManagementError):
            lookup.find([token.secret])


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
    row = [getattr(alice, name) for name in instances.names]
    assert instances.make(row).given == by_orm.given

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connections
from django.test.utils import CaptureQueriesContext

from tests.conftest import bearer, statements_of_a_revocation, updates_of_a_revocation
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

WRITES = ("INSERT", "UPDATE", "DELETE")


def asked(run: Callable[[], object]) -> dict[str, list[str]]:
    """The statements that ``run`` sends to each database, by their first words; transactions aside."""
    with (
        CaptureQueriesContext(connections["default"]) as default,
        CaptureQueriesContext(connections["replica"]) as replica,
    ):
        run()
    return {
        alias: [
            word
            for query in captured.captured_queries
            # A prepared SELECT is executed.
            if (word := query["sql"].split()[0].replace("EXECUTE", "SELECT")) in ("SELECT", *WRITES)
        ]
        for alias, captured in (("default", default), ("replica", replica))
    }


def test_the_replica_takes_no_write(alice: Any) -> None:
    with pytest.raises(DatabaseError):
        TokenLogin.objects.using("replica").create(id_type="jwt", success=True)


def test_a_request_reads_from_the_replica_and_writes_to_the_other(client: Client, alice: Any) -> None:
    token = AccessToken.objects.generate(alice, "Work Laptop", ["read:sites"])
    narrow = AccessToken.objects.generate(alice, "Narrow", ["read:events"])
    used = asked(lambda: client.get("/rest", **bearer(token)))
    assert used == {"default": ["UPDATE"], "replica": ["SELECT"]}
    again = asked(lambda: client.get("/rest", **bearer(token)))
    assert again == {"default": [], "replica": ["SELECT"]}
    refused = asked(lambda: client.get("/rest", **bearer(narrow)))
    assert refused == {"default": ["UPDATE", "INSERT"], "replica": ["SELECT"]}


def test_what_was_read_from_the_replica_is_revoked_on_the_other(alice: Any) -> None:
    AccessToken.objects.generate(alice, "Work Laptop", ["read:sites"])
    token = AccessToken.objects.get()
    assert token._state.db == "replica"
    # The row that decides is the one that is written to: the replica may be late.
    statements = asked(lambda: token.revoke("lost", by=alice))
    assert statements["replica"] == []
    assert statements["default"].count("UPDATE") == updates_of_a_revocation()
    assert AccessToken.objects.using("default").get().revoked_reason == "lost"


def test_what_was_read_from_the_replica_is_saved_on_the_other(alice: Any) -> None:
    AccessToken.objects.generate(alice, "Work Laptop", ["read:sites"])
    token = AccessToken.objects.get()
    token.name = "Old Laptop"
    assert asked(token.save) == {"default": ["SELECT", "UPDATE"], "replica": []}
    assert AccessToken.objects.using("default").get().name == "Old Laptop"


def test_what_is_pruned_is_found_on_the_other(alice: Any) -> None:
    AccessToken.objects.generate(alice, "Work Laptop", ["read:sites"]).revoke()
    statements = asked(lambda: call_command("prunetokens", older_than="1s", stdout=StringIO()))
    assert set(statements["default"]) == {"SELECT"}
    assert statements["replica"] == []


def test_a_password_is_compared_with_the_one_that_is_written_to(alice: Any, settings: Any) -> None:
    settings.TOKENAUTH = {**settings.TOKENAUTH, "END_TOKENS_ON_PASSWORD_CHANGE": True}
    AccessToken.objects.generate(alice, "Work Laptop", ["read:sites"])
    alice = type(alice).objects.get(pk=alice.pk)
    alice.set_password("battery staple")
    devices = ["SELECT"]
    expected = ["SELECT", "UPDATE", *statements_of_a_revocation(), *devices]
    assert asked(alice.save) == {"default": expected, "replica": []}
    assert AccessToken.objects.using("default").get().revoked_reason == "The password was changed."


def test_who_is_told_of_an_expiry_is_found_on_the_other(alice: Any, mailoutbox: list[Any]) -> None:
    alice.email = "alice@example.com"
    alice.save()
    token = AccessToken.objects.generate(alice, "Work Laptop", ["read:sites"])
    AccessToken.objects.update(expires_at=token.created_at + timedelta(days=6))
    statements = asked(lambda: call_command("notifytokens", stdout=StringIO()))
    assert (len(mailoutbox), statements["replica"]) == (1, [])

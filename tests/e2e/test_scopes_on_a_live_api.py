"""The page on scopes for an API that is in use, walked on a live server: nobody is refused unawares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.traffic import authorization, reading, writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.traffic import Ask
    from tests.e2e.walk import Walk

MAKE_TOKENS = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.contrib.auth.models import User
from tokenauth.models import AccessToken
result = []
for username, scopes in (("alice", None), ("bob", ["read:reports"]), ("carol", ["read:reports"])):
    user = User.objects.create_user(username)
    result.append(AccessToken.objects.generate(user, "t", scopes).raw_token)
"""


def test_scopes_on_a_live_api(walk_through: Callable[[str], Walk]) -> None:
    walk = walk_through("scopes-on-a-live-api.md")
    walk.take(1)
    alice, bob, carol = (authorization(f"Bearer {raw}") for raw in walk.python(MAKE_TOKENS))

    def summing_up(ask: Ask) -> None:
        reading(carol)(ask)
        ask("GET", "/summary", carol)

    walk.traffic.add({"alice": writing(alice), "bob": writing(bob), "carol": summing_up})

    (told,) = walk.take(2)
    assert "(tokenauth.W004) mysite.views.Reports declares required_scopes" in told
    assert "! UNDECLARED" in told

    (told,) = walk.take(3)
    assert "UNDECLARED" not in told
    assert "ENFORCE_SCOPES" not in walk.log

    counted, rows, everything = walk.take(4)
    lacking = (
        "ENFORCE_SCOPES is off: let through what lacks a scope. "
        "POST reports needs [write:reports]; AccessToken 2 of user 2 has [read:reports]."
    )
    (line,) = counted.splitlines()
    assert line.split(maxsplit=1)[1] == lacking
    (row,) = rows.splitlines()
    assert row.startswith("{'token': 2, 'token__name': 't', 'user': 2, 'times': ")
    (token,) = everything.splitlines()
    assert token.startswith("1 t 1 ")
    assert walk.ask("GET", "/reports", {}).status == 401

    raw = walk.run('python manage.py createtoken bob "Importer" --scope read:reports write:reports')
    walk.traffic.add({"bob, anew": writing(authorization(f"Bearer {raw.split()[-1]}"))})
    walk.traffic.remove({"bob"})
    log = (walk.directory / "scopes.log").read_text()
    walk.traffic.go_round()
    assert (walk.directory / "scopes.log").read_text() == log

    walk.take(5)
    for step in (2, 3):
        assert walk.traffic.served_at(step) == {"alice", "bob", "carol"}
    assert walk.traffic.served_at(5) == {"alice", "bob, anew", "carol"}
    refused = walk.ask("POST", "/reports", bob, {})
    assert (refused.status, refused.body["error"]["reason"]) == (403, "insufficient_scope")
    assert refused.headers["WWW-Authenticate"].endswith('scope="write:reports"')
    assert walk.ask("GET", "/reports", bob).status == 200

    walk.write("errors.py", walk.other("both forms"))
    walk.write("settings.py", 'REST_FRAMEWORK["EXCEPTION_HANDLER"] = "mysite.errors.exception_handler"\n')
    walk.deploy()
    for headers, status in (({}, 401), (bob, 403)):
        refused = walk.ask("POST", "/reports", headers, {})
        assert refused.status == status
        assert refused.body["detail"]
        assert refused.body["error"]["reason"]
    assert walk.is_done

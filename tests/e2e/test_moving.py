"""The pages on moving from another package, walked on a live server: no client loses a request.

The clients of ``traffic`` ask all the while, through every step and while each is deployed; one that
is refused fails the test at once. What is to be refused is asked beside them.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.e2e.traffic import authorization, basic, managing_teams, reading, writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.traffic import Ask
    from tests.e2e.walk import Answer, Walk

    WalkThrough = Callable[[str], Walk]


def needs(module: str, package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        find_spec(module) is None,
        reason=f"the page on moving from it was left out: pip install {package} to walk it, too",
    )


def users(*usernames: str) -> str:
    """Code that makes the tables, and users of these names with the ids 1, 2, and so on."""
    return f"""
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.contrib.auth.models import User
users = [User.objects.create_user(username, password="secret") for username in {usernames!r}]
"""


def handed_over(walk: Walk, name: str) -> dict[str, str]:
    """What the page's script wrote for whoever hands the tokens over: each by what stands before it."""
    lines = (walk.directory / name).read_text().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines)


def statuses(walk: Walk, prepare: str, *headers: dict[str, str]) -> list[int]:
    """The answers to these headers where the project's settings are changed by ``prepare``."""
    found: list[int] = walk.python(f"""
from django.conf import settings
from django.test import Client, override_settings
TOKENAUTH = dict(settings.TOKENAUTH)
{prepare}
result = [
    Client(SERVER_NAME="localhost", headers=headers).get("/reports").status_code
    for headers in {headers!r}
]
""")
    return found


def assert_refused(answer: Answer, status: int, reason: str) -> None:
    assert (answer.status, answer.body["error"]["reason"]) == (status, reason), answer


def test_moving_from_authtoken(walk_through: WalkThrough) -> None:
    walk = walk_through("moving-from-authtoken.md")
    walk.take(1)
    keys = walk.python(f"""{users("alice", "bob", "carol", "dave")}
from rest_framework.authtoken.models import Token
result = {{user.username: Token.objects.create(user=user).key for user in users}}
""")
    old = {username: authorization(f"Token {key}") for username, key in keys.items()}

    def with_a_password(ask: Ask) -> None:
        key = ask("POST", "/obtain-token", {}, {"username": "dave", "password": "secret"})["token"]
        reading(authorization(f"Token {key}"))(ask)

    before = walk.traffic.add(
        {
            "alice, old": managing_teams(old["alice"]),
            "bob, old": writing(old["bob"]),
            "carol, old": reading(old["carol"]),
            "dave, old": with_a_password,
        }
    )

    walk.take(2)
    assert walk.traffic.served_at(2) == before
    assert "POST reports needs [write:reports]; Token of user 2 has none of our scopes." in walk.log

    walk.take(3)
    raw = handed_over(walk, "new_tokens.txt")
    assert raw.keys() == keys.keys()
    new = {username: authorization(f"Bearer {text}") for username, text in raw.items()}
    after = walk.traffic.add(
        {
            "alice, new": managing_teams(new["alice"]),
            "bob, new": writing(new["bob"]),
            "carol, new": reading(new["carol"]),
        }
    )
    # Nobody is refused for want of a scope yet; and what an old token lacks leaves no row.
    assert walk.ask("POST", "/reports", new["carol"], {}).status == 201
    logged = """
from tokenauth.models import TokenLogin
result = list(TokenLogin.objects.values_list("reason", "user"))
"""
    assert walk.python(logged) == [["insufficient_scope", 3]]
    same_scheme = """
from rest_framework.authentication import TokenAuthentication
TokenAuthentication.keyword = "Bearer"
TOKENAUTH["FOREIGN_BEARER"] = "pass"
override_settings(TOKENAUTH=TOKENAUTH).enable()
"""
    old_as_bearer = authorization(f"Bearer {keys['alice']}")
    assert statuses(walk, same_scheme, old_as_bearer, new["alice"]) == [200, 200]

    walk.take(4)
    assert walk.traffic.served_at(3) == walk.traffic.served_at(4) == before | after
    assert_refused(walk.ask("POST", "/reports", new["carol"], {}), 403, "insufficient_scope")
    assert_refused(walk.ask("DELETE", "/teams/1/", new["bob"]), 403, "insufficient_scope")
    assert walk.ask("POST", "/reports", old["carol"], {}).status == 201
    assert_refused(walk.ask("GET", "/reports", {}), 401, "missing")
    assert "Old token of user 2: POST Reports" in walk.log

    walk.traffic.remove(before)
    walk.take(6)
    for path in ("/reports", "/summary", "/teams/"):
        assert_refused(walk.ask("GET", path, old["alice"]), 401, "missing")
    assert walk.ask("POST", "/obtain-token", {}, {}).status == 404

    walk.take(7)
    assert walk.is_done
    assert walk.traffic.served_at(6) == walk.traffic.served_at(7) == after
    assert walk.ask("GET", "/reports", old["alice"]).status == 401
    assert walk.traffic.served > 300


@needs("knox", "django-rest-knox")
def test_moving_from_knox(walk_through: WalkThrough) -> None:
    walk = walk_through("moving-from-knox.md")
    walk.take(1)
    keys = walk.python(f"""{users("alice", "bob")}
from knox.models import AuthToken
for user in users:
    AuthToken.objects.create(user)
result = {{user.username: AuthToken.objects.create(user, expiry=None)[1] for user in users}}
""")
    old = {username: authorization(f"Token {key}") for username, key in keys.items()}

    def logging_in(ask: Ask) -> None:
        headers = authorization(f"Token {ask('POST', '/login', basic('bob', 'secret'))['token']}")
        writing(headers)(ask)
        ask("POST", "/logout", headers)

    before = walk.traffic.add(
        {
            "alice, old": writing(old["alice"]),
            "bob, old": reading(old["bob"]),
            "bob, old, logs in": logging_in,
        }
    )

    walk.take(2)
    assert walk.traffic.served_at(2) == before
    assert "POST reports needs [write:reports]; AuthToken of user 1 has none of our scopes." in walk.log

    walk.take(3)
    raw = handed_over(walk, "new_tokens.txt")
    assert raw.keys() == keys.keys()
    new = {username: authorization(f"Bearer {text}") for username, text in raw.items()}

    def signing_in(ask: Ask) -> None:
        headers = authorization(f"Bearer {ask('POST', '/sign-in', basic('bob', 'secret'))['token']}")
        writing(headers)(ask)
        ask("POST", "/sign-out", headers)

    after = walk.traffic.add(
        {
            "alice, new": writing(new["alice"]),
            "bob, new": reading(new["bob"]),
            "bob, new, signs in": signing_in,
        }
    )
    assert walk.ask("POST", "/reports", new["bob"], {}).status == 201
    # Nobody leaves with an old token who came with a new one.
    assert walk.ask("POST", "/login", new["alice"]).status == 401
    assert_refused(walk.ask("POST", "/sign-out", old["bob"]), 401, "missing")
    same_scheme = """
TOKENAUTH["FOREIGN_BEARER"] = "pass"
override_settings(TOKENAUTH=TOKENAUTH, REST_KNOX={"AUTH_HEADER_PREFIX": "Bearer"}).enable()
"""
    old_as_bearer = authorization(f"Bearer {keys['alice']}")
    assert statuses(walk, same_scheme, old_as_bearer, new["alice"]) == [200, 200]

    walk.take(4)
    assert walk.traffic.served_at(3) == walk.traffic.served_at(4) == before | after
    assert_refused(walk.ask("POST", "/reports", new["bob"], {}), 403, "insufficient_scope")
    assert walk.ask("POST", "/reports", old["bob"], {}).status == 201
    assert "Old token of user 1: POST Reports" in walk.log

    walk.traffic.remove(before)
    walk.take(6)
    assert_refused(walk.ask("GET", "/reports", old["alice"]), 401, "missing")
    walk.take(7)
    assert walk.is_done
    assert walk.traffic.served_at(6) == walk.traffic.served_at(7) == after
    assert walk.ask("GET", "/reports", old["alice"]).status == 401


@needs("rest_framework_api_key", "djangorestframework-api-key")
def test_moving_from_drf_api_key(walk_through: WalkThrough) -> None:
    walk = walk_through("moving-from-drf-api-key.md")
    walk.take(1)
    keys = walk.python(f"""{users("alice")}
from datetime import timedelta
from django.utils import timezone
from rest_framework_api_key.models import APIKey
next_year = timezone.now() + timedelta(days=365)
result = {{}}
for name, expiry_date in (("Billing", None), ("Weather station 7", next_year)):
    _, result[name] = APIKey.objects.create_key(name=name, expiry_date=expiry_date)
APIKey.objects.create_key(name="Revoked", revoked=True)
""")
    old = {name: authorization(f"Api-Key {key}") for name, key in keys.items()}
    before = walk.traffic.add(
        {"billing, old": writing(old["Billing"]), "weather, old": reading(old["Weather station 7"])}
    )
    # A person without a key is refused here and at every step.
    person = basic("alice", "secret")
    assert walk.ask("GET", "/reports", person).status == 403

    walk.take(2)
    assert walk.traffic.served_at(2) == before
    for headers in (person, {}):
        assert_refused(walk.ask("GET", "/reports", headers), 401, "missing")
    assert walk.ask("POST", "/reports", old["Billing"], {}).body == {"made_by": "AnonymousUser"}
    assert f"Old key {keys['Billing'].partition('.')[0]}: POST Reports" in walk.log

    (told,) = walk.take(3)
    assert "for service-billing: read:reports write:reports; does not expire." in told
    assert "for service-weather-station-7: read:reports; expires 20" in told
    raw = handed_over(walk, "new_keys.txt")
    assert raw.keys() == {f"{key.partition('.')[0]} {name}" for name, key in keys.items()}
    new = {label.partition(" ")[2]: {"X-API-Key": text} for label, text in raw.items()}
    after = walk.traffic.add(
        {"billing, new": writing(new["Billing"]), "weather, new": reading(new["Weather station 7"])}
    )
    assert walk.ask("POST", "/reports", new["Billing"], {}).body == {"made_by": "service-billing"}
    assert_refused(walk.ask("POST", "/reports", new["Weather station 7"], {}), 403, "insufficient_scope")
    assert walk.ask("POST", "/reports", old["Weather station 7"], {}).status == 201
    same_header = f"""
{walk.other("settings where old keys come in X-API-Key")}
override_settings(TOKENAUTH=TOKENAUTH, API_KEY_CUSTOM_HEADER="HTTP_X_API_KEY").enable()
"""
    old_in_our_header = {"X-API-Key": keys["Billing"]}
    new_in_another = {"X-Access-Key": new["Billing"]["X-API-Key"]}
    assert statuses(walk, same_header, old_in_our_header, new_in_another) == [200, 200]

    walk.traffic.remove(before)
    walk.take(5)
    assert walk.traffic.served_at(3) == before | after
    assert_refused(walk.ask("GET", "/reports", old["Billing"]), 401, "missing")
    assert_refused(walk.ask("GET", "/reports", person), 401, "missing")
    walk.take(6)
    assert walk.is_done
    assert walk.traffic.served_at(5) == walk.traffic.served_at(6) == after
    assert walk.ask("GET", "/reports", old["Billing"]).status == 401


@needs("rest_framework_simplejwt", "djangorestframework-simplejwt")
def test_moving_from_simplejwt(walk_through: WalkThrough) -> None:
    walk = walk_through("moving-from-simplejwt.md")
    walk.take(1)
    long_lived, expired = walk.python(f"""{users("alice", "bob")}
from datetime import timedelta
from rest_framework_simplejwt.tokens import AccessToken
tokens = [AccessToken.for_user(users[1]) for _ in range(2)]
tokens[0].set_exp(lifetime=timedelta(days=1))
tokens[1].set_exp(lifetime=-timedelta(days=1))
result = [str(token) for token in tokens]
""")
    old = authorization(f"Bearer {long_lived}")

    def logging_in(ask: Ask) -> None:
        pair = ask("POST", "/api/token", {}, {"username": "alice", "password": "secret"})
        writing(authorization(f"Bearer {pair['access']}"))(ask)
        access = ask("POST", "/api/token/refresh", {}, {"refresh": pair["refresh"]})["access"]
        writing(authorization(f"Bearer {access}"))(ask)

    def assert_told_to_refresh() -> None:
        answer = walk.ask("GET", "/reports", authorization(f"Bearer {expired}"))
        assert (answer.status, answer.body["code"]) == (401, "token_not_valid")

    before = walk.traffic.add({"alice, old": logging_in, "bob, old": writing(old)})
    assert_told_to_refresh()

    walk.take(2)
    assert walk.traffic.served_at(2) == before
    assert_told_to_refresh()
    assert "POST reports needs [write:reports]; AccessToken of user 1 has none of our scopes." in walk.log

    walk.take(3)
    raw = handed_over(walk, "new_tokens.txt")
    assert raw.keys() == {"alice", "bob"}
    new = {username: authorization(f"Bearer {text}") for username, text in raw.items()}
    after = walk.traffic.add({"alice, new": writing(new["alice"]), "bob, new": reading(new["bob"])})
    assert walk.ask("POST", "/reports", new["bob"], {}).status == 201

    walk.take(4)
    assert walk.traffic.served_at(3) == walk.traffic.served_at(4) == before | after
    assert_told_to_refresh()
    assert_refused(walk.ask("POST", "/reports", new["bob"], {}), 403, "insufficient_scope")
    assert walk.ask("POST", "/reports", old, {}).status == 201
    assert "JWT of user 2: POST Reports" in walk.log

    walk.traffic.remove(before)
    walk.take(6)
    assert walk.is_done
    assert walk.traffic.served_at(6) == after
    assert_refused(walk.ask("GET", "/reports", old), 401, "malformed")
    assert walk.ask("POST", "/api/token", {}, {}).status == 404

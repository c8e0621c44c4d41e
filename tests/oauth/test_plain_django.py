"""A JWT at the door of plain Django: judged as in REST framework, opening what scopes guard and no more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.test import AsyncClient, Client
from django.utils import timezone

from tests.conftest import bearer
from tests.oauth.plain_urls import MARKED
from tests.oauth.requests import claims_of, of_service, post_form, sign_in
from tests.oauth.test_jwt_authentication import reason_of, signed
from tokenauth.models import TokenLogin
from tokenauth.oauth.models import ApplicationPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.oauth.plain_urls")]


@pytest.fixture
def token(alice: User, first_party: Any) -> str:
    text: str = sign_in().json()["access_token"]
    return text


def asked(path: str, text: str, client: Client | None = None) -> Any:
    """The answer to a request with ``text``, of a synchronous or an asynchronous client."""
    client = client or Client()
    if "async" not in path:
        return client.get(f"/{path}", **bearer(text))
    asynchronous = AsyncClient()
    asynchronous.cookies = client.cookies

    async def run() -> Any:
        return await asynchronous.get(f"/{path}", headers={"Authorization": f"Bearer {text}"})

    return async_to_sync(run)()


@pytest.mark.parametrize("path", MARKED)
def test_a_marked_view_opens_to_a_jwt_with_its_scopes(path: str, token: str) -> None:
    assert asked(path, token).json() == {"user": "alice", "application": "first-party", "same": True}


@pytest.mark.parametrize("path", MARKED)
def test_an_application_that_acts_for_itself(path: str, service: Any) -> None:
    who = asked(path, of_service().json()["access_token"]).json()

    assert who == {"user": "cli_service", "application": "service", "same": True}


@pytest.mark.parametrize("path", ["permitted", "async-permitted"])
def test_scopes_give_no_permission(path: str, token: str, alice: User, service: Any) -> None:
    assert asked(path, token).status_code == 403
    get_user_model().objects.filter(pk=alice.pk).update(is_superuser=True)
    assert asked(path, token).status_code == 200
    # Which has none, ever.
    assert asked(path, of_service().json()["access_token"]).status_code == 403


def test_without_the_scope_it_is_told_which_it_lacks(token: str) -> None:
    refused = asked("other-scope", token)

    assert reason_of(refused) == (403, "insufficient_scope")
    assert 'error="insufficient_scope"' in refused["WWW-Authenticate"]
    assert refused["WWW-Authenticate"].endswith('scope="read:assets"')


@pytest.mark.parametrize("path", MARKED[:-1])
def test_it_ends_at_once_when_it_is_revoked(path: str, token: str) -> None:
    assert asked(path, token).status_code == 200

    post_form("/oauth2/revoke", {"token": token, "client_id": "first-party"})

    refused = asked(path, token)
    assert reason_of(refused) == (401, "revoked")
    assert 'error="invalid_token"' in refused["WWW-Authenticate"]
    assert refused["Cache-Control"] == "no-store"
    assert "Authorization" in refused["Vary"]


def test_both_doors_answer_alike(token: str, alice: User) -> None:
    claims = claims_of(token)[1]

    def answers(text: str, **headers: str) -> list[Any]:
        client, sent = Client(), {**bearer(text), **headers}
        told = [client.get(path, **sent) for path in ("/function", "/inventory-service/sites")]
        return [(answer.status_code, answer.json(), answer["WWW-Authenticate"]) for answer in told]

    key = alice.generate_access_token("key", ["read:sites"], kind="api_key", environment="live")
    bad = {
        "eyJ.foo.bar": "malformed",
        signed(claims, alg="PS256"): "malformed",
        signed({**claims, "aud": "https://other.example"}): "malformed",
        signed({**claims, "exp": claims["iat"] - 1}): "expired",
        f"{token[:-8]}AAAAAAAA": "unknown",
        signed({**claims, "jti": "another"}): "revoked",
    }
    for text, reason in bad.items():
        plain, of_rest_framework = answers(text)
        assert plain == of_rest_framework
        assert (plain[0], plain[1]["error"]["reason"]) == (401, reason)
    plain, of_rest_framework = answers(token, HTTP_X_API_KEY=str(key.raw_token))
    assert plain == of_rest_framework
    assert plain[1]["error"]["reason"] == "ambiguous"


@pytest.mark.parametrize(
    ("policy", "refused"),
    [
        ({"disabled_at": "2026-01-01T00:00Z"}, (401, "revoked")),
        ({"allowed_networks": ["192.0.2.0/24"]}, (403, "ip_address")),
        ({"scopes": ["write:sites"]}, (403, "insufficient_scope")),
    ],
    ids=["disabled", "another network", "fewer scopes"],
)
def test_a_changed_policy_is_in_force_at_once(
    policy: dict[str, Any], refused: tuple[int, str], token: str
) -> None:
    assert asked("function", token).status_code == 200

    ApplicationPolicy.objects.update(**policy)

    assert reason_of(asked("function", token)) == refused


def test_it_ends_when_it_expires(alice: User, first_party: Any) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        text = sign_in().json()["access_token"]
        assert asked("function", text).status_code == 200
    with time_machine.travel(start + timedelta(seconds=3601), tick=False):
        assert reason_of(asked("function", text)) == (401, "expired")


@pytest.mark.parametrize("path", MARKED)
def test_a_session_beside_it_counts_for_nothing(path: str, token: str, bob: User) -> None:
    client = Client()
    client.force_login(bob)

    assert asked(path, token, client).json()["user"] == "alice"
    # A login_required that stands outside sends whoever is nobody to the sign-in page.
    refused = 302 if path.startswith("login-required") else 401
    assert asked(path, f"{token[:-8]}AAAAAAAA", client).status_code == refused
    assert asked("other-scope", token, client).status_code == 403
    assert asked("tokens-only", token, client).status_code == 200


def test_it_opens_no_view_that_is_not_marked(token: str, alice: User) -> None:
    get_user_model().objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(alice)
    assert client.get("/private").json()["user"] == client.get("/plain").json()["user"] == "alice"

    assert client.get("/plain", **bearer(token)).json()["user"] == ""
    assert client.get("/private", **bearer(token)).status_code == 302
    assert client.get("/admin/", **bearer(token)).status_code == 302


def test_it_needs_no_csrf_token_where_it_is_accepted(token: str, alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    assert client.post("/function", **bearer(token)).json()["user"] == "alice"
    assert reason_of(client.post("/function", **bearer(f"{token[:-8]}AAAAAAAA"))) == (401, "unknown")
    assert client.post("/function").status_code == 403
    assert client.post("/plain", **bearer(token)).status_code == 403


@pytest.mark.parametrize("path", ["function", "login-required-and-marked", "both-doors"])
def test_it_costs_one_query_whoever_asks(path: str, token: str, django_assert_num_queries: Any) -> None:
    asked(path, token)

    with django_assert_num_queries(1):
        assert asked(path, token).status_code == 200


def test_where_nobody_asks_it_costs_none(
    token: str, django_assert_num_queries: Any, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(RECORD_LOGIN_ATTEMPTS="none")

    with django_assert_num_queries(0):
        asked("private", token)
        asked("function", "eyJ.foo")


def test_the_login_log(token: str, alice: User, tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(RECORD_LOGIN_ATTEMPTS="all")
    jti = claims_of(token)[1]["jti"]

    asked("function", token)
    asked("async-function", token)
    asked("other-scope", token)
    asked("function", f"{token[:-8]}AAAAAAAA")

    rows = TokenLogin.objects.order_by("pk").values_list("id_type", "user", "success", "reason", "hint")
    assert list(rows) == [
        ("jwt", alice.pk, True, "", f"jti {jti[:8]}…"),
        ("jwt", alice.pk, True, "", f"jti {jti[:8]}…"),
        ("jwt", alice.pk, False, "insufficient_scope", f"jti {jti[:8]}…"),
        ("jwt", None, False, "unknown", ""),
    ]
    assert TokenLogin.objects.order_by("pk")[0].identifier == "First-Party"


def test_it_works_without_the_middleware(token: str, settings: Any) -> None:
    settings.MIDDLEWARE = [path for path in settings.MIDDLEWARE if "tokenauth" not in path]

    assert asked("function", token).json()["user"] == "alice"
    assert reason_of(asked("other-scope", token)) == (403, "insufficient_scope")
    assert TokenLogin.objects.get().reason == "insufficient_scope"


def test_the_jwt_of_another_package_is_no_credential_of_ours(
    token: str, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(FOREIGN_BEARER="pass")
    foreign = signed({"user_id": 1}, typ="JWT")
    client = Client()
    client.force_login(alice)

    assert reason_of(asked("function", foreign)) == (401, "missing")
    assert client.get("/private", **bearer(foreign)).json()["user"] == "alice"
    assert asked("function", token).status_code == 200


def test_an_access_token_is_accepted_beside(alice: User) -> None:
    pat = alice.generate_access_token("pat", ["read:sites"])

    assert asked("function", str(pat.raw_token)).json() == {
        "user": "alice",
        "application": None,
        "same": True,
    }

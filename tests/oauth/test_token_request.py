"""``POST /auth/token``: the grants of the page, and what they refuse."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import connection
from django.db.models import Q
from django.test import Client, RequestFactory
from oauth2_provider.contrib.rest_framework import OAuth2Authentication
from oauth2_provider.models import get_access_token_model, get_refresh_token_model
from rest_framework.views import APIView

from tests.oauth.requests import (
    PASSWORD,
    SECRET,
    ask,
    claims_of,
    make_application,
    of_service,
    refresh,
    sign_in,
    sites,
)
from tokenauth.oauth.models import ApplicationPolicy, Authorization

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db


def reason_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["reason"]


def test_password_grant(alice: User, first_party: Any) -> None:
    response = sign_in()

    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    members = response.json()
    assert members.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert (members["token_type"], members["expires_in"]) == ("Bearer", 3600)
    assert re.fullmatch("rt_[0-9A-Za-z]{36}", members["refresh_token"])
    header, claims = claims_of(members["access_token"])
    assert (header["alg"], header["typ"]) == ("RS256", "at+jwt")
    assert claims.keys() == {"iss", "aud", "sub", "client_id", "iat", "exp", "jti", "scope"}
    assert (claims["iss"], claims["sub"]) == ("http://testserver", f"usr_{alice.pk}")
    assert (claims["client_id"], claims["scope"]) == ("first-party", "read:sites write:sites")
    assert claims["exp"] - claims["iat"] == 3600
    assert sites(members["access_token"]).status_code == 200


def test_client_credentials_grant(service: Any) -> None:
    response = of_service()

    assert response.status_code == 200
    members = response.json()
    assert members.keys() == {"access_token", "token_type", "expires_in", "scope"}
    _, claims = claims_of(members["access_token"])
    assert (claims["sub"], claims["organization"]) == ("cli_service", "northwind")
    assert sites(members["access_token"]).status_code == 200


def test_refresh_grant(alice: User, first_party: Any) -> None:
    first = sign_in().json()

    second = refresh(first["refresh_token"])

    assert second.status_code == 200
    assert second.json().keys() == first.keys()
    assert second.json()["refresh_token"] != first["refresh_token"]
    assert sites(second.json()["access_token"]).status_code == 200
    # The one before has ended with it.
    assert reason_of(sites(first["access_token"])) == (401, "revoked")


def test_a_refresh_token_used_twice_ends_its_family(alice: User, first_party: Any) -> None:
    first = sign_in().json()
    other = sign_in().json()
    second = refresh(first["refresh_token"]).json()

    replayed = refresh(first["refresh_token"])

    assert reason_of(replayed) == (401, "invalid_grant")
    assert reason_of(refresh(second["refresh_token"])) == (401, "invalid_grant")
    assert reason_of(sites(second["access_token"])) == (401, "revoked")
    assert sites(other["access_token"]).status_code == 200
    ended = Authorization.objects.get(ended_at__isnull=False)
    assert ended.ended_reason == "A refresh token was used twice."


def test_fewer_scopes_for_one_refresh_are_not_fewer_for_the_next(alice: User, first_party: Any) -> None:
    narrow = refresh(sign_in().json()["refresh_token"], scope="read:sites").json()
    wide = refresh(narrow["refresh_token"])

    assert narrow["scope"] == "read:sites"
    assert wide.json()["scope"] == "read:sites write:sites"
    assert reason_of(refresh(wide.json()["refresh_token"], scope="admin")) == (403, "invalid_scope")


def test_a_refresh_token_is_of_one_application(alice: User, first_party: Any) -> None:
    make_application("other", grants=["password"], scopes=["read:sites"], client_type="public")
    token = sign_in().json()["refresh_token"]

    assert reason_of(refresh(token, "other")) == (401, "invalid_grant")
    assert refresh(token).status_code == 200


def test_a_mistyped_refresh_token_costs_no_look_up(
    alice: User, first_party: Any, django_assert_num_queries: Any
) -> None:
    token = sign_in().json()["refresh_token"]
    mistyped = token[:-1] + ("0" if token[-1] != "0" else "1")

    with django_assert_num_queries(1):
        assert reason_of(refresh(mistyped)) == (401, "invalid_grant")


def test_nothing_is_kept_in_clear(alice: User, first_party: Any, service: Any) -> None:
    members = sign_in().json()

    assert list(get_access_token_model().objects.values_list("token", flat=True)) == [""]
    assert list(get_refresh_token_model().objects.values_list("token", flat=True)) == [""]
    service.refresh_from_db()
    assert service.client_secret.startswith("argon2$argon2id$")
    assert members["refresh_token"] not in str(list(Authorization.objects.values()))


def test_wrong_passwords_and_unknown_users_are_told_the_same(alice: User, first_party: Any) -> None:
    wrong, unknown = sign_in(password="wrong"), sign_in(username="nobody")

    assert reason_of(wrong) == (401, "invalid_grant")
    assert wrong.json() == unknown.json()
    assert wrong["WWW-Authenticate"] == 'Bearer realm="api"'


def test_an_inactive_user_gets_nothing(alice: User, first_party: Any) -> None:
    token = sign_in().json()["refresh_token"]
    get_user_model().objects.filter(pk=alice.pk).update(is_active=False)

    assert reason_of(sign_in()) == (401, "invalid_grant")
    assert reason_of(refresh(token)) == (401, "invalid_grant")


@pytest.mark.parametrize(
    "policy",
    [{"first_party": False}, {"grants": ["authorization_code"]}, {"grants": []}],
    ids=["third-party", "other grant", "no grant"],
)
def test_the_password_is_not_looked_at_where_the_application_may_not_ask(
    policy: dict[str, Any], alice: User, first_party: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ApplicationPolicy.objects.update(**policy)
    monkeypatch.setattr(Argon2PasswordHasher, "verify", None)

    # The same for a right password and a wrong one: no application is an oracle of passwords.
    right, wrong = sign_in(), sign_in(password="wrong")

    assert reason_of(right) == (403, "unauthorized_client")
    assert right.json() == wrong.json()


def test_the_password_grant_is_off_until_it_is_switched_on(
    alice: User, first_party: Any, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(OAUTH_PASSWORD_GRANT=False)

    assert reason_of(sign_in()) == (403, "unauthorized_client")


def test_sign_ins_are_limited_by_username_before_anything_is_hashed(
    alice: User, first_party: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [sign_in(password="wrong").status_code for _ in range(10)]
    monkeypatch.setattr(Argon2PasswordHasher, "verify", None)

    throttled = sign_in()

    assert answers == [401] * 10
    assert reason_of(throttled) == (429, "throttled")
    assert int(throttled["Retry-After"]) > 0


def test_sign_ins_are_limited_by_address(
    alice: User, first_party: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def guess(name: str, address: str) -> Any:
        asked = {"grant_type": "password", "username": name, "password": "wrong", "client_id": "first-party"}
        return ask(asked, REMOTE_ADDR=address)

    assert [guess(f"user{n}", "192.0.2.1").status_code for n in range(20)] == [401] * 20
    assert guess("alice", "192.0.2.2").status_code == 401

    monkeypatch.setattr(Argon2PasswordHasher, "encode", None)
    assert reason_of(guess("user20", "192.0.2.1")) == (429, "throttled")


def test_sign_ins_are_limited_by_whom_the_name_finds(
    alice: User, first_party: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_email(self: Any, username: str) -> Any:
        return self.get(Q(username=username) | Q(email=username))

    monkeypatch.setattr(type(get_user_model()._default_manager), "get_by_natural_key", by_email)
    get_user_model().objects.filter(pk=alice.pk).update(email="post@example.com")

    seen = [sign_in(username=("alice", "post@example.com")[n % 2], password="wrong") for n in range(11)]

    assert [answer.status_code for answer in seen] == [401] * 10 + [429]


def test_sign_ins_at_both_doors_are_counted_together(
    alice: User, first_party: Any, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(LOGIN_SCOPES=["read:sites"])
    login = {"username": "alice", "password": "wrong", "device_name": "phone", "scopes": ["read:sites"]}

    seen = [
        Client().post("/api/tokens/login/", login, content_type="application/json").status_code
        for _ in range(10)
    ]

    assert seen == [401] * 10
    assert reason_of(sign_in()) == (429, "throttled")


@pytest.mark.parametrize("secret", ["", "wrong", "x" * 2000], ids=["empty", "wrong", "long"])
def test_a_wrong_secret_takes_no_memory(secret: str, service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Argon2PasswordHasher, "verify", None)

    assert reason_of(of_service(client_secret=secret)) == (401, "invalid_client")


def test_an_application_with_an_empty_secret_cannot_sign_in(db: None) -> None:
    make_application("empty", grants=["client_credentials"], scopes=["read:sites"], secret="")

    assert reason_of(of_service(client_id="empty", client_secret="")) == (401, "invalid_client")


def test_a_public_application_cannot_act_for_itself(db: None) -> None:
    make_application(
        "public", grants=["client_credentials"], scopes=["read:sites"], secret=SECRET, client_type="public"
    )

    assert reason_of(of_service(client_id="public")) == (401, "invalid_client")


def test_scopes_beyond_the_policy_are_refused(service: Any) -> None:
    assert reason_of(of_service(scope="admin")) == (403, "invalid_scope")
    assert reason_of(of_service(scope="read:sites *")) == (403, "invalid_scope")
    assert of_service(scope="read:sites").status_code == 200


@pytest.mark.parametrize(
    "policy",
    [{"disabled_at": "2026-01-01T00:00Z"}, {"allowed_networks": ["192.0.2.0/24"]}],
    ids=["disabled", "another network"],
)
def test_an_application_that_may_not_be_used(policy: dict[str, Any], service: Any) -> None:
    ApplicationPolicy.objects.update(**policy)

    assert reason_of(of_service()) == (401, "invalid_client")


def test_an_application_in_its_network(service: Any) -> None:
    ApplicationPolicy.objects.update(allowed_networks=["127.0.0.0/8"])

    assert sites(of_service().json()["access_token"]).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_what_is_used_twice_ends_in_a_project_of_atomic_requests(
    alice: User, first_party: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)  # noqa: FBT003
    first = sign_in().json()
    second = refresh(first["refresh_token"]).json()

    assert refresh(first["refresh_token"]).status_code == 401
    assert sites(second["access_token"]).status_code == 401
    assert refresh(second["refresh_token"]).status_code == 401


def test_an_application_without_a_policy_may_do_nothing(service: Any) -> None:
    ApplicationPolicy.objects.all().delete()

    assert reason_of(of_service()) == (401, "invalid_client")


def test_a_user_outside_of_the_applications_organization(alice: User, first_party: Any) -> None:
    ApplicationPolicy.objects.update(organization="greenfleet")

    assert reason_of(sign_in()) == (401, "invalid_grant")

    ApplicationPolicy.objects.update(organization="northwind")
    assert sign_in().status_code == 200


DUPLICATE = '{"grant_type": "password", "grant_type": "client_credentials"}'


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("", 400, "invalid_request"),
        ("[]", 400, "invalid_request"),
        ("{", 400, "invalid_request"),
        (b"\xff", 400, "invalid_request"),
        ("[" * 5000, 400, "invalid_request"),
        (DUPLICATE, 400, "invalid_request"),
        ({}, 400, "invalid_request"),
        ({"grant_type": 7}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "x"}, 400, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:device_code"}, 400, "unsupported_grant_type"),
        (
            {"grant_type": "client_credentials", "client_id": "a\x00", "client_secret": "b"},
            400,
            "invalid_request",
        ),
        (r'{"grant_type": "client_credentials", "client_secret": "\ud800"}', 400, "invalid_request"),
        (
            {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b", "user": "1"},
            400,
            "invalid_request",
        ),
        ({"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "", "client_secret": ""}, 401, "invalid_client"),
        ("x" * 1_000_000, 413, "too_large"),
    ],
)
def test_bad_bodies(db: None, body: Any, status: int, reason: str) -> None:
    response = ask(body)

    assert reason_of(response) == (status, reason)
    assert response.json()["error"].keys() == {"code", "message", "reason"}
    assert response["Cache-Control"] == "no-store"


def test_json_alone_is_read(client: Any, service: Any) -> None:
    response = client.post("/auth/token", {"grant_type": "client_credentials"})

    assert reason_of(response) == (415, "unsupported_media_type")
    assert reason_of(client.get("/auth/token")) == (405, "method_not_allowed")


def test_an_unknown_user_is_hashed_as_well(
    first_party: Any, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    encode = Argon2PasswordHasher.encode
    monkeypatch.setattr(
        Argon2PasswordHasher,
        "encode",
        lambda self, password, salt: hashed.append(password) or encode(self, password, salt),
    )

    sign_in(username="nobody")

    assert hashed == [PASSWORD]


def test_no_body_is_quoted(service: Any) -> None:
    response = ask('{"password": "hunter2"')

    assert "hunter2" not in json.dumps(response.json())


@pytest.mark.parametrize("change", [{"first_party": False}, {"grants": ["authorization_code"]}, None])
def test_what_a_password_began_ends_with_the_right_to_ask_for_one(
    alice: User, first_party: Any, tokenauth_settings: Any, change: dict[str, Any] | None
) -> None:
    token = sign_in().json()["refresh_token"]
    if change is None:
        tokenauth_settings(OAUTH_PASSWORD_GRANT=False)
    else:
        ApplicationPolicy.objects.update(**change)
    assert refresh(token).status_code in (400, 401)


def test_the_librarys_own_authentication_takes_none_of_ours(alice: User, first_party: Any) -> None:
    header = {"HTTP_AUTHORIZATION": f"Bearer {sign_in().json()['access_token']}"}
    request = APIView().initialize_request(RequestFactory().get("/", **header))
    assert OAuth2Authentication().authenticate(request) is None

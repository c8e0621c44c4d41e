"""``/oauth2/token`` and ``/oauth2/revoke``: codes and refresh tokens, each good for one use."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import get_access_token_model, get_grant_model, get_refresh_token_model

from tests.oauth.requests import (
    CALLBACK,
    FORM,
    PKCE,
    SECRET,
    VERIFIER,
    claims_of,
    code_of,
    make_application,
    post_form,
    redeem,
    sites,
)
from tokenauth.oauth.models import ApplicationPolicy, Authorization

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db


def error_of(response: Any) -> tuple[int, str]:
    """An error of RFC 6749, section 5.2: its own form, whatever the rest of the API answers."""
    assert response["Cache-Control"] == "no-store"
    return response.status_code, response.json()["error"]


def refresh(token: str, **fields: str) -> Any:
    asked = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "third-party"}
    return post_form("/oauth2/token", {**asked, "client_secret": SECRET, **fields})


def test_a_confidential_application(browser: Client, third_party: Any) -> None:
    response = redeem(code_of(browser, "third-party"))

    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    members = response.json()
    assert members.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert members["scope"] == "read:sites"
    assert sites(members["access_token"]).status_code == 200
    assert get_grant_model().objects.count() == 0


def test_a_public_application_proves_who_began(browser: Client, first_party: Any) -> None:
    def status(**fields: str) -> int:
        return redeem(code_of(browser, "first-party", **PKCE), "first-party", None, **fields).status_code

    assert status(code_verifier=VERIFIER) == 200
    assert status(code_verifier=VERIFIER + "x") == 400
    assert status(code_verifier="x") == 400
    assert status() == 400


def test_a_challenge_that_was_taken_away_on_the_way_is_missed(browser: Client, third_party: Any) -> None:
    assert error_of(redeem(code_of(browser, "third-party"), code_verifier=VERIFIER)) == (400, "invalid_grant")


def test_a_code_used_twice_ends_what_it_began(browser: Client, third_party: Any) -> None:
    code = code_of(browser, "third-party")
    other = redeem(code_of(browser, "third-party")).json()
    first = redeem(code).json()

    second = redeem(code)

    assert error_of(second) == (400, "invalid_grant")
    assert sites(first["access_token"]).json()["error"]["reason"] == "revoked"
    assert error_of(refresh(first["refresh_token"])) == (400, "invalid_grant")
    assert sites(other["access_token"]).status_code == 200
    assert Authorization.objects.get(ended_at__isnull=False).ended_reason == "Its code was used twice."


def test_a_code_is_of_one_application_and_one_address(browser: Client, third_party: Any) -> None:
    make_application(
        "other",
        grants=["authorization_code"],
        scopes=["read:sites"],
        secret=SECRET,
        redirect_uris=f"{CALLBACK} {CALLBACK}/2",
    )
    code = code_of(browser, "third-party")

    assert error_of(redeem(code, "other")) == (400, "invalid_grant")
    assert redeem(code, redirect_uri=f"{CALLBACK}/2").status_code == 400
    assert redeem(code).status_code == 200


def test_a_code_lives_for_a_minute(browser: Client, third_party: Any) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        late, in_time = code_of(browser, "third-party"), code_of(browser, "third-party")
    with time_machine.travel(start + timedelta(seconds=59), tick=False):
        assert redeem(in_time).status_code == 200
    with time_machine.travel(start + timedelta(seconds=61), tick=False):
        assert error_of(redeem(late)) == (400, "invalid_grant")


def test_a_code_ends_with_its_user_and_its_scopes(browser: Client, third_party: Any, alice: User) -> None:
    code = code_of(browser, "third-party")
    ApplicationPolicy.objects.update(scopes=["read:assets"])
    assert error_of(redeem(code)) == (400, "invalid_grant")

    ApplicationPolicy.objects.update(scopes=["read:sites"])
    get_user_model().objects.filter(pk=alice.pk).update(is_active=False)
    assert error_of(redeem(code)) == (400, "invalid_grant")

    get_user_model().objects.filter(pk=alice.pk).update(is_active=True)
    assert redeem(code).status_code == 200


def test_refresh_tokens_rotate_and_reuse_ends_the_family(browser: Client, third_party: Any) -> None:
    first = redeem(code_of(browser, "third-party")).json()
    second = refresh(first["refresh_token"]).json()
    third = refresh(second["refresh_token"]).json()

    assert sites(third["access_token"]).status_code == 200
    assert error_of(refresh(first["refresh_token"])) == (400, "invalid_grant")
    assert error_of(refresh(third["refresh_token"])) == (400, "invalid_grant")
    assert sites(third["access_token"]).json()["error"]["reason"] == "revoked"


def test_what_a_code_began_ends_with_the_right_to_ask_for_one(browser: Client, third_party: Any) -> None:
    members = redeem(code_of(browser, "third-party")).json()
    asked = {"grant_type": "refresh_token", "client_id": "third-party", "client_secret": SECRET}
    ApplicationPolicy.objects.update(grants=["password"], first_party=True)

    refused = post_form("/oauth2/token", {**asked, "refresh_token": members["refresh_token"]})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")

    ApplicationPolicy.objects.update(grants=["authorization_code"], first_party=False)
    assert post_form("/oauth2/token", {**asked, "refresh_token": members["refresh_token"]}).status_code == 200


def test_a_refresh_token_lapses(browser: Client, third_party: Any, settings: Any) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        first = redeem(code_of(browser, "third-party")).json()["refresh_token"]
    with time_machine.travel(start + timedelta(days=13), tick=False):
        second = refresh(first).json()["refresh_token"]
    with time_machine.travel(start + timedelta(days=26), tick=False):
        assert refresh(second).status_code == 200
    with time_machine.travel(start + timedelta(days=28), tick=False):
        assert error_of(refresh(second)) == (400, "invalid_grant")


def test_the_secret_may_be_sent_in_the_header(browser: Client, third_party: Any) -> None:
    def answer(secret: str, scheme: str = "Basic") -> Any:
        encoded = base64.b64encode(f"third-party:{quote(secret)}".encode()).decode()
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        return post_form("/oauth2/token", fields, HTTP_AUTHORIZATION=f"{scheme} {encoded}")

    code = code_of(browser, "third-party")
    wrong = answer("wrong")
    assert error_of(wrong) == (401, "invalid_client")
    assert wrong["WWW-Authenticate"] == 'Basic realm="api"'
    assert error_of(answer("")) == (401, "invalid_client")
    assert answer(SECRET, "basic").status_code == 200


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic " + base64.b64encode(b"\xff:x").decode()])
def test_a_header_that_cannot_be_read(header: str, third_party: Any) -> None:
    fields = {"grant_type": "client_credentials"}

    assert error_of(post_form("/oauth2/token", fields, HTTP_AUTHORIZATION=header)) == (401, "invalid_client")


def test_two_secrets_are_none(browser: Client, third_party: Any) -> None:
    encoded = base64.b64encode(f"third-party:{SECRET}".encode()).decode()
    fields = {
        "grant_type": "authorization_code",
        "code": code_of(browser, "third-party"),
        "redirect_uri": CALLBACK,
        "client_id": "third-party",
        "client_secret": SECRET,
    }

    answer = post_form("/oauth2/token", fields, HTTP_AUTHORIZATION=f"Basic {encoded}")

    assert error_of(answer) == (401, "invalid_client")


def test_a_confidential_application_does_not_do_without(browser: Client, third_party: Any) -> None:
    assert error_of(redeem(code_of(browser, "third-party"), secret=None)) == (401, "invalid_client")
    assert error_of(redeem(code_of(browser, "third-party"), secret="")) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ("", (400, "invalid_request")),
        ("grant_type=", (400, "invalid_request")),
        (
            "grant_type=password&username=alice&password=x&client_id=first-party",
            (400, "unsupported_grant_type"),
        ),
        ("grant_type=urn:ietf:params:oauth:grant-type:device_code", (400, "unsupported_grant_type")),
        ("grant_type=implicit", (400, "unsupported_grant_type")),
        ("grant_type=authorization_code&client_id=first-party", (400, "invalid_request")),
        ("grant_type=authorization_code&code=x&client_id=first-party", (400, "invalid_grant")),
        ("grant_type=authorization_code&code=x&code=y&client_id=first-party", (400, "invalid_request")),
        ("grant_type=refresh_token&client_id=first-party", (400, "invalid_request")),
        ("grant_type=refresh_token&refresh_token=rt_x&client_id=first-party", (400, "invalid_grant")),
        ("grant_type=refresh_token&refresh_token=rt_x&client_id=nobody", (401, "invalid_client")),
        ("grant_type=client_credentials", (401, "invalid_client")),
        ("grant_type=client_credentials&client_id=first-party", (401, "invalid_client")),
        ("grant_type=client_credentials&client=1&user=1&scopes=admin", (401, "invalid_client")),
        ("grant_type=client_credentials&client_id=a%00b&client_secret=x", (400, "invalid_request")),
        ("grant_type=client_credentials&client_id=%FF&client_secret=%F0%9F", (401, "invalid_client")),
        ("x=" + "y" * 1_000_000, (413, "invalid_request")),
    ],
)
def test_bad_forms(fields: str, answer: tuple[int, str], first_party: Any) -> None:
    response = post_form("/oauth2/token", fields)

    assert error_of(response) == answer


def test_forms_alone_are_read(third_party: Any) -> None:
    client = Client()

    assert error_of(client.post("/oauth2/token", {"grant_type": "client_credentials"})) == (
        400,
        "invalid_request",
    )
    asked = client.post("/oauth2/token", "{}", content_type="application/json")
    assert error_of(asked) == (400, "invalid_request")
    assert client.get("/oauth2/token").status_code == 405


FIELDS = "&".join(f"x{n}=" for n in range(1001))


@pytest.mark.parametrize("path", ["token", "revoke", "introspect"])
@pytest.mark.parametrize(
    ("query", "fields", "charset"),
    [
        ("", FIELDS, ""),
        (f"?{FIELDS}", "x=", ""),
        ("", "x=", "; charset=latin-1"),
        ("", "x=", "; charset=utf-16"),
    ],
    ids=["fields", "in the URL", "latin-1", "utf-16"],
)
def test_what_django_does_not_read_is_answered_in_json(
    path: str, query: str, fields: str, charset: str, third_party: Any
) -> None:
    answer = Client().post(f"/oauth2/{path}{query}", fields, content_type=f"{FORM}{charset}")

    assert error_of(answer) == (400, "invalid_request")


def test_a_form_longer_than_the_project_takes(third_party: Any, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100

    assert error_of(post_form("/oauth2/token", {"x": "y" * 200})) == (413, "invalid_request")


def test_nothing_is_taken_from_the_url(browser: Client, third_party: Any) -> None:
    code = code_of(browser, "third-party")
    form = {"code": code, "client_id": "third-party", "client_secret": SECRET, "redirect_uri": CALLBACK}

    def ask(query: str) -> Any:
        fields = urlencode({"grant_type": "authorization_code", **form})
        return Client().post(f"/oauth2/token{query}", fields, content_type=FORM)

    # Neither instead of what the form has, nor beside it, whatever it is called.
    for query in (f"?client_secret={SECRET}", "?scope=read:sites", "?x"):
        refused = ask(query)
        assert error_of(refused) == (400, "invalid_request")
        assert refused.json()["error_description"] == "Nothing is taken from the URL."
    assert ask("").status_code == 200


@pytest.mark.parametrize("name", ["client", "user", "scopes", "token_family", "headers"])
def test_a_parameter_that_is_none_answers_no_question(
    name: str, browser: Client, third_party: Any, service: Any
) -> None:
    """oauthlib keeps what it has found out under names of its own, which a form may have as well."""
    asked = {"grant_type": "client_credentials", "client_id": "service", "client_secret": SECRET}
    answer = post_form("/oauth2/token", {**asked, name: "x"})
    assert (answer.status_code, answer.json().get("scope")) == (200, "read:sites")
    assert redeem(code_of(browser, "third-party", **{name: "x"}), **{name: "x"}).status_code == 200


def test_a_wrong_secret_is_told_without_argon2(third_party: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Argon2PasswordHasher, "verify", None)

    assert error_of(redeem("x", secret="wrong")) == (401, "invalid_client")


def test_the_secret_of_before_this_app_was_installed(browser: Client, third_party: Any) -> None:
    ApplicationPolicy.objects.update(secret_fingerprint="")

    assert error_of(redeem("x", secret="wrong")) == (401, "invalid_client")
    assert ApplicationPolicy.objects.get().secret_fingerprint == ""
    assert redeem(code_of(browser, "third-party")).status_code == 200
    assert ApplicationPolicy.objects.get().secret_fingerprint != ""


def test_a_new_secret_takes_the_place_of_the_old_one(third_party: Any) -> None:
    third_party.client_secret = "another-secret-of-the-application"
    third_party.save()

    assert error_of(redeem("x")) == (401, "invalid_client")
    assert error_of(redeem("x", secret="another-secret-of-the-application")) == (400, "invalid_grant")


def test_an_application_in_a_browser_reads_the_answer(browser: Client, first_party: Any) -> None:
    origin = {"HTTP_ORIGIN": "https://app.example"}
    code = code_of(browser, "first-party", **PKCE)
    fields = {"code": code, "client_id": "first-party", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}

    good = post_form("/oauth2/token", {"grant_type": "authorization_code", **fields}, **origin)
    bad = post_form("/oauth2/token", {"grant_type": "authorization_code", **fields}, **origin)
    end = {"token": good.json()["refresh_token"], "client_id": "first-party"}
    revoked = post_form("/oauth2/revoke", end, **origin)

    assert (good.status_code, bad.status_code, revoked.status_code) == (200, 400, 200)
    for answer in (good, bad, revoked):
        assert answer["Access-Control-Allow-Origin"] == "*"
        # No cookie is sent along, and none would be read.
        assert "Access-Control-Allow-Credentials" not in answer
        assert not answer.cookies
    # A page has nothing to ask there.
    assert "Access-Control-Allow-Origin" not in post_form("/oauth2/introspect", end, **origin)


def test_a_resource_within_the_api_is_the_api(
    browser: Client, third_party: Any, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(OAUTH_AUDIENCE="https://api.example")
    code = code_of(browser, "third-party", resource="https://api.example/inventory-service")
    members = redeem(code, resource="https://api.example/inventory-service").json()

    assert claims_of(members["access_token"])[1]["aud"] == "https://api.example"
    refused = redeem("x", resource="https://api.example.evil.example")
    assert error_of(refused) == (400, "invalid_target")


# Revocation.


def revoke(token: str, secret: str = SECRET, **fields: str) -> Any:
    asked = {"token": token, "client_id": "third-party", "client_secret": secret, **fields}
    return post_form("/oauth2/revoke", asked)


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
@pytest.mark.parametrize("hint", ["", "access_token", "refresh_token", "nonsense"])
def test_either_token_ends_both(name: str, hint: str, browser: Client, third_party: Any) -> None:
    members = redeem(code_of(browser, "third-party")).json()
    other = redeem(code_of(browser, "third-party")).json()

    answer = revoke(members[name], **({"token_type_hint": hint} if hint and hint != "nonsense" else {}))

    assert answer.status_code == 200
    assert sites(members["access_token"]).json()["error"]["reason"] == "revoked"
    assert error_of(refresh(members["refresh_token"])) == (400, "invalid_grant")
    assert sites(other["access_token"]).status_code == 200


def test_no_application_ends_the_tokens_of_another(browser: Client, third_party: Any) -> None:
    make_application("other", grants=["client_credentials"], scopes=["read:sites"], secret=SECRET)
    members = redeem(code_of(browser, "third-party")).json()

    assert revoke(members["access_token"], client_id="other").status_code == 200
    assert revoke(members["refresh_token"], client_id="other").status_code == 200
    assert sites(members["access_token"]).status_code == 200


def test_who_revokes_is_asked_who_it_is(third_party: Any) -> None:
    assert error_of(revoke("x", "wrong")) == (401, "invalid_client")
    assert revoke("x").status_code == 200
    assert revoke("").status_code == 400
    assert Client().get("/oauth2/revoke").status_code == 405


def test_the_token_of_an_application_itself_is_revoked_too(service: Any) -> None:
    fields = {"grant_type": "client_credentials", "client_id": "service", "client_secret": SECRET}
    token = post_form("/oauth2/token", fields).json()["access_token"]
    assert sites(token).status_code == 200

    revoke(token, client_id="service")

    assert sites(token).json()["error"]["reason"] == "revoked"


def test_what_ends_keeps_no_live_row(browser: Client, third_party: Any) -> None:
    members = redeem(code_of(browser, "third-party")).json()
    refresh(members["refresh_token"])
    refresh(members["refresh_token"])

    assert get_access_token_model().objects.count() == 0
    assert get_refresh_token_model().objects.filter(revoked__isnull=True).count() == 0

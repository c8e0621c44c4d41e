"""A JWT in the headers of a request: who makes it, what it may do, and how that ends."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS
from oauth2_provider.models import get_access_token_model, get_application_model

from tests.conftest import bearer
from tests.oauth.requests import claims_of, of_service, sign_in, sites
from tokenauth.models import TokenLogin
from tokenauth.oauth import signing_keys
from tokenauth.oauth.models import ApplicationPolicy, Authorization

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db


def reason_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["reason"]


def encoded(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def signed(claims: Any, key: JWK | None = None, **header: Any) -> str:
    """A JWT with these claims, by this server's own key unless another is given."""
    key = key or signing_keys.current()
    protected = {"alg": "RS256", "typ": "at+jwt", "kid": key.thumbprint(), **header}
    jws = JWS(json.dumps(claims))
    jws.allowed_algs = ["RS256", "HS256", "PS256"]
    jws.add_signature(key, protected=json.dumps(protected))
    text: str = jws.serialize(compact=True)
    return text


@pytest.fixture
def token(alice: User, first_party: Any) -> str:
    text: str = sign_in().json()["access_token"]
    return text


@pytest.fixture
def claims(token: str) -> dict[str, Any]:
    return claims_of(token)[1]


def test_the_token_is_judged_by_its_scopes(token: str) -> None:
    assert sites(token).status_code == 200
    refused = Client().get("/inventory-service/assets", **bearer(token))

    assert reason_of(refused) == (403, "insufficient_scope")
    assert 'error="insufficient_scope"' in refused["WWW-Authenticate"]
    assert 'scope="read:assets"' in refused["WWW-Authenticate"]


def test_one_indexed_query_loads_the_user_too(token: str, django_assert_num_queries: Any) -> None:
    sites(token)

    # The other is of the list itself.
    with django_assert_num_queries(2):
        sites(token)


@pytest.mark.urls("tests.oauth.urls")
def test_user_and_token_of_the_request(token: str, alice: User) -> None:
    who = Client().get("/who", **bearer(token)).json()

    assert who == {
        "user": "alice",
        "pk": alice.pk,
        "client_id": "first-party",
        "can": True,
        "cannot": True,
        "same": True,
        "family": f"oauth {get_application_model().objects.get().pk} {alice.pk}",
    }


@pytest.mark.urls("tests.oauth.urls")
def test_an_application_that_acts_for_itself_is_a_service_principal(service: Any) -> None:
    who = Client().get("/who", **bearer(of_service().json()["access_token"])).json()

    assert who == {
        "user": "cli_service",
        "pk": None,
        "client_id": "service",
        "can": True,
        "cannot": True,
        "same": True,
        "family": f"oauth {service.pk} ",
    }


def test_a_service_principal_sees_its_organization_alone(service: Any) -> None:
    from testproject.inventory.models import Site

    Site.objects.create(name="Ours", organization="northwind")
    Site.objects.create(name="Theirs", organization="greenfleet")

    assert [site["name"] for site in sites(of_service().json()["access_token"]).json()] == ["Ours"]

    ApplicationPolicy.objects.update(organization="")
    assert sites(of_service().json()["access_token"]).json() == []


def test_the_organization_of_a_policy_narrows(alice: User, first_party: Any) -> None:
    ApplicationPolicy.objects.update(organization="northwind")
    token = sign_in().json()["access_token"]
    assert sites(token).status_code == 200

    alice.organization = "greenfleet"
    alice.save()
    assert reason_of(sites(token)) == (401, "revoked")


def test_none_of_the_header_is_obeyed(token: str, claims: dict[str, Any]) -> None:
    key = signing_keys.current()
    kid = key.thumbprint()
    public = key.export_to_pem(private_key=False)
    confused = JWK(kty="oct", k=encoded(public))
    stranger = JWK.generate(kty="RSA", size=2048)
    its_own = {"alg": "RS256", "typ": "at+jwt", "jwk": stranger.export_public(as_dict=True)}
    critical = {"alg": "RS256", "typ": "at+jwt", "kid": kid, "crit": ["b64"], "b64": False}
    header, payload, signature = token.split(".")
    bad = {
        "junk": ("eyJ.foo.bar", "malformed"),
        "no algorithm": (f"{encoded({'alg': 'none', 'typ': 'at+jwt', 'kid': kid})}.{payload}.", "malformed"),
        "no algorithm, signed": (
            f"{encoded({'alg': 'none', 'typ': 'at+jwt', 'kid': kid})}.{payload}.{signature}",
            "malformed",
        ),
        "the public key as a password": (
            signed(claims, confused, alg="HS256", kid=kid),
            "malformed",
        ),
        "another algorithm": (signed(claims, alg="PS256"), "malformed"),
        "an ID token": (signed(claims, typ="JWT"), "malformed"),
        "no type": (f"{encoded({'alg': 'RS256', 'kid': kid})}.{payload}.{signature}", "malformed"),
        "no key": (f"{encoded({'alg': 'RS256', 'typ': 'at+jwt'})}.{payload}.{signature}", "malformed"),
        "a key in the header": (
            f"{encoded(its_own)}.{payload}.{signature}",
            "malformed",
        ),
        "critical": (
            f"{encoded(critical)}.{payload}.{signature}",
            "malformed",
        ),
        "a header that is no object": (f"{encoded([])}.{payload}.{signature}", "malformed"),
        "a header nested too deeply": (f"{encoded(b'[' * 3000)}.{payload}.{signature}", "malformed"),
        "an id that is none": (signed(claims, kid="../../etc/passwd"), "unknown"),
        "another issuer": (signed({**claims, "iss": "https://evil.example"}), "malformed"),
        "another audience": (signed({**claims, "aud": "https://other.example"}), "malformed"),
        "no audience": (signed({name: claims[name] for name in claims if name != "aud"}), "malformed"),
        "not yet valid": (signed({**claims, "nbf": claims["iat"] + 600}), "malformed"),
        "of tomorrow": (signed({**claims, "iat": claims["iat"] + 86400}), "malformed"),
        "no end": (signed({name: claims[name] for name in claims if name != "exp"}), "malformed"),
        "an end that is no time": (signed({**claims, "exp": "never"}), "malformed"),
        "an end that is a truth": (signed({**claims, "exp": True}), "malformed"),
        "no object": (signed([]), "malformed"),
        "expired": (signed({**claims, "exp": claims["iat"] - 1}), "expired"),
        "a stranger's key": (signed(claims, stranger), "unknown"),
        "a stranger's key under our id": (signed(claims, stranger, kid=kid), "unknown"),
        "another payload": (f"{header}.{encoded({**claims, 'scope': 'admin'})}.{signature}", "unknown"),
        "no signature": (f"{header}.{payload}.", "unknown"),
        "ours, and issued to nobody": (signed({**claims, "jti": "another"}), "revoked"),
        "8 KB": (f"{header}.{payload}.{'A' * 9000}", "malformed"),
    }
    answers = {name: reason_of(sites(text)) for name, (text, _) in bad.items()}

    assert answers == {name: (401, reason) for name, (_, reason) in bad.items()}
    assert sites(token).status_code == 200


@pytest.mark.parametrize("text", ["eyJ.foo.bar", "eyJhbGciOiJub25lIn0.e30.", "a.b.c"])
def test_junk_costs_no_query(
    text: str, db: None, django_assert_num_queries: Any, tokenauth_settings: Any
) -> None:
    tokenauth_settings(RECORD_LOGIN_ATTEMPTS="none")

    with django_assert_num_queries(0):
        refused = sites(text)
    assert reason_of(refused) == (401, "malformed")
    assert 'error="invalid_token"' in refused["WWW-Authenticate"]


def test_it_ends_when_it_expires(alice: User, first_party: Any) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        text = sign_in().json()["access_token"]
    with time_machine.travel(start + timedelta(seconds=3599), tick=False):
        assert sites(text).status_code == 200
    with time_machine.travel(start + timedelta(seconds=3601), tick=False):
        assert reason_of(sites(text)) == (401, "expired")


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
    assert sites(token).status_code == 200

    ApplicationPolicy.objects.update(**policy)

    assert reason_of(sites(token)) == refused


def test_the_tokens_of_a_grant_that_was_taken_away_are_refused_at_once(
    token: str, first_party: Any, service: Any
) -> None:
    of_itself = of_service().json()["access_token"]
    assert (sites(token).status_code, sites(of_itself).status_code) == (200, 200)

    ApplicationPolicy.objects.filter(pk=first_party.pk).update(grants=["client_credentials"])
    ApplicationPolicy.objects.filter(pk=service.pk).update(grants=["authorization_code"])

    assert reason_of(sites(token)) == (401, "revoked")
    assert reason_of(sites(of_itself)) == (401, "revoked")


def test_a_removed_application_is_gone_at_once(token: str, first_party: Any) -> None:
    first_party.delete()

    assert reason_of(sites(token)) == (401, "revoked")


def test_a_deactivated_user_is_refused_at_once_and_has_to_sign_in_anew(token: str, alice: User) -> None:
    # Past save(), and so past what ends it.
    get_user_model().objects.filter(pk=alice.pk).update(is_active=False)
    assert reason_of(sites(token)) == (401, "user_inactive")

    alice.is_active = False
    alice.save()
    alice.is_active = True
    alice.save()
    assert reason_of(sites(token)) == (401, "revoked")


@pytest.mark.parametrize(("is_on", "status"), [(True, 401), (False, 200)])
def test_a_changed_password_ends_it_where_the_setting_says_so(
    is_on: bool, status: int, token: str, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(END_TOKENS_ON_PASSWORD_CHANGE=is_on)

    alice.set_password("another")
    alice.save()

    assert sites(token).status_code == status
    assert Authorization.objects.filter(ended_at__isnull=not is_on).exists()


def test_it_is_one_of_two_credentials_at_most(token: str, alice: User) -> None:
    key = alice.generate_access_token("key", ["read:sites"], kind="api_key", environment="live")

    assert reason_of(sites(token, HTTP_X_API_KEY=key.raw_token)) == (401, "ambiguous")
    assert reason_of(Client().get("/api/tokens/", **bearer(token), HTTP_X_API_KEY=key.raw_token)) == (
        401,
        "ambiguous",
    )


@pytest.mark.urls("tests.oauth.urls")
def test_a_view_that_takes_no_other_bearer_text_says_what_is_wrong_with_one(db: None) -> None:
    refused = Client().get("/who", HTTP_AUTHORIZATION="Bearer eyJ.foo.bar")

    assert reason_of(refused) == (401, "malformed")
    assert 'error="invalid_token"' in refused["WWW-Authenticate"]


def test_the_jwt_of_another_package_is_left_to_it(
    token: str, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(FOREIGN_BEARER="pass")
    foreign = signed({"user_id": 1}, typ="JWT")

    # Nobody else is there who takes it.
    assert reason_of(sites(foreign)) == (401, "missing")
    assert reason_of(sites("eyJ.foo.bar")) == (401, "missing")
    assert sites(token).status_code == 200


def test_a_session_does_not_help_a_refused_one(alice: User, first_party: Any) -> None:
    client = Client()
    client.force_login(alice)

    assert client.get("/inventory-service/sites").status_code == 200
    refused = client.get("/inventory-service/sites", HTTP_AUTHORIZATION="Bearer eyJ.foo.bar")
    assert reason_of(refused) == (401, "malformed")


def test_an_access_token_is_accepted_beside(alice: User) -> None:
    token = alice.generate_access_token("pat", ["read:sites"])

    assert sites(token.raw_token or "").status_code == 200
    assert reason_of(sites("pat_junk")) == (401, "malformed")


@pytest.mark.urls("tests.oauth.urls")
def test_a_token_in_the_body_or_the_url_is_not_read(token: str) -> None:
    client = Client()

    assert reason_of(client.get("/who", {"access_token": token})) == (401, "missing")
    assert reason_of(client.post("/who", {"access_token": token})) == (401, "missing")


def test_the_login_log(token: str, alice: User, tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(RECORD_LOGIN_ATTEMPTS="all")
    jti = claims_of(token)[1]["jti"]

    sites(token)
    Client().get("/inventory-service/assets", **bearer(token))
    sites(token[:-8] + "AAAAAAAA")
    sites("eyJ.foo.bar")

    rows = TokenLogin.objects.order_by("pk").values_list("id_type", "user", "success", "reason", "hint")
    assert list(rows) == [
        ("jwt", alice.pk, True, "", f"jti {jti[:8]}…"),
        ("jwt", alice.pk, False, "insufficient_scope", f"jti {jti[:8]}…"),
        ("jwt", None, False, "unknown", ""),
        ("access_token", None, False, "malformed", ""),
    ]
    assert TokenLogin.objects.order_by("pk")[0].identifier == "First-Party"
    assert TokenLogin.objects.refused_with(token).count() == 1


def test_a_token_is_a_row_of_which_nothing_can_be_read(token: str) -> None:
    row = get_access_token_model().objects.get()

    assert token not in str(vars(row))
    assert token[-40:] not in repr(row)

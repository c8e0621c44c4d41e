"""What applications read, and what they ask about tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from oauth2_provider.settings import oauth2_settings

from tests.conftest import bearer
from tests.oauth.requests import (
    SECRET,
    code_of,
    make_application,
    of_service,
    post_form,
    redeem,
    sign_in,
    sites,
)
from tokenauth.oauth.models import ApplicationPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

SERVER = "/.well-known/oauth-authorization-server"
RESOURCE = "/.well-known/oauth-protected-resource"


def test_the_server_says_what_it_does(client: Client, db: None) -> None:
    document = client.get(SERVER).json()

    assert document["issuer"] == "http://testserver"
    assert document["token_endpoint"] == "http://testserver/oauth2/token"
    assert document["authorization_endpoint"] == "http://testserver/oauth2/authorize"
    assert document["jwks_uri"] == "http://testserver/oauth2/jwks"
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert "password" not in document["grant_types_supported"]
    assert "none" in document["token_endpoint_auth_methods_supported"]
    # Some clients ask for all that are listed, and are refused.
    assert "scopes_supported" not in document
    # Each is there, and is no page of Django's.
    for name, url in document.items():
        if name.endswith(("_endpoint", "_uri")):
            assert client.get(url.removeprefix("http://testserver")).status_code != 404


def test_the_api_says_whose_tokens_it_takes(client: Client, db: None) -> None:
    document = client.get(RESOURCE).json()

    assert document["resource"] == "http://testserver"
    assert document["authorization_servers"] == ["http://testserver"]
    assert "scopes_supported" not in document


def test_an_issuer_with_a_path(client: Client, db: None, tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(OAUTH_ISSUER="https://auth.example/tenant", OAUTH_AUDIENCE="https://api.example")

    assert client.get(f"{SERVER}/tenant").json()["issuer"] == "https://auth.example/tenant"
    assert client.get(SERVER).json()["token_endpoint"] == "https://auth.example/oauth2/token"
    assert client.get(f"{SERVER}/other").status_code == 404
    assert client.get(RESOURCE).json()["resource"] == "https://api.example"
    assert client.get(f"{RESOURCE}/tenant").status_code == 404


def test_the_name_of_the_server_is_not_the_clients_to_choose(
    alice: User, first_party: Any, client: Client, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(OAUTH_ISSUER="https://auth.example")

    assert client.get(SERVER, HTTP_HOST="localhost").json()["issuer"] == "https://auth.example"
    token = sign_in().json()["access_token"]
    assert client.get("/inventory-service/sites", **bearer(token)).status_code == 200
    tokenauth_settings(OAUTH_ISSUER="https://other.example")
    assert client.get("/inventory-service/sites", **bearer(token)).status_code == 401


# Userinfo.


@pytest.mark.parametrize("method", ["get", "post"])
def test_userinfo(method: str, alice: User, first_party: Any, client: Client) -> None:
    token = sign_in().json()["access_token"]

    response = getattr(client, method)("/oauth2/userinfo", **bearer(token))

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    assert response.json() == {"sub": f"usr_{alice.pk}", "preferred_username": "alice"}


def test_userinfo_of_nobody(service: Any, alice: User, client: Client) -> None:
    of_itself = client.get("/oauth2/userinfo", **bearer(of_service().json()["access_token"]))
    assert of_itself.status_code == 403
    assert of_itself.json()["error"]["reason"] == "no_user"

    missing = client.get("/oauth2/userinfo")
    assert missing.status_code == 401
    assert missing["WWW-Authenticate"] == 'Bearer realm="api"'
    # A token of another kind has its own endpoint.
    pat = alice.generate_access_token("pat", ["read:sites"])
    assert client.get("/oauth2/userinfo", **bearer(pat)).status_code == 401
    client.force_login(alice)
    assert client.get("/oauth2/userinfo").status_code == 401


# Introspection.


def introspect(token: str, client_id: str = "third-party", secret: str = SECRET) -> Any:
    return post_form("/oauth2/introspect", {"token": token, "client_id": client_id, "client_secret": secret})


@pytest.fixture
def members(browser: Client, third_party: Any) -> Any:
    return redeem(code_of(browser, "third-party")).json()


def test_an_application_asks_about_its_own(members: Any, alice: User) -> None:
    access = introspect(members["access_token"]).json()
    refresh = introspect(members["refresh_token"]).json()

    assert access["active"] is refresh["active"] is True
    assert access.keys() == {
        *("active", "client_id", "sub", "iat", "iss", "username", "scope", "token_type", "exp", "aud")
    }
    assert (access["sub"], access["username"]) == (f"usr_{alice.pk}", "alice")
    assert access["scope"] == refresh["scope"] == "read:sites"


def test_no_application_asks_about_another(members: Any) -> None:
    other = make_application("other", grants=["client_credentials"], scopes=["read:sites"], secret=SECRET)

    assert introspect(members["access_token"], "other").json() == {"active": False}
    assert introspect(members["refresh_token"], "other").json() == {"active": False}

    ApplicationPolicy.objects.filter(application=other).update(may_introspect=True)
    assert introspect(members["access_token"], "other").json()["active"] is True


@pytest.mark.parametrize("token", ["x", "eyJ.foo.bar", "rt_" + "0" * 36, "pat_x"])
def test_of_what_is_none_nothing_is_told(token: str, third_party: Any) -> None:
    assert introspect(token).json() == {"active": False}


def test_what_has_ended_is_not_active(members: Any, alice: User) -> None:
    get_user_model().objects.filter(pk=alice.pk).update(is_active=False)

    assert introspect(members["access_token"]).json() == {"active": False}
    assert introspect(members["refresh_token"]).json() == {"active": False}


def test_who_asks_says_who_it_is(members: Any, first_party: Any, client: Client) -> None:
    assert introspect(members["access_token"], secret="wrong").status_code == 401
    assert introspect(members["access_token"], "first-party", "").status_code == 401
    nobody = post_form("/oauth2/introspect", {"token": members["access_token"]})
    assert nobody.status_code == 401
    assert "WWW-Authenticate" in nobody
    assert introspect("").status_code == 400
    assert client.get("/oauth2/introspect", {"token": members["access_token"]}).status_code == 405


def test_a_schema_of_openapi_knows_jwts(recwarn: pytest.WarningsRecorder, capsys: Any) -> None:
    schema = SchemaGenerator().get_schema(request=None, public=True)

    assert schema["components"]["securitySchemes"]["jwt"]["bearerFormat"] == "JWT"
    assert {"jwt": ["read:sites"]} in schema["paths"]["/inventory-service/sites"]["get"]["security"]
    assert schema["paths"]["/oauth2/userinfo"]["get"]["security"] == [{"jwt": []}]
    assert "JWTAuthentication" not in capsys.readouterr().err


def test_what_the_policy_no_longer_allows_is_not_told(members: Any) -> None:
    ApplicationPolicy.objects.update(scopes=["read:assets"])
    for token in (members["access_token"], members["refresh_token"]):
        assert introspect(token).json()["scope"] == ""


def test_no_scope_is_told_or_granted_that_the_project_has_no_more(
    members: Any, tokenauth_settings: Any
) -> None:
    assert sites(members["access_token"]).status_code == 200

    tokenauth_settings(SCOPES={"read:assets": "Read assets"})

    assert sites(members["access_token"]).status_code == 403
    for token in (members["access_token"], members["refresh_token"]):
        assert introspect(token).json()["scope"] == ""


def test_a_token_of_a_key_that_was_taken_out_is_not_active(members: Any) -> None:
    call_command("rotatesigningkey", "--at-once", verbosity=0)

    assert sites(members["access_token"]).status_code == 401
    assert introspect(members["access_token"]).json() == {"active": False}
    assert introspect(members["refresh_token"]).json()["active"] is True


def test_a_refresh_token_that_has_lapsed_is_not_active(members: Any) -> None:
    later = timezone.now() + timedelta(seconds=int(oauth2_settings.REFRESH_TOKEN_EXPIRE_SECONDS))
    with time_machine.travel(later, tick=False):
        assert introspect(members["refresh_token"]).json() == {"active": False}

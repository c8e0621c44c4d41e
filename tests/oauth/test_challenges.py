"""What a refused request is told of where tokens come from (RFC 9728, section 5.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from tests.conftest import bearer

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.oauth.plain_urls")]

ISSUER = "https://auth.example"
DOORS = ["/inventory-service/sites", "/function", "/async-function"]


def metadata_of(answer: Any) -> str:
    found: list[str] = re.findall(r'resource_metadata="([^"]*)"', answer["WWW-Authenticate"])
    assert len(found) == 1
    return found[0]


def rest(answer: Any) -> str:
    """The challenge without it."""
    return re.sub(r', resource_metadata="[^"]*"', "", answer["WWW-Authenticate"])


@pytest.mark.parametrize("door", DOORS)
def test_every_refusal_that_another_token_would_mend_leads_to_the_document(
    door: str, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(OAUTH_ISSUER=ISSUER)
    weak = alice.generate_access_token("weak", ["read:events"])
    client = Client()
    missing = client.get(door)
    unknown = client.get(door, **bearer("pat_00000000000000000000000000000042VsRc"))
    lacking = client.get(door, **bearer(weak))

    assert (missing.status_code, unknown.status_code, lacking.status_code) == (401, 401, 403)
    for answer in (missing, unknown, lacking):
        assert metadata_of(answer) == f"{ISSUER}/.well-known/oauth-protected-resource"
    document = client.get(urlsplit(metadata_of(missing)).path).json()
    assert document["resource"] == document["authorization_servers"][0] == ISSUER
    # And all else is as it is without.
    assert rest(missing) == 'Bearer realm="api"'
    assert rest(unknown) == (
        'Bearer realm="api", error="invalid_token", error_description="The credential is not known."'
    )
    assert rest(lacking) == (
        'Bearer realm="api", error="insufficient_scope", error_description="The credential lacks a scope '
        'that this request needs.", scope="read:sites"'
    )


@pytest.mark.parametrize("door", DOORS)
def test_other_refusals_have_no_challenge(door: str, alice: User) -> None:
    elsewhere = alice.generate_access_token("t", ["read:sites"], allowed_networks=["10.0.0.0/8"])

    refused = Client().get(door, **bearer(elsewhere))

    assert refused.status_code == 403
    assert "WWW-Authenticate" not in refused


@pytest.mark.parametrize(
    ("configured", "url"),
    [
        (
            {"OAUTH_ISSUER": "https://auth.example"},
            "https://auth.example/.well-known/oauth-protected-resource",
        ),
        (
            {"OAUTH_ISSUER": "https://auth.example/tenant", "OAUTH_AUDIENCE": "https://api.example/v1"},
            "https://api.example/.well-known/oauth-protected-resource/v1",
        ),
        (
            {"OAUTH_ISSUER": "https://auth.example/tenant", "OAUTH_AUDIENCE": "https://api.example"},
            "https://api.example/.well-known/oauth-protected-resource",
        ),
    ],
    ids=["an issuer", "an API with a path", "an API without"],
)
@pytest.mark.parametrize("door", DOORS)
def test_it_is_at_the_address_of_the_api_and_not_of_the_request(
    door: str, configured: dict[str, str], url: str, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(**configured)
    client = Client()

    assert metadata_of(client.get(door, HTTP_HOST="localhost")) == url
    document = client.get(urlsplit(url).path).json()
    assert document["resource"] == configured.get("OAUTH_AUDIENCE", configured["OAUTH_ISSUER"])


@pytest.mark.urls("tests.plain_urls")
@pytest.mark.parametrize("door", ["/who", "/function"])
def test_where_the_document_is_not_it_is_not_spoken_of(
    door: str, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(OAUTH_ISSUER=ISSUER)
    assert Client().get(door)["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("door", DOORS)
def test_an_address_that_only_the_request_says_is_not_repeated(door: str) -> None:
    assert Client().get(door, HTTP_HOST="localhost")["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("door", DOORS)
def test_nothing_in_a_setting_ends_the_quoted_text(
    door: str, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(OAUTH_AUDIENCE='https://api.example/a", error="b\\ é')

    answer = Client().get(door)

    assert metadata_of(answer) == (
        "https://api.example/.well-known/oauth-protected-resource/a%22,%20error=%22b%5C%20%C3%A9"
    )
    assert rest(answer) == 'Bearer realm="api"'

"""Clients of others, against a live server: from the page that asks to an answer of the API."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import requests
from asgiref.sync import sync_to_async
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from joserfc import jwt
from joserfc.jwk import KeySet
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl
from requests_oauthlib import OAuth2Session as OAuthlibSession

from tests.oauth.requests import CALLBACK, SECRET
from tests.services.threads import own_connections

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django.live_server_helper import LiveServer

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def in_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """A live server of tests has no certificate; and no proxy stands before it."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def metadata(live_server: LiveServer) -> dict[str, Any]:
    """What the server says of itself; the clients are told nothing else."""
    found: dict[str, Any] = requests.get(
        f"{live_server.url}/.well-known/oauth-authorization-server", timeout=30
    ).json()
    return found


def pressed(browser: Client, url: str) -> str:
    """Where the person of ``browser`` is sent, who has let the application in."""
    parts = urlsplit(url)
    browser.defaults["HTTP_HOST"] = parts.netloc
    assert "Let it in" in browser.get(f"{parts.path}?{parts.query}").content.decode()
    location: str = browser.post(f"{parts.path}?{parts.query}", {"answer": "allow"})["Location"]
    assert location.startswith(CALLBACK)
    return location


def test_the_metadata_is_that_of_rfc_8414(metadata: dict[str, Any]) -> None:
    # It wants https, which a live server of tests has not.
    document = {
        name: value.replace("http://", "https://") if isinstance(value, str) else value
        for name, value in metadata.items()
    }

    AuthorizationServerMetadata(document).validate()


@pytest.mark.parametrize("client_id", ["third-party", "first-party"])
def test_authlib(
    client_id: str,
    live_server: LiveServer,
    metadata: dict[str, Any],
    browser: Client,
    alice: User,
    third_party: Any,
    first_party: Any,
) -> None:
    secret, method = (SECRET, "client_secret_basic") if client_id == "third-party" else (None, "none")
    session = OAuth2Session(
        client_id,
        secret,
        scope="read:sites",
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
    )
    verifier = "v" * 60
    url, state = session.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier)

    token = session.fetch_token(
        metadata["token_endpoint"],
        authorization_response=pressed(browser, url),
        code_verifier=verifier,
        state=state,
    )
    assert session.get(f"{live_server.url}/inventory-service/sites", timeout=30).status_code == 200
    renewed = session.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
    assert renewed["access_token"] != token["access_token"]
    assert session.get(metadata["userinfo_endpoint"], timeout=30).json()["sub"] == f"usr_{alice.pk}"

    keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=30).json())
    decoded = jwt.decode(renewed["access_token"], keys, algorithms=["RS256"])
    assert decoded.header["typ"] == "at+jwt"
    registry = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": metadata["issuer"]},
        aud={"essential": True, "value": live_server.url},
        exp={"essential": True},
        jti={"essential": True},
    )
    registry.validate(decoded.claims)

    session.revoke_token(metadata["revocation_endpoint"], token=renewed["refresh_token"])
    assert session.get(f"{live_server.url}/inventory-service/sites", timeout=30).status_code == 401


def test_authlib_with_client_credentials(
    live_server: LiveServer, metadata: dict[str, Any], service: Any
) -> None:
    session = OAuth2Session("service", SECRET, scope="read:sites")

    session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")

    assert session.get(f"{live_server.url}/inventory-service/sites", timeout=30).status_code == 200


def test_requests_oauthlib(
    live_server: LiveServer, metadata: dict[str, Any], browser: Client, third_party: Any
) -> None:
    session = OAuthlibSession("third-party", redirect_uri=CALLBACK, scope=["read:sites"], pkce="S256")
    url, _state = session.authorization_url(metadata["authorization_endpoint"])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        token = session.fetch_token(
            metadata["token_endpoint"], authorization_response=pressed(browser, url), client_secret=SECRET
        )
    assert session.get(f"{live_server.url}/inventory-service/sites", timeout=30).status_code == 200
    session.refresh_token(
        metadata["token_endpoint"],
        refresh_token=token["refresh_token"],
        client_id="third-party",
        client_secret=SECRET,
    )
    assert session.get(f"{live_server.url}/inventory-service/sites", timeout=30).status_code == 200


class Storage:
    """What an MCP client keeps: it is registered beforehand."""

    def __init__(self, client: OAuthClientInformationFull) -> None:
        self.client = client
        self.tokens: OAuthToken | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


@pytest.mark.parametrize("path", ["sites", "sites.csv"], ids=["REST framework", "plain Django"])
def test_the_mcp_sdk(
    path: str,
    live_server: LiveServer,
    browser: Client,
    first_party: Any,
    tokenauth_settings: Callable[..., None],
) -> None:
    """From a 401 without any token to a 200: it finds the rest by itself."""
    tokenauth_settings(OAUTH_ISSUER=live_server.url)
    url = f"{live_server.url}/inventory-service/{path}"
    asked: list[str] = []
    requested: list[str] = []
    storage = Storage(
        OAuthClientInformationFull(
            client_id="first-party",
            redirect_uris=[AnyUrl(CALLBACK)],
            token_endpoint_auth_method="none",
            issuer=live_server.url,
        )
    )

    async def note(request: httpx2.Request) -> None:
        requested.append(request.url.path)

    async def redirect(address: str) -> None:
        asked.append(address)

    async def come_back() -> AuthorizationCodeResult:
        def press() -> str:
            with own_connections():
                return pressed(browser, asked[-1])

        location = await sync_to_async(press)()
        answer = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        return AuthorizationCodeResult(**answer)

    async def get() -> tuple[int, int]:
        provider = OAuthClientProvider(
            url,
            OAuthClientMetadata(
                redirect_uris=[AnyUrl(CALLBACK)], token_endpoint_auth_method="none", scope="read:sites"
            ),
            storage,
            redirect,
            come_back,
        )
        hooks = {"request": [note]}
        async with httpx2.AsyncClient(
            auth=provider, trust_env=False, timeout=60, event_hooks=hooks
        ) as client:
            first = await client.get(url)
            second = await client.get(url)
        return first.status_code, second.status_code

    assert asyncio.run(get()) == (200, 200)
    assert len(asked) == 1
    assert storage.tokens is not None
    # It asked where the 401 said, and tried no other place.
    found = [path for path in requested if path.startswith("/.well-known/")]
    assert found == ["/.well-known/oauth-protected-resource", "/.well-known/oauth-authorization-server"]

"""What the tests of OAuth ask, by Django's test client."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.test import Client
from oauth2_provider.models import get_application_model

from tokenauth.oauth.models import ApplicationPolicy

PASSWORD = "correct horse battery staple"
SECRET = "the-secret-of-an-application-which-is-long-enough"
CALLBACK = "https://yourapp.example/callback"
VERIFIER = "a-code-verifier-of-forty-three-characters-or-more"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
FORM = "application/x-www-form-urlencoded"


def make_application(
    client_id: str,
    *,
    client_type: str = "confidential",
    secret: str = "",
    redirect_uris: str = "",
    **policy: Any,
) -> Any:
    application = get_application_model().objects.create(
        client_id=client_id,
        name=client_id.title(),
        client_type=client_type,
        client_secret=secret,
        authorization_grant_type="authorization-code",
        redirect_uris=redirect_uris,
    )
    ApplicationPolicy.objects.create(application=application, **policy)
    return application


def ask(members: Any, **headers: Any) -> Any:
    """The answer of ``/auth/token``."""
    body = members if isinstance(members, str | bytes) else json.dumps(members)
    return Client().post("/auth/token", body, content_type="application/json", **headers)


def sign_in(client_id: str = "first-party", **members: str) -> Any:
    asked = {"grant_type": "password", "username": "alice", "password": PASSWORD, "client_id": client_id}
    return ask({**asked, **members})


def of_service(**members: str) -> Any:
    return ask(
        {"grant_type": "client_credentials", "client_id": "service", "client_secret": SECRET, **members}
    )


def refresh(refresh_token: str, client_id: str = "first-party", **members: str) -> Any:
    return ask(
        {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": client_id, **members}
    )


def post_form(path: str, fields: Any, **headers: Any) -> Any:
    return Client().post(
        path, fields if isinstance(fields, str) else urlencode(fields), content_type=FORM, **headers
    )


def authorize_url(client_id: str, **parameters: str) -> str:
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "scope": "read:sites",
        "state": "a-state",
        **parameters,
    }
    return "/oauth2/authorize?" + urlencode({name: value for name, value in asked.items() if value})


def answer_of(response: Any) -> dict[str, str]:
    """The parameters by which a person is sent back."""
    return {name: values[0] for name, values in parse_qs(urlsplit(response["Location"]).query).items()}


def code_of(browser: Client, client_id: str, **parameters: str) -> str:
    """A code for ``client_id``, which the person of ``browser`` has let in."""
    response = browser.post(authorize_url(client_id, **parameters), {"answer": "allow"})
    return answer_of(response)["code"]


def redeem(code: str, client_id: str = "third-party", secret: str | None = SECRET, **fields: str) -> Any:
    asked = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "client_id": client_id,
        **({} if secret is None else {"client_secret": secret}),
        **fields,
    }
    return post_form("/oauth2/token", asked)


def sites(access_token: str, **headers: Any) -> Any:
    return Client().get("/inventory-service/sites", HTTP_AUTHORIZATION=f"Bearer {access_token}", **headers)


def claims_of(access_token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and payload of a JWT, unverified."""
    header, payload, _ = access_token.split(".")
    parts = [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in (header, payload)]
    return json.loads(parts[0]), json.loads(parts[1])

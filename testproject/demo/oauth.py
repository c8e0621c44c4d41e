"""OAuth 2.0 and JWT: each way of coming by a token, as an application asks for it."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.test import Client
from oauth2_provider.models import get_application_model

from testproject.accounts.models import User
from testproject.demo.requests import Answer, Request, indented
from tokenauth.oauth.models import ApplicationPolicy

SITES = "/inventory-service/sites"
ASSETS = "/inventory-service/assets"
CALLBACK = "https://yourapp.example/callback"

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

# Theirs are ids that tell what they are; others are made at random.
APP, SERVICE, PARTNER = "demo-app", "demo-service", "demo-partner"


def walk_through_oauth(base_url: str, alice: User, password: str, write: Callable[[str], object]) -> int:
    """Ask for tokens in each way, use them, say what happens, and count what was not as expected."""
    write("Applications ask for tokens\n")
    walk = _Walk(base_url, write)
    secret = _applications(alice.organization)
    walk.password_grant(alice.username, password)
    walk.client_credentials_grant(secret)
    walk.authorization_code_grant(alice, secret)
    return walk.unexpected


def _applications(organization: str) -> str:
    """An app of ours, a service and a partner's server; the secret of those two, on this screen alone."""
    secret = secrets.token_urlsafe(30)
    _application(APP, "public", "", grants=["password"], scopes=["read:sites"], first_party=True)
    _application(
        SERVICE,
        "confidential",
        secret,
        grants=["client_credentials"],
        scopes=["read:sites"],
        organization=organization,
    )
    _application(
        PARTNER, "confidential", secret, grants=["authorization_code"], scopes=["read:sites", "read:assets"]
    )
    return secret


def _application(client_id: str, client_type: str, secret: str, **policy: Any) -> None:
    application, _ = get_application_model().objects.update_or_create(
        client_id=client_id,
        defaults={
            "name": client_id,
            "client_type": client_type,
            "client_secret": secret,
            "redirect_uris": CALLBACK,
            "authorization_grant_type": "authorization-code",
        },
    )
    ApplicationPolicy.objects.update_or_create(application=application, defaults=policy)


@dataclass
class _Walk:
    base_url: str
    write: Callable[[str], object]
    steps: int = 0
    unexpected: int = 0

    def password_grant(self, username: str, password: str) -> None:
        asked = {"grant_type": "password", "username": username, "password": password, "client_id": APP}
        first = self._json("alice signs in to an app of ours.", asked)
        self._get("The app reads sites in her name.", SITES, first["access_token"])
        asked = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], "client_id": APP}
        second = self._json("Before the hour is over, the app trades in its refresh token.", asked)
        self._get("The new token works.", SITES, second["access_token"])
        self._json("The refresh token a second time: somebody has a copy.", asked, 401, "invalid_grant")
        self._get("All that came of it has ended.", SITES, second["access_token"], 401, "revoked")

    def client_credentials_grant(self, secret: str) -> None:
        asked = {"grant_type": "client_credentials", "client_id": SERVICE, "client_secret": secret}
        token = self._json("A service asks in its own name.", asked)["access_token"]
        self._get("It reads the sites of its organization.", SITES, token)
        self._get("It has no scope for assets.", ASSETS, token, 403, "insufficient_scope")
        headers = {"X-Request-ID": "unique-request-id", "X-Client-Version": "1.0.0"}
        self._get("Its requests can be found in the log.", SITES, token, headers=headers)

    def authorization_code_grant(self, alice: User, secret: str) -> None:
        asked = {
            "response_type": "code",
            "client_id": PARTNER,
            "redirect_uri": CALLBACK,
            "scope": "read:sites read:assets",
            "state": "random-state-string",
        }
        url = f"{self.base_url}/oauth2/authorize?{urlencode(asked)}"
        self._title("A partner sends alice to this page, and she lets it in:")
        self.write(f"   {url}\n")
        data = [
            "grant_type=authorization_code",
            f"code={_code(url, alice)}",
            f"redirect_uri={CALLBACK}",
            f"client_id={PARTNER}",
            f"client_secret={secret}",
        ]
        trade = Request(f"{self.base_url}/oauth2/token", FORM, "POST", data)
        token = self._send("The partner trades in the code that she brings back.", trade)["access_token"]
        self._get("It reads assets in her name.", ASSETS, token)
        self._get("Whose name that is:", "/oauth2/userinfo", token)
        data = [f"token={token}", f"client_id={PARTNER}", f"client_secret={secret}"]
        self._send(
            "The partner gives it back.", Request(f"{self.base_url}/oauth2/revoke", FORM, "POST", data)
        )
        self._get("It has ended.", ASSETS, token, 401, "revoked")

    def _json(self, title: str, members: dict[str, str], status: int = 200, reason: str | None = None) -> Any:
        body = json.dumps(members, indent=2)
        return self._send(title, Request(f"{self.base_url}/auth/token", JSON, "POST", [body]), status, reason)

    def _get(
        self,
        title: str,
        path: str,
        token: str,
        status: int = 200,
        reason: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        presented = {"Authorization": f"Bearer {token}", **(headers or {})}
        self._send(title, Request(self.base_url + path, presented), status, reason)

    def _send(self, title: str, request: Request, status: int = 200, reason: str | None = None) -> Any:
        self._title(title)
        answer: Answer = request.send()
        self.write(f"   $ {request}\n\n{indented(answer)}\n")
        if (answer.status, answer.reason) != (status, reason):
            self.unexpected += 1
            self.write(f"   NOT AS EXPECTED: it should have been {status} {reason or ''}".rstrip() + ".\n")
            # What comes after it will fail as well, and say so.
            return {"access_token": "none", "refresh_token": "none"}
        return answer.body

    def _title(self, title: str) -> None:
        self.steps += 1
        self.write(f"{self.steps}. {title}\n")


def _code(url: str, alice: User) -> str:
    """What comes back with alice, who has pressed "Let it in" in her browser."""
    parts = urlsplit(url)
    browser = Client(SERVER_NAME=parts.hostname or "", SERVER_PORT=str(parts.port))
    browser.force_login(alice)
    answer = browser.post(f"{parts.path}?{parts.query}", {"answer": "allow"})
    return parse_qs(urlsplit(answer.headers.get("Location", "")).query).get("code", ["none"])[0]

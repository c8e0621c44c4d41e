"""Each package's way: how its rows are filled, its tokens made, presented and judged."""

from __future__ import annotations

import hashlib
import random
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.utils import timezone
from django.utils.crypto import RANDOM_STRING_CHARS, get_random_string
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.models import AuthToken
from knox.settings import CONSTANTS
from oauth2_provider.contrib.rest_framework import OAuth2Authentication
from oauth2_provider.models import AccessToken as OAuthToken
from oauth2_provider.models import Application
from rest_framework.authentication import TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework_api_key.models import APIKey
from rest_framework_api_key.permissions import HasAPIKey
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.tokens import AccessToken as SimpleJWT
from rest_framework_simplejwt.tokens import RefreshToken

from tokenauth.authentication import AccessTokenAuthentication
from tokenauth.core import credential
from tokenauth.core.credential import Kind
from tokenauth.models import AccessToken
from tokenauth.permissions import HasScopes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCOPE = "read:sites"

# Unlike the packages, which draw each character from the system: they are a million texts of nobody.
_choose = random.Random().choices  # noqa: S311

# By attribute.
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Scheme:
    """``make``: the text of a token of a user, until a moment, and what its row has of its own.

    That is none where ``model`` is None; what else a row has, it has by the package's defaults.
    """

    name: str
    word: str = ""
    authentication: type[Any] | None = None
    permission: type[Any] = AllowAny
    model: type[Any] | None = None
    make: Callable[[int, datetime | None], tuple[str, Row]] | None = None
    # By the package's own means, as a project would.
    create: Callable[[Any], object] | None = None
    # What has the form of a token of its own, and is none.
    unknown: str = ""
    malformed: str = "hunter2"
    expires: bool = True

    def header(self, text: str) -> str:
        """The value of ``Authorization``; "" where there is none."""
        return f"{self.word} {text}" if self.word else ""


def _of_authtoken(user: int, expires: datetime | None) -> tuple[str, Row]:
    key = secrets.token_hex(20)
    return key, {"key": key, "user_id": user}


def _of_knox(user: int, expires: datetime | None) -> tuple[str, Row]:
    text = secrets.token_hex(32)
    return text, {
        # As its own crypto.hash_token does.
        "digest": hashlib.sha512(bytes.fromhex(text.encode().hex())).hexdigest(),
        "token_key": text[: CONSTANTS.TOKEN_KEY_LENGTH],
        "user_id": user,
        "expiry": expires or timezone.now() + timedelta(days=1),
    }


def _of_api_key(user: int, expires: datetime | None) -> tuple[str, Row]:
    prefix, secret = _characters(8), _characters(32)
    hashed = f"sha512$${hashlib.sha512(f'{prefix}.{secret}'.encode()).hexdigest()}"
    return f"{prefix}.{secret}", {
        "id": f"{prefix}.{hashed}",
        "prefix": prefix,
        "hashed_key": hashed,
        "name": "t",
        "expiry_date": expires,
    }


def _of_simplejwt(user: int, expires: datetime | None) -> tuple[str, Row]:
    token = SimpleJWT()
    token["user_id"] = str(user)
    if expires is not None:
        token.set_exp(from_time=expires, lifetime=timedelta(0))
    return str(token), {}


def _of_oauth(user: int, expires: datetime | None) -> tuple[str, Row]:
    text = _characters(30)
    return text, {
        "user_id": user,
        "application_id": 1,
        "token": text,
        "token_checksum": hashlib.sha256(text.encode()).hexdigest(),
        "expires": expires or timezone.now() + timedelta(days=1),
        "scope": SCOPE,
    }


def _of_tokenauth(user: int, expires: datetime | None) -> tuple[str, Row]:
    made, now = credential.make(Kind.PERSONAL), timezone.now()
    return made.text, {
        "user_id": user,
        "name": "t",
        "scopes": [SCOPE],
        "secret": hashlib.sha256(made.text.encode()).hexdigest(),
        "hint": made.hint,
        "family": uuid4(),
        "created_at": now,
        "last_used_at": now,
        "expires_at": expires,
    }


def _characters(count: int) -> str:
    return "".join(_choose(RANDOM_STRING_CHARS, k=count))


def _create_oauth_row(user: Any) -> object:
    return OAuthToken.objects.create(
        user=user,
        application_id=1,
        token=get_random_string(30),
        expires=timezone.now() + timedelta(days=1),
        scope=SCOPE,
    )


def _tokenauth(name: str) -> Scheme:
    return Scheme(
        name,
        "Bearer",
        AccessTokenAuthentication,
        HasScopes.of(SCOPE),
        AccessToken,
        _of_tokenauth,
        lambda user: AccessToken.objects.generate(user, "t", [SCOPE]),
        unknown="pat_00000000000000000000000000000042VsRc",
        # One character is another: a typing error.
        malformed="pat_00000000000000000000000000000042VsRd",
    )


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme("nothing"),
        Scheme(
            "authtoken",
            "Token",
            TokenAuthentication,
            IsAuthenticated,
            Token,
            _of_authtoken,
            lambda user: Token.objects.create(user=user),
            unknown="0" * 40,
            expires=False,
        ),
        Scheme(
            "knox",
            "Token",
            KnoxAuthentication,
            IsAuthenticated,
            AuthToken,
            _of_knox,
            AuthToken.objects.create,
            unknown="0" * 64,
        ),
        Scheme(
            "drf-api-key",
            "Api-Key",
            None,
            HasAPIKey,
            APIKey,
            _of_api_key,
            lambda user: APIKey.objects.create_key(name="t"),
            unknown=f"{'0' * 8}.{'0' * 32}",
        ),
        Scheme(
            "simplejwt",
            "Bearer",
            JWTAuthentication,
            IsAuthenticated,
            None,
            _of_simplejwt,
            RefreshToken.for_user,
            # Signed by nobody.
            unknown="eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VyX2lkIjoiMSJ9." + "A" * 43,
        ),
        Scheme(
            "oauth-toolkit",
            "Bearer",
            OAuth2Authentication,
            IsAuthenticated,
            OAuthToken,
            _of_oauth,
            _create_oauth_row,
            unknown="0" * 30,
        ),
        _tokenauth("tokenauth"),
        _tokenauth("tokenauth-cached"),
    )
}
# Whom the others are compared with.
PEER = "authtoken"
OURS = "tokenauth"
CACHED = "tokenauth-cached"


def rows(scheme: Scheme, count: int, expires: datetime | None = None) -> Iterator[tuple[str, Row]]:
    """Texts and rows of ``count`` tokens, each of a user of its own."""
    assert scheme.make is not None
    for user in range(1, count + 1):
        yield scheme.make(user, expires)


def users(count: int) -> Iterator[Row]:
    for number in range(1, count + 1):
        yield {"id": number, "username": f"user{number}", "password": "!"}


def application() -> Application:
    return Application.objects.create(
        pk=1,
        name="a",
        client_type=Application.CLIENT_PUBLIC,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris="https://app.example/",
    )

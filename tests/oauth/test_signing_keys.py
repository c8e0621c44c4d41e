"""The keys that JWTs are signed by: they roll over, are published, and are nowhere in clear."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from jwcrypto.jwk import JWK

from tests.oauth.requests import claims_of, refresh, sign_in, sites
from tests.test_secrets import everything_stored
from tokenauth.oauth import signing_keys
from tokenauth.oauth.models import SigningKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db


def published() -> list[str]:
    response = Client().get("/oauth2/jwks")
    assert response["Content-Type"] == "application/json"
    return [key["kid"] for key in response.json()["keys"]]


def rotate(*options: str) -> str:
    output = StringIO()
    call_command("rotatesigningkey", *options, stdout=output)
    return output.getvalue().strip()


def kid_of(token: str) -> str:
    kid: str = claims_of(token)[0]["kid"]
    return kid


def test_the_jwks_has_public_halves_alone(alice: User, first_party: Any) -> None:
    assert published() == []
    token = sign_in().json()["access_token"]

    (key,) = Client().get("/oauth2/jwks").json()["keys"]

    assert key.keys() == {"kty", "use", "alg", "kid", "n", "e"}
    assert (key["kid"], key["alg"], key["use"]) == (kid_of(token), "RS256", "sig")
    assert JWK(**key).thumbprint() == key["kid"]


def test_a_key_rolls_over_and_no_token_ends(alice: User, first_party: Any) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        old = sign_in().json()
        new_kid = rotate()
        new = sign_in().json()

        assert kid_of(new["access_token"]) == new_kid != kid_of(old["access_token"])
        assert sorted(published()) == sorted([new_kid, kid_of(old["access_token"])])
        assert sites(old["access_token"]).status_code == sites(new["access_token"]).status_code == 200
    with time_machine.travel(start + timedelta(minutes=59), tick=False):
        signing_keys._known.cache_clear()
        assert len(published()) == 2
        assert sites(old["access_token"]).status_code == 200
    with time_machine.travel(start + timedelta(hours=2), tick=False):
        assert published() == [new_kid]
        assert refresh(old["refresh_token"]).status_code == 200
        rotate()
        assert SigningKey.objects.filter(pk=kid_of(old["access_token"])).count() == 0


def test_a_retired_key_stays_until_its_last_token_has_expired(
    alice: User, first_party: Any, settings: Any
) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        settings.OAUTH2_PROVIDER = {**settings.OAUTH2_PROVIDER, "ACCESS_TOKEN_EXPIRE_SECONDS": 7200}
        token = sign_in().json()["access_token"]
        settings.OAUTH2_PROVIDER = {**settings.OAUTH2_PROVIDER, "ACCESS_TOKEN_EXPIRE_SECONDS": 60}
        rotate()
    with time_machine.travel(start + timedelta(minutes=119), tick=False):
        assert kid_of(token) in published()
    with time_machine.travel(start + timedelta(minutes=121), tick=False):
        assert kid_of(token) not in published()


def test_a_key_that_has_leaked_ends_every_token_at_once(alice: User, first_party: Any) -> None:
    old = sign_in().json()

    new_kid = rotate("--at-once")

    assert published() == [new_kid]
    assert sites(old["access_token"]).json()["error"]["reason"] in ("revoked", "unknown")
    renewed = refresh(old["refresh_token"]).json()["access_token"]
    assert kid_of(renewed) == new_kid
    assert sites(renewed).status_code == 200


def test_the_private_key_is_nowhere_in_clear(alice: User, first_party: Any) -> None:
    sign_in()
    private = signing_keys.current().export_private(as_dict=True)

    stored = everything_stored()

    assert "PRIVATE KEY" not in stored
    assert not [name for name in ("d", "p", "q") if private[name] in stored]


def test_it_is_read_under_the_secret_key_of_before(alice: User, first_party: Any, settings: Any) -> None:
    token = sign_in().json()["access_token"]
    old = settings.SECRET_KEY
    settings.SECRET_KEY = "another-secret-key-which-is-as-long-as-it-should-be-for-django"
    settings.SECRET_KEY_FALLBACKS = [old]

    assert kid_of(sign_in().json()["access_token"]) == kid_of(token)

    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(ImproperlyConfigured, match="rotatesigningkey"):
        signing_keys.current()
    # Whoever has a token does not suffer for it.
    assert sites(token).status_code == 200
    rotate()
    assert kid_of(sign_in().json()["access_token"]) != kid_of(token)


def test_keys_of_the_settings(alice: User, first_party: Any, tokenauth_settings: Callable[..., None]) -> None:
    pems = [JWK.generate(kty="RSA", size=2048).export_to_pem(True, None).decode() for _ in range(2)]  # noqa: FBT003
    kids = [JWK.from_pem(pem.encode()).thumbprint() for pem in pems]
    tokenauth_settings(OAUTH_SIGNING_KEYS=[pems[1]])
    old = sign_in().json()["access_token"]

    tokenauth_settings(OAUTH_SIGNING_KEYS=pems)
    new = sign_in().json()["access_token"]

    assert [kid_of(old), kid_of(new)] == [kids[1], kids[0]]
    assert published() == kids
    assert sites(old).status_code == sites(new).status_code == 200
    assert SigningKey.objects.count() == 0
    tokenauth_settings(OAUTH_SIGNING_KEYS=[pems[0]])
    assert sites(old).json()["error"]["reason"] == "unknown"
    with pytest.raises(CommandError, match="OAUTH_SIGNING_KEYS"):
        rotate()


@pytest.mark.parametrize("pem", ["junk", ""], ids=["junk", "empty"])
def test_what_is_no_key_is_told_without_quoting_it(pem: str, tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(
        OAUTH_SIGNING_KEYS=[pem or "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"]
    )

    with pytest.raises(ImproperlyConfigured) as error:
        signing_keys.current()

    assert "hunter2" not in str(error.value)


def test_a_public_key_signs_nothing(tokenauth_settings: Callable[..., None]) -> None:
    public = JWK.generate(kty="RSA", size=2048).export_to_pem().decode()
    tokenauth_settings(OAUTH_SIGNING_KEYS=[public])

    with pytest.raises(ImproperlyConfigured, match="private RSA keys"):
        signing_keys.current()


def test_a_jwks_is_a_json_document_that_may_be_kept_for_a_while(db: None) -> None:
    response = Client().get("/oauth2/jwks")

    assert json.loads(response.content) == {"keys": []}
    assert response["Cache-Control"] == "public, max-age=300"
    assert Client().post("/oauth2/jwks").status_code == 405

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import Client
from jwcrypto.jwk import JWK

from tests.oauth.requests import CALLBACK, PASSWORD, SECRET, make_application
from tokenauth.oauth import signing_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testproject.accounts.models import User

# Made once: that takes half a second.
_KEYS: list[JWK] = []


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test makes keys of its own; no key is made twice for that."""
    made, making = iter(range(100)), Lock()
    generate = JWK.generate

    def from_stock(**kwargs: Any) -> JWK:
        with making:
            number = next(made)
            if number == len(_KEYS):
                _KEYS.append(generate(**kwargs))
        return _KEYS[number]

    monkeypatch.setattr(JWK, "generate", from_stock)
    yield
    signing_keys._known.cache_clear()
    signing_keys._decrypted.cache_clear()


@pytest.fixture(autouse=True)
def quick_hasher(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id, with the least that it can do."""
    for name, value in {"time_cost": 1, "memory_cost": 8, "parallelism": 1}.items():
        monkeypatch.setattr(Argon2PasswordHasher, name, value)


@pytest.fixture
def alice(alice: User) -> User:
    alice.set_password(PASSWORD)
    alice.save()
    return alice


@pytest.fixture
def first_party(db: None) -> Any:
    """A public application of ours: the password grant, and codes."""
    return make_application(
        "first-party",
        grants=["password", "authorization_code"],
        scopes=["read:sites", "write:sites"],
        first_party=True,
        client_type="public",
        redirect_uris=CALLBACK,
    )


@pytest.fixture
def third_party(db: None) -> Any:
    """A confidential application: codes alone."""
    return make_application(
        "third-party",
        grants=["authorization_code"],
        scopes=["read:sites", "read:assets"],
        secret=SECRET,
        redirect_uris=CALLBACK,
    )


@pytest.fixture
def service(db: None) -> Any:
    """A confidential application that acts for itself, in one organization."""
    return make_application(
        "service",
        grants=["client_credentials"],
        scopes=["read:sites"],
        organization="northwind",
        secret=SECRET,
    )


@pytest.fixture
def browser(alice: User) -> Client:
    """alice, signed in."""
    client = Client()
    client.force_login(alice)
    return client

"""The secrets of applications from before this app was installed: how many are hashed to tell a wrong one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.utils import timezone

from tests.oauth.requests import SECRET, make_application, of_service, post_form
from tokenauth.oauth.models import ApplicationPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db

START = timezone.now().replace(second=0, microsecond=0)


@pytest.fixture(autouse=True)
def within_one_minute() -> Iterator[None]:
    with time_machine.travel(START, tick=False):
        yield


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Argon2 was asked about."""
    asked: list[str] = []
    verify = Argon2PasswordHasher.verify

    def noted(self: Any, password: str, encoded: str) -> bool:
        asked.append(password)
        return verify(self, password, encoded)

    monkeypatch.setattr(Argon2PasswordHasher, "verify", noted)
    return asked


@pytest.fixture
def old(service: Any) -> Any:
    """An application that has no fingerprint yet."""
    ApplicationPolicy.objects.update(secret_fingerprint="")
    return service


def ask(secret: str, path: str = "/oauth2/token", client_id: str = "service", **headers: Any) -> Any:
    fields = {"grant_type": "client_credentials", "token": "x"}
    return post_form(path, {**fields, "client_id": client_id, "client_secret": secret}, **headers)


@pytest.mark.parametrize("path", ["/oauth2/token", "/oauth2/revoke", "/oauth2/introspect"])
def test_so_many_of_an_address_are_hashed(path: str, old: Any, hashed: list[str]) -> None:
    statuses = [ask(f"wrong {number}", path).status_code for number in range(30)]

    assert statuses == [401] * 20 + [429] * 10
    assert len(hashed) == 20
    refused = ask("wrong", path)
    assert refused.json()["error"] == "temporarily_unavailable"
    assert (refused["Retry-After"], refused["Cache-Control"]) == ("60", "no-store")
    with time_machine.travel(START + timedelta(minutes=1), tick=False):
        assert ask("wrong", path).status_code == 401


def test_the_endpoints_count_together(old: Any, hashed: list[str]) -> None:
    for _ in range(10):
        ask("wrong", "/oauth2/introspect")
        ask("wrong", "/oauth2/revoke")

    refused = of_service(client_secret="wrong")

    assert (refused.status_code, refused.json()["error"]["reason"]) == (429, "throttled")
    assert refused["Retry-After"] == "60"
    assert len(hashed) == 20


def test_one_address_keeps_no_application_out(old: Any) -> None:
    for _ in range(100):
        ask("wrong")
    assert ask(SECRET).status_code == 429

    assert ask(SECRET, REMOTE_ADDR="192.0.2.1").status_code == 200
    # From now on a right one is known, wherever it comes from.
    assert ask(SECRET).status_code == 200
    assert ask("wrong").status_code == 401


def test_so_many_of_an_application_are_hashed(old: Any, hashed: list[str]) -> None:
    make_application("other", grants=["client_credentials"], scopes=["read:sites"], secret=SECRET)
    ApplicationPolicy.objects.update(secret_fingerprint="")
    addresses = [f"192.0.2.{number}" for number in range(100)]

    statuses = [ask("wrong", REMOTE_ADDR=address).status_code for address in addresses]

    assert statuses == [401] * 60 + [429] * 40
    assert len(hashed) == 60
    assert ask(SECRET, client_id="other").status_code == 200


def test_wrong_ones_beside_a_fingerprint_stop_nobody(service: Any, hashed: list[str]) -> None:
    assert {ask("wrong").status_code for _ in range(100)} == {401}
    assert hashed == []

    assert {ask(SECRET).status_code for _ in range(30)} == {200}


def test_nobody_waits_while_one_is_hashed(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make_application("old", grants=["client_credentials"], scopes=["read:sites"], secret=SECRET)
    ApplicationPolicy.objects.filter(application__client_id="old").update(secret_fingerprint="")
    verify, meanwhile = Argon2PasswordHasher.verify, []

    def slowly(self: Any, password: str, encoded: str) -> bool:
        if password == "wrong":
            meanwhile.extend([ask("another", client_id="old"), ask(SECRET)])
        return verify(self, password, encoded)

    monkeypatch.setattr(Argon2PasswordHasher, "verify", slowly)

    assert ask("wrong", client_id="old").status_code == 401

    another, right = meanwhile
    assert (another.status_code, another["Retry-After"]) == (429, "1")
    assert right.status_code == 200
    assert ask(SECRET, client_id="old").status_code == 200


def test_a_secret_from_elsewhere_is_not_hashed(old: Any, hashed: list[str]) -> None:
    ApplicationPolicy.objects.update(allowed_networks=["192.0.2.0/24"])

    assert ask(SECRET).status_code == 401
    assert hashed == []
    assert ask(SECRET, REMOTE_ADDR="192.0.2.1").status_code == 200

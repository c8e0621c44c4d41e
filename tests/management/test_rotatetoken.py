from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from testproject.accounts.models import User
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db

SITES = "/inventory-service/sites"


def rotatetoken(*args: object) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("rotatetoken", *map(str, args), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def key(alice: User) -> AccessToken:
    return alice.generate_access_token("export", ["read:sites"], kind="api_key", environment="live")


def test_it_prints_the_new_one_alone_and_both_work(api: APIClient, key: AccessToken) -> None:
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False):
        AccessToken.objects.update(last_used_at=timezone.now())
        out, err = rotatetoken(key.pk, "--overlap", "12h")
        assert out.count("\n") == 1
        for text in (key.raw_token, out.strip()):
            assert api.get(SITES, HTTP_X_API_KEY=text).status_code == 200
    new = AccessToken.objects.get(rotated_from=key)
    assert err == (
        f"Made token {new.pk}, “export”, for alice: read:sites; does not expire. "
        f"Token {key.pk} works until 2030-01-02 00:00 UTC. Its text is shown this once:\n"
    )


def test_without_an_overlap_that_of_the_settings_is_taken(key: AccessToken) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        rotatetoken(key.pk)
        key.refresh_from_db()
        assert key.expires_at == timezone.now() + timedelta(days=1)


@pytest.mark.parametrize("zero", ["0", "0d"])
def test_an_overlap_of_nothing(api: APIClient, key: AccessToken, zero: str) -> None:
    out, _ = rotatetoken(key.pk, "--overlap", zero)
    assert api.get(SITES, HTTP_X_API_KEY=key.raw_token).status_code == 401
    assert api.get(SITES, HTTP_X_API_KEY=out.strip()).status_code == 200


def test_it_moves_a_key_to_another_owner(key: AccessToken, bob: User) -> None:
    rotatetoken(key.pk, "--user", "bob")
    second = AccessToken.objects.get(rotated_from=key)
    assert second.user == bob
    rotatetoken(second.pk, "--service", "exporter")
    third = AccessToken.objects.get(rotated_from=second)
    assert third.user.get_username() == "exporter"
    assert not third.user.has_usable_password()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("999999",), "no token with the id 999999"),
        (("1" * 30,), "no token with the id"),
        (("x",), "An id is a number"),
        (("KEY", "--overlap", "31d"), "--overlap: An overlap is 0 to 30 days."),
        (("KEY", "--overlap", "soon"), "--overlap: “soon” is not a duration"),
        (("KEY", "--user", "nobody"), "--user: There is no user “nobody”."),
        (("PERSONAL", "--user", "bob"), "--user: Only an API key"),
        (("PERSONAL", "--service", "exporter"), "Only an API key"),
        (("NORTHWIND", "--user", "bob"), "organization"),
        (("REVOKED",), "was revoked"),
        (("EXPIRED",), "has expired"),
    ],
)
def test_what_is_refused_changes_nothing(
    alice: User, bob: User, key: AccessToken, args: tuple[str, ...], message: str
) -> None:
    of_a_kind: dict[str, Any] = {"kind": "api_key", "environment": "live"}
    ids = {
        "KEY": key.pk,
        "PERSONAL": alice.generate_access_token("mine").pk,
        "NORTHWIND": alice.generate_access_token("n", organization="northwind", **of_a_kind).pk,
        "REVOKED": alice.generate_access_token("r", **of_a_kind).pk,
        "EXPIRED": alice.generate_access_token("e", **of_a_kind).pk,
    }
    AccessToken.objects.get(pk=ids["REVOKED"]).revoke()
    AccessToken.objects.filter(pk=ids["EXPIRED"]).update(expires_at=timezone.now())
    before = list(AccessToken.objects.order_by("pk").values())
    with pytest.raises(CommandError, match=message):
        rotatetoken(*(ids.get(arg, arg) for arg in args))
    assert list(AccessToken.objects.order_by("pk").values()) == before
    assert User.objects.count() == 2


def test_a_text_in_the_place_of_an_id_is_not_repeated(key: AccessToken) -> None:
    with pytest.raises(CommandError) as refused:
        rotatetoken(key.raw_token)
    assert key.hint in str(refused.value)
    assert str(key.raw_token) not in str(refused.value)


def test_a_service_that_is_made_by_it_is_named(key: AccessToken) -> None:
    """It may have been a typing error."""
    _, err = rotatetoken(key.pk, "--service", "biling")
    assert err.startswith("Made the user biling, without password.\n")


def test_an_owner_who_is_inactive_is_named(key: AccessToken, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert "bob is inactive: the token will be refused." in rotatetoken(key.pk, "--user", "bob")[1]


def test_a_second_time_is_a_conflict(key: AccessToken) -> None:
    rotatetoken(key.pk)
    with pytest.raises(CommandError, match="rotated before"):
        rotatetoken(key.pk)
    assert AccessToken.objects.count() == 2

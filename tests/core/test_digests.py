from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import pytest

from tokenauth.core import digests
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.test import APIClient

    from testproject.accounts.models import User

from tests.conftest import bearer

OLD, NEW = "o" * 32, "n" * 40


def test_without_a_pepper_it_is_sha256() -> None:
    assert digests.candidates("pat_x") == [hashlib.sha256(b"pat_x").hexdigest()]


def test_every_configured_scheme_is_tried_the_highest_pepper_first(
    tokenauth_settings: Callable[..., None],
) -> None:
    tokenauth_settings(PEPPERS={2: OLD, 10: NEW})
    assert digests.candidates("pat_x") == [
        f"10${hmac.new(NEW.encode(), b'pat_x', 'sha256').hexdigest()}",
        f"2${hmac.new(OLD.encode(), b'pat_x', 'sha256').hexdigest()}",
        hashlib.sha256(b"pat_x").hexdigest(),
    ]
    assert digests.newest("pat_x").startswith("10$")


@pytest.mark.django_db
@pytest.mark.urls("tests.urls")
def test_a_row_moves_to_the_newest_scheme_when_it_is_next_written(
    api: APIClient, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    token = alice.generate_access_token("foo", ["read:sites"])
    header = bearer(token)
    assert len(token.secret) == 64
    for peppers, scheme in [({1: OLD}, "1$"), ({1: OLD, 2: NEW}, "2$")]:
        tokenauth_settings(PEPPERS=peppers)
        AccessToken.objects.update(last_used_at=None, last_used_ip=None)
        assert api.get("/who", **header).status_code == 200
        token.refresh_from_db()
        assert token.secret.startswith(scheme)
        assert api.get("/who", **header).status_code == 200


@pytest.mark.django_db
@pytest.mark.urls("tests.urls")
def test_a_missing_pepper_refuses_and_does_not_crash(
    api: APIClient, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(PEPPERS={1: OLD})
    header = bearer(alice.generate_access_token("foo"))
    tokenauth_settings(PEPPERS={})
    answer = api.get("/who", **header)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (401, "unknown")
    tokenauth_settings(PEPPERS={1: OLD, 2: NEW})
    assert api.get("/who", **header).status_code == 200

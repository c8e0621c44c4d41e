from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import ValidationError
from django.test import AsyncClient, Client
from rest_framework.test import APIClient

from tokenauth.testing import acting_as

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.urls")]


def get(client: Any, path: str) -> Any:
    if isinstance(client, AsyncClient):
        return async_to_sync(client.get)(path)
    return client.get(path)


@pytest.mark.parametrize("make", [Client, APIClient, AsyncClient])
@pytest.mark.parametrize("options", [{}, {"kind": "api_key", "environment": "live"}], ids=["token", "key"])
def test_requests_are_made_with_a_real_token(
    make: Callable[[], Any], options: dict[str, Any], alice: User, bob: User
) -> None:
    client = make()
    token = acting_as(client, alice, scopes=["read:sites"], **options)
    assert alice.access_tokens.get() == token
    assert get(client, "/who").json() == {"user": "alice", "token": token.pk, "same": True}
    assert get(client, "/function").status_code == 403
    other = acting_as(client, bob, ["read:events"])
    assert get(client, "/function").status_code == 200
    assert get(client, "/who").status_code == 403
    other.revoke()
    assert get(client, "/function").status_code == 401


def test_a_scope_that_is_none_is_noticed_in_the_test(alice: User) -> None:
    with pytest.raises(ValidationError):
        acting_as(Client(), alice, scopes=["read:sides"])

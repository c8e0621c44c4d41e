from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import ValidationError

from tests.conftest import bearer
from tokenauth.models import AccessToken, TokenLogin

pytestmark = pytest.mark.django_db


def test_the_mixin(alice: Any) -> None:
    token = alice.generate_access_token("Work Laptop", ["read:sites"])
    assert isinstance(AccessToken.objects.values_list("user", flat=True).get(), UUID)
    assert alice.get_access_token(token.raw_token) == token
    assert alice.get_access_token_by_id(token.pk) == token
    assert alice.get_access_token_by_id(alice.pk) is None
    assert alice.revoke_access_token_by_secret(token.secret)
    assert alice.get_access_token(token.raw_token) is None


def test_a_token_is_its_own_users_alone(alice: Any, make_user: Any) -> None:
    bob = make_user("bob@example.com")
    token = alice.generate_access_token("Work Laptop", ["read:sites"])
    assert bob.get_access_token(token.raw_token) is None
    assert not bob.revoke_access_token(token.raw_token)
    assert bob.revoke_all_access_tokens() == 0
    assert alice.revoke_all_access_tokens() == 1


@pytest.mark.django_db(transaction=True)
def test_asynchronously(alice: Any) -> None:
    token = async_to_sync(alice.agenerate_access_token)("Job", ["read:sites"])
    assert async_to_sync(alice.aget_access_token)(token.raw_token) == token
    assert async_to_sync(alice.arevoke_all_access_tokens)() == 1


def test_the_user_does_not_change(alice: Any) -> None:
    token = alice.generate_access_token("Work Laptop", ["read:sites"])
    # As a form gives it: the same key, as a text.
    token.user_id = str(alice.pk)
    token.save()
    token.user_id = uuid4()
    with pytest.raises(ValidationError, match="does not change once a token is saved"):
        token.save()


def test_the_log_is_asked_by_the_users_key(client: Any, alice: Any) -> None:
    token = alice.generate_access_token("Work Laptop", ["read:events"])
    client.get("/rest", **bearer(token))
    assert TokenLogin.objects.get(user=alice.pk).user_id == alice.pk

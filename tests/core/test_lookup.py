from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tokenauth.core import lookup

if TYPE_CHECKING:
    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db


def test_the_token_of_one_of_the_digests_is_found_with_its_user(
    alice: User, bob: User, django_assert_num_queries: object
) -> None:
    token = alice.generate_access_token("t")
    bob.generate_access_token("other")
    with django_assert_num_queries(1):  # type: ignore[operator]
        found = lookup.find(["0" * 64, token.secret])
        assert found == token
        assert found.user == alice


def test_none_is_found_of_another_digest_whatever_the_database_takes_for_the_same(alice: User) -> None:
    token = alice.generate_access_token("t")
    for other in ("0" * 64, token.secret.upper(), f"{token.secret} "):
        assert lookup.find([other]) is None
    assert lookup.find([]) is None

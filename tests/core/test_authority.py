"""Who may be given a credential of whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError

from testproject.accounts.models import User
from tokenauth.core import authority

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root")


def test_a_token_of_a_superuser_is_made_by_superusers(root: User, alice: User, bob: User) -> None:
    authority.check_maker(alice, bob)
    authority.check_maker(root, alice)
    authority.check_maker(root, root)
    with pytest.raises(ValidationError) as refused:
        authority.check_maker(alice, root)
    assert list(refused.value.message_dict) == ["user"]


def _refused(argument: str, check: Callable[[], None]) -> None:
    with pytest.raises(ValidationError) as refused:
        check()
    assert list(refused.value.message_dict) == [argument]


def test_a_personal_token_is_rotated_by_its_user(root: User, alice: User) -> None:
    token = alice.generate_access_token("t")
    authority.check_rotator(alice, token)
    _refused("by", lambda: authority.check_rotator(root, token))


def test_a_key_of_a_superuser_by_superusers(root: User, alice: User, bob: User) -> None:
    options = {"kind": "api_key", "environment": "live"}
    theirs, of_root = (user.generate_access_token("k", **options) for user in (bob, root))
    authority.check_rotator(alice, theirs)
    authority.check_rotator(alice, theirs, bob)
    authority.check_rotator(root, of_root)
    _refused("by", lambda: authority.check_rotator(alice, of_root))
    _refused("owner", lambda: authority.check_rotator(alice, theirs, root))


def test_who_may_do_more_is_acted_for_by_who_may_do_as_much(alice: User, bob: User) -> None:
    permissions = list(Permission.objects.all()[:2])
    bob.user_permissions.set(permissions)
    _refused("user", lambda: authority.check_maker(alice, bob))
    key = bob.generate_access_token("k", kind="api_key", environment="live")
    mine = alice.generate_access_token("k", kind="api_key", environment="live")
    _refused("by", lambda: authority.check_rotator(alice, key))
    _refused("owner", lambda: authority.check_rotator(alice, mine, bob))
    # For oneself, whatever one may do.
    authority.check_maker(bob, bob)
    authority.check_rotator(bob, key)
    fresh = User.objects.get(pk=alice.pk)
    fresh.user_permissions.set(permissions)
    authority.check_maker(fresh, bob)
    authority.check_rotator(fresh, key, bob)

"""Who may be given a credential of whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError

from testproject.accounts.models import User
from tokenauth.core import authority
from tokenauth.models import AccessToken

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


@pytest.mark.parametrize("is_active", [True, False])
@pytest.mark.parametrize("check", ["make", "activate", "rotate", "move"])
def test_an_inactive_user_may_what_they_may_once_active_again(
    root: User, alice: User, bob: User, check: str, *, is_active: bool
) -> None:
    """Django says that they may nothing; but what is made of them meanwhile, they may yet use."""
    bob.is_active = is_active
    bob.save()
    keys = [user.generate_access_token("k", kind="api_key", environment="live") for user in (alice, bob)]
    mine, theirs = (key.pk for key in keys)

    def by(actor: User) -> None:
        owner = User.objects.get(pk=bob.pk)
        if check == "make":
            authority.check_maker(actor, owner)
        elif check == "activate":
            authority.check_activator(actor, owner)
        elif check == "rotate":
            authority.check_rotator(actor, AccessToken.objects.get(pk=theirs))
        else:
            authority.check_rotator(actor, AccessToken.objects.get(pk=mine), owner)

    by(alice)
    bob.user_permissions.set(Permission.objects.all()[:2])
    _refused({"rotate": "by", "move": "owner"}.get(check, "user"), lambda: by(alice))
    by(root)
    able = User.objects.create_user("carol")
    able.user_permissions.set(Permission.objects.all()[:2])
    by(able)


def test_asking_makes_nobody_active(alice: User, bob: User) -> None:
    bob.is_active = False
    authority.check_maker(alice, bob)
    assert not bob.is_active


def test_what_an_inactive_maker_might_do_again_is_not_theirs_to_give(alice: User, bob: User) -> None:
    for user in (alice, bob):
        user.user_permissions.set(Permission.objects.all()[:2])
    alice.is_active = False
    _refused("user", lambda: authority.check_maker(alice, bob))


def test_a_user_model_that_works_out_who_is_active(alice: User) -> None:
    class Member:
        def __init__(self, *, is_active: bool) -> None:
            self.has_left = not is_active

        @property
        def is_active(self) -> bool:
            return not self.has_left

        def get_username(self) -> str:
            return "dora"

        def get_all_permissions(self) -> set[str]:
            return set()

    authority.check_maker(alice, Member(is_active=True))
    _refused("user", lambda: authority.check_maker(alice, Member(is_active=False)))

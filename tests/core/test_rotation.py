from __future__ import annotations

import pickle
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.http import http_date

from testproject.accounts.models import User
from tests.conftest import bearer, statements_of_a_revocation
from tokenauth.exceptions import CredentialError, RotationConflict
from tokenauth.models import AccessToken, TokenLogin
from tokenauth.signals import token_created, token_rejected, token_rotated

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db

SITES = "/inventory-service/sites"
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def status_of(api: APIClient, token: AccessToken | str) -> int:
    text = token if isinstance(token, str) else token.raw_token
    return int(api.get(SITES, HTTP_X_API_KEY=text).status_code)


@pytest.fixture
def key(alice: User) -> AccessToken:
    return alice.generate_access_token(
        "export",
        ["read:sites"],
        kind="api_key",
        environment="live",
        organization="northwind",
        allowed_networks=["127.0.0.0/8"],
    )


def reload(token: AccessToken) -> AccessToken:
    return AccessToken.objects.get(pk=token.pk)


def test_both_work_during_the_overlap_and_the_new_one_after_it(api: APIClient, key: AccessToken) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        new = key.rotate(HOUR)
        for moment, expected in (
            (HOUR - timedelta(seconds=1), (200, 200)),
            (timedelta(seconds=1), (401, 200)),
        ):
            clock.shift(moment)
            assert (status_of(api, key), status_of(api, new)) == expected


def test_the_successor_has_the_same_rights_and_says_where_it_comes_from(key: AccessToken, bob: User) -> None:
    new = reload(key.rotate(by=bob))
    for name in (
        "user", "name", "kind", "environment", "scopes", "organization", "allowed_networks", "family"
    ):  # fmt: skip
        assert getattr(new, name) == getattr(key, name), name
    assert new.rotated_from == key
    assert reload(key).rotated_to == new
    assert new.created_by == bob
    assert new.secret != key.secret
    assert new.last_used_at is None
    assert new.raw_token is None


def test_the_new_text_is_on_the_returned_object_alone(key: AccessToken) -> None:
    new = key.rotate()
    text = new.raw_token
    assert text is not None
    assert text.startswith("ak_live_")
    assert AccessToken.objects.verify(text, address="127.0.0.1") == new
    assert reload(new).raw_token is None
    assert text not in repr(new)


def test_without_an_overlap_that_of_the_settings_is_taken(
    key: AccessToken, tokenauth_settings: Callable[..., None]
) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        tokenauth_settings(ROTATION_OVERLAP=2 * HOUR)
        key.rotate()
        assert key.expires_at == reload(key).expires_at == timezone.now() + 2 * HOUR
        assert key.rotated_at == reload(key).rotated_at == timezone.now()


def test_an_overlap_of_nothing_ends_the_old_one_at_once(api: APIClient, key: AccessToken) -> None:
    new = key.rotate(timedelta(0))
    assert (status_of(api, key), status_of(api, new)) == (401, 200)


def test_the_old_one_does_not_outlive_its_own_expiry(alice: User) -> None:
    token = alice.generate_access_token("t", [], expires_at=timezone.now() + HOUR)
    expiry = token.expires_at
    token.rotate(DAY)
    assert reload(token).expires_at == expiry


def test_the_successor_lives_as_long_as_the_old_one_was_to_live(alice: User) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        token = alice.generate_access_token("t", [], expires_at=timezone.now() + 90 * DAY)
        clock.shift(80 * DAY)
        assert token.rotate().expires_at == timezone.now() + 90 * DAY
        assert alice.generate_access_token("t", []).rotate().expires_at is None


def test_the_successor_is_capped_by_the_longest_lifetime(
    alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        long = alice.generate_access_token("t", [], expires_at=timezone.now() + 90 * DAY)
        forever = alice.generate_access_token("t", [])
        tokenauth_settings(MAX_TOKEN_LIFETIME=30 * DAY)
        assert long.rotate().expires_at == timezone.now() + 30 * DAY
        assert forever.rotate().expires_at == timezone.now() + 30 * DAY


@pytest.mark.parametrize("overlap", [-HOUR, timedelta(days=30, seconds=1), 3600, "1d"])
def test_an_overlap_that_is_none(key: AccessToken, overlap: Any) -> None:
    with pytest.raises(ValidationError) as error:
        key.rotate(overlap)
    assert list(error.value.message_dict) == ["overlap"]
    assert AccessToken.objects.count() == 1
    assert reload(key).rotated_at is reload(key).expires_at is None
    assert key.rotate(timedelta(days=30)).raw_token


@pytest.mark.parametrize("by", ["bob", User(username="unsaved")])
def test_whoever_rotates_it_is_a_user(key: AccessToken, by: Any) -> None:
    with pytest.raises(ValidationError, match="saved user"):
        key.rotate(by=by)
    assert AccessToken.objects.count() == 1


def test_a_second_rotation_is_a_conflict_and_changes_nothing(key: AccessToken) -> None:
    key.rotate(HOUR)
    before = list(AccessToken.objects.order_by("pk").values())
    with pytest.raises(RotationConflict) as conflict:
        key.rotate(DAY)
    assert conflict.value.reason == "rotated"
    assert list(AccessToken.objects.order_by("pk").values()) == before
    copied = pickle.loads(pickle.dumps(conflict.value))  # noqa: S301
    assert (copied.reason, str(copied)) == ("rotated", str(conflict.value))


def test_a_stale_instance_does_not_rotate_twice(key: AccessToken) -> None:
    stale = reload(key)
    key.rotate()
    with pytest.raises(RotationConflict):
        stale.rotate()


def test_the_successor_is_rotated_in_its_turn(key: AccessToken) -> None:
    third = key.rotate().rotate()
    assert third.rotated_from.rotated_from == key
    assert third.family == key.family


def test_after_its_successor_was_revoked_unused_it_is_rotated_again(alice: User) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        token = alice.generate_access_token("t", ["read:sites"], expires_at=timezone.now() + 90 * DAY)
        lost = token.rotate()
        lost.revoke(reason="lost on the way")
        clock.shift(HOUR)
        new = token.rotate()
        # The whole lifetime, not what the first rotation left of the old one's.
        assert new.expires_at == timezone.now() + 90 * DAY
        assert reload(new).rotated_from == token
        assert reload(lost).rotated_from is None
        assert reload(token).rotated_at == timezone.now()
        # It does not live longer by being rotated again.
        assert reload(token).expires_at == timezone.now() - HOUR + DAY


def test_after_its_successor_was_used_it_is_not(api: APIClient, key: AccessToken) -> None:
    new = key.rotate()
    assert status_of(api, new) == 200
    reload(new).revoke()
    with pytest.raises(RotationConflict):
        key.rotate()


def test_after_its_successor_was_deleted_it_is_rotated_again(key: AccessToken) -> None:
    """With its new owner, say."""
    key.rotate().delete()
    assert key.rotate().rotated_from == key


def test_what_has_ended_is_not_rotated(alice: User) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        revoked = alice.generate_access_token("revoked")
        revoked.revoke()
        expired = alice.generate_access_token("expired", expires_at=timezone.now() + HOUR)
        deleted = alice.generate_access_token("deleted")
        AccessToken.objects.filter(pk=deleted.pk).delete()
        unused = alice.generate_access_token("unused")
        clock.shift(timedelta(days=366))
        for token, reason in (
            (revoked, "revoked"),
            (expired, "expired"),
            (unused, "unused"),
            (deleted, "revoked"),
        ):
            with pytest.raises(RotationConflict) as conflict:
                token.rotate()
            assert conflict.value.reason == reason
        assert AccessToken.objects.count() == 3
        assert not AccessToken.objects.exclude(rotated_at=None).exists()


def test_what_went_with_its_owner_is_not_rotated(alice: User, bob: User, key: AccessToken) -> None:
    # As it is read where nobody has asked for its user yet.
    read = AccessToken.objects.get(pk=key.pk)
    read_again = AccessToken.objects.get(pk=key.pk)
    bob.organization = alice.organization
    bob.save()
    alice.delete()
    for rotate in (read.rotate, lambda: read_again.rotate(owner=bob)):
        with pytest.raises(RotationConflict) as conflict:
            rotate()
        assert conflict.value.reason == "revoked"
    assert not AccessToken.objects.exists()


def test_what_was_revoked_behind_its_back_is_not_rotated(key: AccessToken) -> None:
    reload(key).revoke()
    with pytest.raises(RotationConflict):
        key.rotate()


def test_a_key_moves_to_another_owner_when_its_owner_leaves(
    api: APIClient, key: AccessToken, alice: User
) -> None:
    carol = User.objects.create_user("carol", organization="northwind")
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert status_of(api, key) == 401
    new = key.rotate(owner=carol, by=carol)
    assert status_of(api, new) == 200
    assert reload(new).user == carol
    assert reload(new).family == key.family


def test_a_key_does_not_move_out_of_its_organization(key: AccessToken, bob: User) -> None:
    with pytest.raises(ValidationError) as error:
        key.rotate(owner=bob)
    assert list(error.value.message_dict) == ["organization"]
    assert AccessToken.objects.count() == 1


def test_a_personal_token_stays_its_owners(alice: User, bob: User) -> None:
    token = alice.generate_access_token("t")
    with pytest.raises(ValidationError) as error:
        token.rotate(owner=bob)
    assert list(error.value.message_dict) == ["owner"]
    assert token.rotate(owner=alice).user == alice


def test_receivers_are_told_and_are_given_no_text(key: AccessToken, bob: User) -> None:
    told: list[tuple[str, dict[str, Any]]] = []

    def rotated(sender: Any, **kwargs: Any) -> None:
        told.append(("rotated", kwargs))

    def created(sender: Any, **kwargs: Any) -> None:
        told.append(("created", kwargs))

    key.raw_token = None
    token_rotated.connect(rotated)
    token_created.connect(created)
    try:
        new = key.rotate(by=bob)
    finally:
        token_rotated.disconnect(rotated)
        token_created.disconnect(created)
    assert [name for name, _ in told] == ["created", "rotated"]
    arguments = told[1][1]
    assert arguments["token"] == told[0][1]["token"] == new
    assert arguments["token"].raw_token is None
    assert arguments["rotated_from"] == key
    assert arguments["by"] == bob


def test_the_old_ones_receivers_are_given_no_text_either(key: AccessToken) -> None:
    told: list[Any] = []

    def rotated(sender: Any, rotated_from: AccessToken, **kwargs: Any) -> None:
        told.append(rotated_from.raw_token)

    token_rotated.connect(rotated)
    try:
        key.rotate()
    finally:
        token_rotated.disconnect(rotated)
    assert told == [None]
    # Whoever has just made it still knows it.
    assert key.raw_token


@pytest.mark.parametrize("path", [SITES, "/inventory-service/assets"])
def test_answers_to_the_old_one_say_since_when_and_until_when(
    api: APIClient, key: AccessToken, path: str
) -> None:
    with time_machine.travel(timezone.now().replace(microsecond=0), tick=False):
        assert "Deprecation" not in api.get(path, HTTP_X_API_KEY=key.raw_token)
        new = key.rotate(HOUR)
        answer = api.get(path, HTTP_X_API_KEY=key.raw_token)
        assert answer["Deprecation"] == f"@{int(timezone.now().timestamp())}"
        assert answer["Sunset"] == http_date((timezone.now() + HOUR).timestamp())
        for other in (api.get(path, HTTP_X_API_KEY=new.raw_token), api.get(path)):
            assert "Deprecation" not in other
            assert "Sunset" not in other


@pytest.mark.urls("tests.urls")
def test_a_view_that_announces_its_own_end_is_not_overruled(api: APIClient, alice: User) -> None:
    token = alice.generate_access_token("t", ["read:sites"])
    token.rotate()
    answer = api.get("/ending", **bearer(token))
    assert answer["Sunset"] == "Sun, 01 Jan 2034 00:00:00 GMT"
    assert answer["Deprecation"].startswith("@")


def test_no_answer_to_a_refused_one_says_so(api: APIClient, key: AccessToken) -> None:
    key.rotate(timedelta(0))
    answer = api.get(SITES, HTTP_X_API_KEY=key.raw_token)
    assert answer.status_code == 401
    assert "Deprecation" not in answer
    assert "Sunset" not in answer


def test_each_step_of_a_rotation_can_be_seen(api: APIClient, key: AccessToken) -> None:
    assert status_of(api, key) == 200
    new = key.rotate()
    assert reload(new).rotated_from == key
    assert reload(new).last_used_at is None
    assert status_of(api, new) == 200
    assert reload(new).last_used_at is not None
    assert reload(key).last_used_at is not None
    assert reload(key).revoke()
    assert (status_of(api, key), status_of(api, new)) == (401, 200)


def test_one_used_after_its_overlap_is_reported(api: APIClient, key: AccessToken) -> None:
    rejected: list[dict[str, Any]] = []

    def reject(sender: Any, **kwargs: Any) -> None:
        rejected.append(kwargs)

    key.rotate(timedelta(0))
    token_rejected.connect(reject)
    try:
        assert status_of(api, key) == 401
    finally:
        token_rejected.disconnect(reject)
    assert rejected[0]["token"].rotated_at is not None
    assert rejected[0]["reason"] == "expired"
    row = TokenLogin.objects.get()
    assert (row.token, row.reason) == (key, "expired")


def test_a_family_is_revoked_in_one_statement(key: AccessToken, alice: User) -> None:
    from tokenauth.core import lifecycle

    new, other = key.rotate(), alice.generate_access_token("other")
    with CaptureQueriesContext(connection) as captured:
        assert lifecycle.revoke(AccessToken.objects.filter(family=key.family)) == 2
    of_tokens = [query["sql"] for query in captured.captured_queries if "accesstoken" in query["sql"]]
    assert len(of_tokens) == len(statements_of_a_revocation())
    assert {reload(key).status, reload(new).status, reload(other).status} == {"revoked", "active"}


def test_a_rotated_token_verifies_in_one_query(key: AccessToken, django_assert_num_queries: Any) -> None:
    text = key.raw_token
    new = key.rotate()
    for one in (text, new.raw_token):
        with django_assert_num_queries(1):
            AccessToken.objects.verify(one, address="127.0.0.1")
    with pytest.raises(CredentialError):
        AccessToken.objects.verify(text, address="192.0.2.1")


def test_a_personal_token_is_rotated_over_its_own_header(alice: User, api: APIClient) -> None:
    token = alice.generate_access_token("t", ["read:sites"])
    new = token.rotate()
    assert api.get(SITES, **bearer(token))["Sunset"]
    assert api.get(SITES, **bearer(new)).status_code == 200

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.hashers import make_password
from django.core import serializers
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from testproject.accounts.models import User
from tests.conftest import bearer
from tokenauth.core import password_change
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from rest_framework.test import APIClient

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.urls")]

OLD, NEW = "correct horse", "battery staple"
OLDER_HASHER = "django.contrib.auth.hashers.PBKDF2PasswordHasher"


class Colleague(User):
    class Meta:
        proxy = True
        app_label = "accounts"


@pytest.fixture(autouse=True)
def _settings(settings: Any, tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(END_TOKENS_ON_PASSWORD_CHANGE=True)
    # Cheap, and as the sample project's: a newer one, and one from before.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", OLDER_HASHER]


@pytest.fixture
def user(alice: User) -> User:
    alice.set_password(OLD)
    alice.save()
    # As the next request finds it.
    return User.objects.get(pk=alice.pk)


@pytest.fixture
def header(user: User) -> dict[str, str]:
    return bearer(user.generate_access_token("laptop", ["read:sites"]))


def by_save(user: User) -> None:
    user.set_password(NEW)
    user.save()


def by_save_of_the_field(user: User) -> None:
    user.set_password(NEW)
    user.save(update_fields=["password"])


def by_asave(user: User) -> None:
    user.set_password(NEW)
    async_to_sync(user.asave)()


def by_a_form(user: User) -> None:
    form = SetPasswordForm(user, {"new_password1": NEW, "new_password2": NEW})
    assert form.is_valid()
    form.save()


def by_a_hash(user: User) -> None:
    user.password = make_password(NEW)
    user.save(update_fields=["password"])


def by_a_hash_after_a_save_that_forgot_the_password(user: User) -> None:
    user.set_password(OLD)
    user.save()
    # Made by that save's own change.
    AccessToken.objects.update(revoked_at=None, revoked_reason="")
    by_a_hash(user)


def by_a_hash_in_place_of_an_older_one(user: User) -> None:
    User.objects.filter(pk=user.pk).update(password=make_password(OLD, hasher="pbkdf2_sha256"))
    by_a_hash(User.objects.get(pk=user.pk))


def by_none(user: User) -> None:
    user.set_unusable_password()
    user.save(update_fields=["password"])


def by_none_after_a_save_that_forgot_the_password(user: User) -> None:
    User.objects.filter(pk=user.pk).update(password=make_password(OLD, hasher="pbkdf2_sha256"))
    user.refresh_from_db()
    user._password = None
    by_none(user)


def by_a_proxy(user: User) -> None:
    by_save(Colleague.objects.get(pk=user.pk))


def by_a_copy_of_the_row(user: User) -> None:
    User(pk=user.pk, username=user.username, password=make_password(NEW)).save()


@pytest.mark.parametrize(
    "change",
    [
        by_save,
        by_save_of_the_field,
        by_asave,
        by_a_form,
        by_a_hash,
        by_a_hash_after_a_save_that_forgot_the_password,
        by_a_hash_in_place_of_an_older_one,
        by_none,
        by_none_after_a_save_that_forgot_the_password,
        by_a_proxy,
        by_a_copy_of_the_row,
    ],
)
def test_a_changed_password_ends_every_token(
    api: APIClient, user: User, bob: User, header: dict[str, str], change: Callable[[User], None]
) -> None:
    key = user.generate_access_token("server", ["read:sites"], kind="api_key", environment="live")
    his = bearer(bob.generate_access_token("his", ["read:sites"]))
    assert api.get("/who", **header).status_code == 200
    change(user)
    answers = [api.get("/who", **header), api.get("/who", HTTP_X_API_KEY=key.raw_token)]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert {answer.json()["error"]["reason"] for answer in answers} == {"revoked"}
    assert api.get("/who", **his).status_code == 200
    rows = AccessToken.objects.filter(user=user).values_list("revoked_reason", "revoked_by")
    assert list(rows) == [("The password was changed.", None)] * 2


def test_one_that_was_revoked_before_keeps_its_reason(user: User, header: dict[str, str]) -> None:
    user.access_tokens.get().revoke("lost")
    by_save(user)
    assert user.access_tokens.get().revoked_reason == "lost"


def test_the_admin_changes_it(client: Client, api: APIClient, user: User, header: dict[str, str]) -> None:
    client.force_login(User.objects.create_superuser("root"))
    page = reverse("admin:auth_user_password_change", args=[user.pk])
    data = {"usable_password": "true", "password1": NEW, "password2": NEW}
    assert client.post(page, data).status_code == 302
    assert User.objects.get(pk=user.pk).check_password(NEW)
    assert api.get("/who", **header).status_code == 401


def by_a_login(user: User) -> None:
    assert user.check_password(OLD)


def by_an_asynchronous_login(user: User) -> None:
    assert async_to_sync(user.acheck_password)(OLD)


@pytest.mark.parametrize("login", [by_a_login, by_an_asynchronous_login])
def test_a_newer_hash_of_the_same_password_ends_nothing(
    api: APIClient, user: User, header: dict[str, str], login: Callable[[User], None]
) -> None:
    User.objects.filter(pk=user.pk).update(password=make_password(OLD, hasher="pbkdf2_sha256"))
    user.refresh_from_db()
    login(user)
    assert User.objects.get(pk=user.pk).password.startswith("md5$")
    assert api.get("/who", **header).status_code == 200
    # And what follows on the same object is a change as any other.
    by_none(user)
    assert api.get("/who", **header).status_code == 401


def test_what_leaves_the_password_ends_nothing(api: APIClient, user: User, header: dict[str, str]) -> None:
    user.first_name = "Alice"
    user.save()
    user.save(update_fields=["first_name"])
    user.set_password(NEW)
    user.save(update_fields=["first_name"])
    User.objects.defer("password").get(pk=user.pk).save()
    assert api.get("/who", **header).status_code == 200
    assert User.objects.get(pk=user.pk).check_password(OLD)


def test_what_could_not_be_saved_ends_nothing_later_either(
    api: APIClient, user: User, header: dict[str, str]
) -> None:
    def fail(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith("UPDATE"):
            raise DatabaseError("the disk is full")
        return execute(sql, *args)

    user.set_password(NEW)
    with connection.execute_wrapper(fail), pytest.raises(DatabaseError), transaction.atomic():
        user.save()
    user.save(update_fields=["first_name"])
    assert api.get("/who", **header).status_code == 200
    user.save()
    assert api.get("/who", **header).status_code == 401


def test_a_fixture_and_an_update_are_not_seen(api: APIClient, user: User, header: dict[str, str]) -> None:
    User.objects.filter(pk=user.pk).update(password=make_password(NEW))
    user.password = make_password("of the fixture")
    (row,) = serializers.deserialize("json", serializers.serialize("json", [user]))
    row.save()
    assert User.objects.get(pk=user.pk).check_password("of the fixture")
    assert api.get("/who", **header).status_code == 200


def test_another_model_and_a_new_user_are_none_of_it(user: User, header: dict[str, str]) -> None:
    with CaptureQueriesContext(connection) as captured:
        User.objects.create_user("carol", password=NEW)
        user.groups.create(name="staff")
    assert [query["sql"].split()[0] for query in captured.captured_queries if "auth_group" in query["sql"]]
    assert not [query for query in captured.captured_queries if query["sql"].startswith("SELECT")]
    assert user.access_tokens.usable().count() == 1


def test_it_costs_one_query_and_where_it_is_off_none(
    user: User, header: dict[str, str], tokenauth_settings: Callable[..., None]
) -> None:
    def selects(save: Callable[[], None]) -> int:
        with CaptureQueriesContext(connection) as captured:
            save()
        return sum(query["sql"].startswith("SELECT") for query in captured.captured_queries)

    assert selects(user.save) == 1
    assert selects(lambda: user.save(update_fields=["first_name"])) == 0
    tokenauth_settings(END_TOKENS_ON_PASSWORD_CHANGE=False)
    user.set_password(NEW)
    assert selects(user.save) == 0
    assert user.access_tokens.usable().count() == 1


def test_a_password_that_is_made_unusable_again_is_no_change(user: User) -> None:
    user.set_unusable_password()
    user.save()
    token = user.generate_access_token("t")
    user.set_unusable_password()
    user.save()
    assert AccessToken.objects.get(pk=token.pk).status == "active"
    user.set_password(NEW)
    user.save()
    assert AccessToken.objects.get(pk=token.pk).status == "revoked"


def test_a_user_model_without_passwords_changes_none(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    token = user.generate_access_token("t")
    fields = [field for field in User._meta.concrete_fields if field.name != "password"]
    monkeypatch.setattr(User._meta, "concrete_fields", fields)
    password_change._compare(instance=user, raw=False, using="default", update_fields=None)
    password_change._end_tokens(instance=user)
    assert AccessToken.objects.get(pk=token.pk).status == "active"

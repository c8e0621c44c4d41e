from __future__ import annotations

import re
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.core.signals import got_request_exception
from django.db import OperationalError, connection
from django.urls import reverse
from django.utils import timezone
from django.views.debug import ExceptionReporter

from testproject.accounts.models import User
from tests.admin.conftest import TOKENS, act, staff, text_of
from tests.conftest import bearer
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db

# Apart from the test, whose lines are in the report.
PASSWORD = "the one of root"
SITES = "/inventory-service/sites"
KEY = re.compile(r"ak_live_[0-9A-Za-z]{36}")


def rotate(client: Client, *tokens: AccessToken, **data: str) -> Any:
    """The answer to the form of the action, sent."""
    return act(client, "rotate_selected", *tokens, **{"post": "yes", "overlap": "12h", **data})


def rows() -> list[dict[str, Any]]:
    return list(AccessToken.objects.order_by("pk").values())


def test_it_asks_first(root: Client, key: AccessToken, tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(ROTATION_OVERLAP=timedelta(hours=36))
    before = rows()
    page = act(root, "rotate_selected", key)
    assert page.status_code == 200
    html = text_of(page)
    assert "<title>Rotate access token" in html
    assert key.hint in html
    for name, value in (("overlap", ' value="36h"'), ("owner", "")):
        assert f' for="id_{name}"' in html
        (field,) = re.findall(rf"<input[^>]* id=\"id_{name}\"[^>]*>", html)
        assert value in field
        assert f'aria-describedby="id_{name}_helptext"' in field
        assert f'id="id_{name}_helptext"' in html
    assert rows() == before


def test_the_new_text_is_shown_in_the_answer_and_works(
    root: Client, key: AccessToken, api: APIClient, alice: User
) -> None:
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False):
        AccessToken.objects.update(last_used_at=timezone.now())
        root.force_login(User.objects.get(username="root"))
        answer = rotate(root, key)
        assert answer.status_code == 200
        assert "no-store" in answer["Cache-Control"]
        (text,) = set(KEY.findall(text_of(answer)))
        assert text_of(answer).count(text) == 1
        for one in (key.raw_token, text):
            assert api.get(SITES, HTTP_X_API_KEY=one).status_code == 200
    new = AccessToken.objects.get(rotated_from=key)
    assert (new.user, str(new.created_by)) == (alice, "root")
    key.refresh_from_db()
    assert str(key.expires_at) == "2030-01-02 00:00:00+00:00"
    html = text_of(answer)
    assert "works until Jan. 2, 2030, midnight" in html
    assert "<dd>alice</dd>" in html
    for token in (key, new):
        assert reverse("admin:tokenauth_accesstoken_change", args=[token.pk]) in html


def test_the_page_has_no_script_or_style_within(root: Client, key: AccessToken) -> None:
    for answer in (act(root, "rotate_selected", key), rotate(root, key)):
        assert not re.search(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=", text_of(answer))


def test_reloading_it_makes_no_other(root: Client, key: AccessToken) -> None:
    rotate(root, key)
    before = rows()
    answer = rotate(root, key)
    assert answer.status_code == 200
    assert "was rotated before" in text_of(answer)
    assert not KEY.search(text_of(answer))
    assert rows() == before


def test_an_overlap_of_nothing_ends_the_old_one(root: Client, key: AccessToken, api: APIClient) -> None:
    answer = rotate(root, key, overlap="0")
    assert "has ended" in text_of(answer)
    assert api.get(SITES, HTTP_X_API_KEY=key.raw_token).status_code == 401


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"overlap": ""}, "This field is required."),
        ({"overlap": "soon"}, "“soon” is not a duration"),
        ({"overlap": "1y"}, "“1y” is not a duration"),
        ({"overlap": "31d"}, "An overlap is 0 to 30 days."),
        ({"overlap": "999999999w"}, "longer than a hundred years"),
        ({"overlap": "1" * 99}, "at most 20 characters"),
        ({"owner": "nobody"}, "There is no user “nobody”."),
        ({"owner": "a\0b"}, "Null characters are not allowed."),
        ({"owner": "<b>"}, "There is no user “&lt;b&gt;”."),
        ({"owner": "bob"}, "The user does not belong to this organization."),
    ],
)
def test_what_is_refused_is_said_and_changes_nothing(
    root: Client, alice: User, bob: User, data: dict[str, str], message: str
) -> None:
    key = alice.generate_access_token("n", kind="api_key", environment="live", organization="northwind")
    before = rows()
    answer = rotate(root, key, **data)
    assert answer.status_code == 200
    assert message in text_of(answer)
    assert rows() == before
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(("ended", "message"), [("revoked", "was revoked"), ("expired", "has expired")])
def test_what_has_ended_is_not_rotated(root: Client, key: AccessToken, ended: str, message: str) -> None:
    column = {"revoked": "revoked_at", "expired": "expires_at"}[ended]
    AccessToken.objects.update(**{column: timezone.now()})
    before = rows()
    answer = rotate(root, key)
    assert answer.status_code == 200
    assert message in text_of(answer)
    assert rows() == before


def test_one_is_rotated_at_a_time(root: Client, key: AccessToken, alice: User) -> None:
    other = alice.generate_access_token("other", kind="api_key", environment="live")
    before = rows()
    for post in ({}, {"post": "yes", "overlap": "1h"}):
        answer = act(root, "rotate_selected", key, other, **post)
        assert "Select one access token" in text_of(answer)
    assert rows() == before


def test_it_has_a_permission_of_its_own(client: Client, key: AccessToken) -> None:
    viewer = staff(client, "view_accesstoken", "change_accesstoken", "revoke_accesstoken")
    assert "rotate_selected" not in text_of(viewer.get(reverse(TOKENS)))
    before = rows()
    assert not KEY.search(text_of(rotate(viewer, key)))
    assert rows() == before
    operator = staff(client, "view_accesstoken", "rotate_accesstoken", username="operator")
    assert "rotate_selected" in text_of(operator.get(reverse(TOKENS)))
    assert KEY.search(text_of(rotate(operator, key)))


@pytest.fixture
def operator(client: Client) -> Client:
    return staff(client, "view_accesstoken", "rotate_accesstoken", username="operator")


def test_a_personal_token_is_rotated_by_its_own_user_alone(
    operator: Client, alice: User, api: APIClient
) -> None:
    before = alice.generate_access_token("hers")
    for post in ({}, {"post": "yes", "overlap": "1h"}):
        answer = act(operator, "rotate_selected", before, **post)
        assert "A personal token is rotated by its own user alone." in text_of(answer)
    assert AccessToken.objects.count() == 1
    mine = User.objects.get(username="operator").generate_access_token("mine", ["read:sites"])
    assert "id_owner" not in text_of(act(operator, "rotate_selected", mine))
    (text,) = re.findall(r"pat_[0-9A-Za-z]{36}", text_of(rotate(operator, mine)))
    assert api.get(SITES, **bearer(text)).status_code == 200


def test_not_even_by_a_superuser(root: Client, alice: User) -> None:
    token = alice.generate_access_token("hers")
    assert "its own user alone" in text_of(rotate(root, token))
    assert AccessToken.objects.count() == 1


def test_the_key_of_a_superuser_is_rotated_by_superusers(operator: Client) -> None:
    chief = User.objects.create_superuser("chief")
    key = chief.generate_access_token("all", kind="api_key", environment="live")
    answer = rotate(operator, key)
    assert "The key of a superuser is rotated by superusers alone." in text_of(answer)
    assert AccessToken.objects.count() == 1
    operator.force_login(User.objects.create_superuser("root"))
    assert KEY.search(text_of(rotate(operator, key)))


def test_a_key_is_moved_to_a_superuser_by_superusers(operator: Client, key: AccessToken) -> None:
    chief = User.objects.create_superuser("chief")
    answer = rotate(operator, key, owner="chief")
    assert "A key is moved to a superuser by superusers alone." in text_of(answer)
    assert AccessToken.objects.count() == 1
    operator.force_login(User.objects.create_superuser("root"))
    assert KEY.search(text_of(rotate(operator, key, owner="chief")))
    assert AccessToken.objects.get(rotated_from=key).user == chief


def test_a_key_moves_to_another_owner(operator: Client, key: AccessToken, bob: User, api: APIClient) -> None:
    answer = rotate(operator, key, owner="bob")
    (text,) = KEY.findall(text_of(answer))
    assert api.get(SITES, HTTP_X_API_KEY=text).status_code == 200
    new = AccessToken.objects.get(rotated_from=key)
    assert (new.user, str(new.created_by)) == (bob, "operator")
    assert "is inactive" not in text_of(answer)


def test_it_says_where_the_new_owner_is_inactive(operator: Client, key: AccessToken, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert "is inactive: the token will be refused." in text_of(rotate(operator, key, owner="bob"))


def test_it_is_in_the_history_of_both(root: Client, key: AccessToken) -> None:
    (text,) = KEY.findall(text_of(rotate(root, key)))
    new = AccessToken.objects.get(rotated_from=key)
    entries = LogEntry.objects.order_by("action_time", "pk").values_list(
        "object_id", "action_flag", "change_message", "user__username"
    )
    assert set(entries) == {
        (str(key.pk), CHANGE, f"Rotated into the access token {new.pk}.", "root"),
        (str(new.pk), ADDITION, f"Made by rotating the access token {key.pk}.", "root"),
    }
    assert not any(text in str(entry) for entry in LogEntry.objects.values())


def test_where_the_history_cannot_be_written_nothing_is_rotated(root: Client, key: AccessToken) -> None:
    def fail(execute: Any, sql: str, *args: Any) -> Any:
        if "INSERT INTO" in sql and "django_admin_log" in sql:
            raise OperationalError("the disk is full")
        return execute(sql, *args)

    before = rows()
    with connection.execute_wrapper(fail), pytest.raises(OperationalError):
        rotate(root, key)
    assert rows() == before


def test_a_report_of_what_went_wrong_has_no_password(
    root: Client, key: AccessToken, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.DEBUG = False
    reports: list[str] = []

    def report(request: Any, **kwargs: Any) -> None:
        reporter = ExceptionReporter(request, *sys.exc_info())
        reports.extend([reporter.get_traceback_text(), reporter.get_traceback_html()])

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("the disk is full")

    monkeypatch.setattr(AccessToken, "rotate", fail)
    got_request_exception.connect(report)
    try:
        with pytest.raises(OperationalError):
            rotate(root, key, password=PASSWORD)
    finally:
        got_request_exception.disconnect(report)
    assert len(reports) == 2
    assert all("overlap" in one for one in reports)
    assert not any(PASSWORD in one for one in reports)

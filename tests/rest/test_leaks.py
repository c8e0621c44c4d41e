"""Reports of leaked tokens: holding one is the authority to revoke it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.conftest import bearer
from tokenauth.core import credential
from tokenauth.core.credential import Kind
from tokenauth.models import AccessToken, TokenLogin
from tokenauth.models.access_token import AccessTokenQuerySet

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.test import APIClient

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db
# The mail goes out once the revocation is committed.
committed = pytest.mark.django_db(transaction=True)

LEAKS = "/api/leaks/"
SITES = "/inventory-service/sites"


def report(api: APIClient, *tokens: object) -> Any:
    return api.post(LEAKS, {"tokens": list(tokens)}, format="json")


@pytest.fixture
def token(alice: User) -> AccessToken:
    alice.email = "alice@example.com"
    alice.save()
    return alice.generate_access_token("Work Laptop", ["read:sites"])


@committed
def test_a_token_that_is_reported_ends_and_its_owner_is_told(
    api: APIClient, token: AccessToken, mailoutbox: list[Any]
) -> None:
    assert api.get(SITES, **bearer(token)).status_code == 200
    answer = report(api, token.raw_token)
    assert (answer.status_code, answer.content, answer["Cache-Control"]) == (202, b"", "no-store")
    assert api.get(SITES, **bearer(token)).status_code == 401
    token.refresh_from_db()
    assert (token.revoked_reason, token.revoked_by) == ("It was reported as leaked.", None)
    (mail,) = mailoutbox
    assert mail.to == ["alice@example.com"]
    assert mail.subject == "Your access token was found in the open, and revoked: Work Laptop"
    for said in (token.hint, "read:sites", "127.0.0.1"):
        assert said in mail.body


@committed
def test_the_owner_is_told_once_of_all(
    api: APIClient,
    token: AccessToken,
    bob: User,
    mailoutbox: list[Any],
    tokenauth_settings: Callable[..., None],
) -> None:
    # Once, whatever else would have told of it.
    tokenauth_settings(NOTIFY_OWNER=True)
    key = token.user.generate_access_token("Billing", [], kind="api_key", environment="live")
    theirs = bob.generate_access_token("no address", [])
    report(api, token.raw_token, key.raw_token, theirs.raw_token, token.raw_token)
    (mail,) = mailoutbox
    assert mail.subject == "2 of your access tokens were found in the open, and revoked"
    assert "no address" not in mail.body
    assert not AccessToken.objects.usable().exists()
    report(api, token.raw_token)
    assert len(mailoutbox) == 1


@committed
def test_of_one_that_had_ended_nobody_is_told(
    api: APIClient, token: AccessToken, mailoutbox: list[Any]
) -> None:
    token.revoke(reason="lost")
    assert report(api, token.raw_token).status_code == 202
    token.refresh_from_db()
    assert token.revoked_reason == "lost"
    assert mailoutbox == []


def test_what_is_no_token_is_passed_over_and_the_rest_is_not(
    api: APIClient, token: AccessToken, bob: User
) -> None:
    other = bob.generate_access_token("other", [])
    mistyped = str(other.raw_token)[:-1] + ("0" if str(other.raw_token)[-1] != "0" else "1")
    unknown = credential.make(Kind.PERSONAL).text
    junk = ["", " ", "x", "\0", "é" * 99, None, 1, 1.5, True, [], {}, [token.raw_token], mistyped, unknown]
    # By its digest, its hint or its id, nobody holds it.
    junk += [other.secret, other.hint, other.pk, str(other.pk), "*", "%", "pat_", "y" * 100_000]
    answer = report(api, *junk, f" {token.raw_token}\n")
    assert (answer.status_code, answer.content) == (202, b"")
    token.refresh_from_db()
    other.refresh_from_db()
    assert (token.status, other.status) == ("revoked", "active")


def test_a_thousand_cost_few_queries_and_one_more_is_refused(api: APIClient, token: AccessToken) -> None:
    unknown = [credential.make(Kind.PERSONAL).text for _ in range(999)]
    with CaptureQueriesContext(connection) as captured:
        assert report(api, *unknown, token.raw_token).status_code == 202
    assert len(captured) < 40
    token.refresh_from_db()
    assert token.status == "revoked"
    answer = report(api, *unknown, *unknown[:2])
    assert answer.status_code == 400
    assert list(answer.data) == ["tokens"]


@pytest.mark.parametrize(
    "body",
    [
        *("", "{}", "[]", "null", "1", "{", "[" * 99_999, b"\xff\xfe\x00", '{"token": []}'),
        *('{"tokens": null}', '{"tokens": "pat_x"}', '{"tokens": {"a": 1}}'),
    ],
)
def test_a_report_that_is_none_is_refused(api: APIClient, body: Any) -> None:
    assert api.post(LEAKS, body, content_type="application/json").status_code == 400


def test_a_huge_report_is_refused_unread(api: APIClient, token: AccessToken) -> None:
    body = json.dumps({"tokens": [token.raw_token], "x": "y" * 3_000_000})
    assert api.post(LEAKS, body, content_type="application/json").status_code in (400, 413)
    token.refresh_from_db()
    assert token.status == "active"


def test_no_form_is_read(api: APIClient, token: AccessToken) -> None:
    answer = api.post(
        LEAKS, {"tokens": token.raw_token}, format=None, content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 415


def test_reports_are_limited_by_address(api: APIClient, token: AccessToken) -> None:
    for _ in range(60):
        assert report(api, "x").status_code == 202
    answer = report(api, token.raw_token)
    assert (answer.status_code, answer.data["error"]["code"]) == (429, "TOO_MANY_REQUESTS")
    assert int(answer["Retry-After"]) > 0
    token.refresh_from_db()
    assert token.status == "active"
    answer = api.post(LEAKS, {"tokens": [token.raw_token]}, format="json", REMOTE_ADDR="192.0.2.1")
    assert answer.status_code == 202


def test_whoever_reports_need_be_nobody(api: APIClient, token: AccessToken) -> None:
    revoked = token.user.generate_access_token("old", [])
    revoked.revoke()
    for header in ({}, bearer(revoked), bearer("junk"), {"HTTP_X_API_KEY": "junk"}):
        answer = api.post(LEAKS, {"tokens": []}, format="json", **header)
        assert answer.status_code == 202
    assert api.get(LEAKS).status_code == 405


def test_a_peppered_token_is_found(
    api: APIClient, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(PEPPERS={1: "o" * 32})
    token = alice.generate_access_token("t", [])
    tokenauth_settings(PEPPERS={1: "o" * 32, 2: "n" * 32})
    report(api, token.raw_token)
    token.refresh_from_db()
    assert token.status == "revoked"


@committed
def test_no_text_is_left_anywhere(
    api: APIClient, token: AccessToken, caplog: pytest.LogCaptureFixture, mailoutbox: list[Any]
) -> None:
    with caplog.at_level(logging.DEBUG):
        report(api, token.raw_token)
    assert "1 credentials were reported as leaked; 1 tokens were revoked." in caplog.text
    for record in caplog.records:
        if record.name != "django.db.backends":
            assert str(token.raw_token) not in f"{record.getMessage()} {record.__dict__}"
    assert str(token.raw_token) not in mailoutbox[0].body
    assert not TokenLogin.objects.exists()


def test_the_secret_is_checked_before_anything_is_done(
    api: APIClient, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A collation that takes one text for another finds a row that nobody has reported.
    token = alice.generate_access_token("not reported", [])
    found = [(token.pk, token.secret)]
    monkeypatch.setattr(AccessTokenQuerySet, "values_list", lambda self, *names: found)
    assert report(api, credential.make(Kind.PERSONAL).text).status_code == 202
    monkeypatch.undo()
    token.refresh_from_db()
    assert token.status == "active"


@committed
def test_who_could_make_others_is_told_so(api: APIClient, token: AccessToken, mailoutbox: list[Any]) -> None:
    manager = token.user.generate_access_token("m", ["tokens:manage"])
    report(api, token.raw_token)
    assert "could make other tokens" not in mailoutbox[0].body
    report(api, manager.raw_token)
    assert f"{manager.hint} could make other tokens." in mailoutbox[1].body

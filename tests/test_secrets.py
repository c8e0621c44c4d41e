"""No raw credential anywhere but in the answer that made it."""

from __future__ import annotations

import logging
import re
import sys
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.core.signals import got_request_exception
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse
from django.views.debug import ExceptionReporter

from testproject.accounts.models import User
from tests.conftest import bearer
from tokenauth.core import credential, lifecycle, verification
from tokenauth.exceptions import CredentialError
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.http import HttpRequest
    from django.test import RequestFactory
    from rest_framework.test import APIClient

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.urls")]


def everything_stored() -> str:
    """Every value of every row of every table, sessions decoded."""
    rows = [
        str(row)
        for model in apps.get_models(include_auto_created=True)
        for row in model._base_manager.values()
    ]
    rows += [str(session.get_decoded()) for session in Session.objects.all()]
    return "\n".join(rows)


def shown(answer: Any) -> str:
    return f"{answer.content.decode()}\n{dict(answer.items())}\n{answer.cookies}"


@pytest.fixture
def administrator(db: None) -> User:
    return User.objects.create_superuser("root")


def test_a_life_of_each_kind_leaves_no_raw_credential(
    api: APIClient,
    alice: User,
    administrator: User,
    caplog: pytest.LogCaptureFixture,
    tokenauth_settings: Callable[..., None],
) -> None:
    tokenauth_settings(RECORD_LOGIN_ATTEMPTS="all")
    caplog.set_level(logging.DEBUG)
    admin = Client()
    admin.force_login(administrator)
    seen: list[str] = []

    def life(raw: str, header: dict[str, str]) -> None:
        token = AccessToken.objects.latest("pk")
        for path in ("/who", "/function", "/tokens-only"):
            seen.append(shown(api.get(path, **header)))
        # Misused: in the other header, mistyped, beside another one, in the URL's place.
        spoilt = raw[:-1] + ("0" if raw[-1] != "0" else "1")
        for misused in (
            {"HTTP_AUTHORIZATION": raw},
            {"HTTP_X_API_KEY": raw, "HTTP_AUTHORIZATION": f"Bearer {raw}"},
            {"HTTP_X_API_KEY" if "HTTP_AUTHORIZATION" in header else "HTTP_AUTHORIZATION": raw},
            {name: value.replace(raw, spoilt) for name, value in header.items()},
            {name: value.replace(raw, f"{raw} {raw}") for name, value in header.items()},
        ):
            seen.append(shown(api.get("/who", **misused)))
        for page in ("changelist", "change"):
            args = [token.pk] if page == "change" else []
            seen.append(shown(admin.get(reverse(f"admin:tokenauth_accesstoken_{page}", args=args))))
        listing = reverse("admin:tokenauth_accesstoken_changelist")
        if token.kind == "api_key":
            raws.append(rotate(listing, token, header))
        found = reverse("admin:tokenauth_accesstoken_find")
        for text in (raw, spoilt):
            seen.append(shown(admin.post(found, {"token": text})))
            seen.append(shown(admin.post(found, {"token": text}, follow=True)))
            # Not the address that it was asked by, which nobody could keep from the log of a server.
            seen.append(shown(admin.get(listing, {"q": text}, follow=True)))
        action = {"action": "revoke_families", "_selected_action": [token.pk]}
        seen.append(shown(admin.post(listing, action)))
        seen.append(shown(admin.post(listing, {**action, "post": "yes", "reason": "over"}, follow=True)))
        seen.append(shown(api.get("/who", **header)))
        seen.append(shown(admin.get(reverse("admin:tokenauth_tokenlogin_changelist"))))

    def rotate(listing: str, token: AccessToken, header: dict[str, str]) -> str:
        """The text of the successor, whose making answer alone is not among what is searched."""
        action = {"action": "rotate_selected", "_selected_action": [token.pk]}
        seen.append(shown(admin.post(listing, action)))
        confirmed = {**action, "post": "yes", "overlap": "1h"}
        made = admin.post(listing, confirmed)
        (text,) = set(re.findall(r"ak_(?:live|test)_[0-9A-Za-z]{36}", made.content.decode()))
        assert text[-32:-4] not in f"{dict(made.items())}{made.cookies}"
        successor = AccessToken.objects.get(rotated_from=token)
        pages = [
            listing,
            *(
                reverse(f"admin:tokenauth_accesstoken_{page}", args=[successor.pk])
                for page in ("change", "history")
            ),
        ]
        # Sent again, as by reloading it; and whatever is looked at after it.
        seen.extend(shown(answer) for answer in (admin.post(listing, confirmed), *map(admin.get, pages)))
        seen.append(shown(api.get("/who", HTTP_X_API_KEY=text)))
        return text

    raws: list[str] = []
    for options in (
        {},
        {"kind": "api_key", "environment": "live"},
        {"kind": "api_key", "environment": "test"},
    ):
        token = alice.generate_access_token("a life", ["read:sites"], **options)
        raw = token.raw_token or ""
        raws.append(raw)
        seen += [repr(token), str(token), str(vars(AccessToken.objects.get(pk=token.pk)))]
        life(raw, bearer(raw) if not options else {"HTTP_X_API_KEY": raw})
        assert AccessToken.objects.get(pk=token.pk).status == "revoked"

    out, err = StringIO(), StringIO()
    call_command("createtoken", "alice", "command", "--scope", "read:sites", stdout=out, stderr=err)
    raws.append(out.getvalue().strip())
    seen.append(err.getvalue())
    life(raws[-1], bearer(raws[-1]))

    stored, logged = everything_stored(), caplog.text
    logged += "".join(str(vars(record)) for record in caplog.records)
    for raw in raws:
        # The part that is secret, with neither the prefix nor what a hint shows.
        secret = raw[-32:-4]
        assert secret not in stored
        assert secret not in logged
        assert secret not in "".join(seen)
    # The search itself finds what is there.
    assert AccessToken.objects.latest("pk").secret in stored
    assert "a life" in "".join(seen)
    assert "Unauthorized" in logged


def test_a_command_that_fails_prints_no_credential(alice: User) -> None:
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError):
        call_command("createtoken", "alice", "name", "--scope", "nonsense", stdout=out, stderr=err)
    assert out.getvalue() == ""
    assert AccessToken.objects.count() == 0


def ask(raw: str, user: User) -> None:
    Client(raise_request_exception=False).get("/who", **bearer(raw))


def ask_by_key(raw: str, user: User) -> None:
    Client(raise_request_exception=False).get("/who", HTTP_X_API_KEY=raw)


def variables_of_the_library(reporter: ExceptionReporter) -> str:
    """What a report shows of every frame but the tests' own, which hold the token and may."""
    frames = reporter.get_traceback_data()["frames"]
    return "\n".join(
        f"{frame['function']}: {frame['vars']}" for frame in frames if "/tests/" not in frame["filename"]
    )


def reports_of(call: Callable[[], object]) -> list[str]:
    """The exception reports, as text and as HTML, of what ``call`` lets happen."""
    reports: list[str] = []

    def report(request: HttpRequest | None, **kwargs: Any) -> None:
        kind, error, traceback = sys.exc_info()
        reporter = ExceptionReporter(request, kind, error, traceback)
        reports.append(f"{error}\n{variables_of_the_library(reporter)}")
        if request is not None:
            reports.extend([reporter.get_traceback_text(), reporter.get_traceback_html()])

    got_request_exception.connect(report)
    try:
        call()
    except OperationalError:
        report(None)
    finally:
        got_request_exception.disconnect(report)
    return reports


@pytest.mark.parametrize(
    "use",
    [
        ask,
        ask_by_key,
        lambda raw, user: AccessToken.objects.verify(raw),
        lambda raw, user: user.get_access_token(raw),
        lambda raw, user: user.revoke_access_token(raw),
        lambda raw, user: async_to_sync(AccessToken.objects.averify)(raw),
        lambda raw, user: async_to_sync(user.aget_access_token)(raw),
        lambda raw, user: async_to_sync(user.arevoke_access_token)(raw),
        lambda raw, user: list(TokenLogin.objects.refused_with(raw)),
        lambda raw, user: verification.verify(raw),
    ],
    ids=["bearer", "key", "verify", "get", "revoke", "averify", "aget", "arevoke", "refused_with", "core"],
)
def test_an_exception_report_shows_no_credential(
    alice: User, use: Callable[[str, User], object], caplog: pytest.LogCaptureFixture
) -> None:
    key = {"kind": "api_key", "environment": "live"} if use is ask_by_key else {}
    raw = alice.generate_access_token("t", **key).raw_token or ""

    def fail(*args: Any) -> None:
        raise OperationalError("the database is down")

    with connection.execute_wrapper(fail):
        reports = reports_of(lambda: use(raw, alice))
    assert reports
    for text in (*reports, caplog.text):
        assert raw[-32:-4] not in text
    assert "the database is down" in reports[0]


@pytest.mark.parametrize(
    "use",
    [
        lambda raw, user: verification.verify(raw),
        lambda raw, user: lifecycle.of_user_by_text(user, raw),
    ],
    ids=["verify", "of_user_by_text"],
)
def test_a_misconfigured_pepper_shows_no_credential(
    alice: User, tokenauth_settings: Callable[..., None], use: Callable[[str, User], object]
) -> None:
    raw = alice.generate_access_token("t").raw_token or ""
    tokenauth_settings(PEPPERS={1: None})
    with pytest.raises(AttributeError) as failed:
        use(raw, alice)
    shown = variables_of_the_library(ExceptionReporter(None, failed.type, failed.value, failed.tb))
    assert "candidates: " in shown
    assert raw not in shown


def test_what_is_malformed_may_be_a_secret_all_the_same() -> None:
    with pytest.raises(CredentialError) as failed:
        AccessToken.objects.verify("hunter2!")
    shown = variables_of_the_library(ExceptionReporter(None, failed.type, failed.value, failed.tb))
    assert "parse: " in shown
    assert "hunter2!" not in shown


def test_a_misconfigured_prefix_shows_no_credential(
    rf: RequestFactory, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(TOKEN_PREFIX="pät")
    text = f"pät_{credential.random_text()}"
    request = rf.get("/", **bearer(f"{text}000000"))
    with pytest.raises(UnicodeEncodeError) as failed:
        verification.authenticate(request, *credential.Kind)
    shown = variables_of_the_library(ExceptionReporter(None, failed.type, failed.value, failed.tb))
    assert "checksum: " in shown
    assert text[4:] not in shown


def test_a_page_that_fails_reports_no_text_of_the_token_that_it_was_to_show(
    alice: User, administrator: User, settings: Any, tmp_path: Path
) -> None:
    (engine,) = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "DIRS": [tmp_path]}]
    (tmp_path / "admin").mkdir()
    (tmp_path / "admin" / "base_site.html").write_text("{% widthratio successor.raw_token 1 'nonsense' %}")
    key = alice.generate_access_token("t", kind="api_key", environment="live")
    admin = Client(raise_request_exception=False)
    admin.force_login(administrator)
    action = {"action": "rotate_selected", "_selected_action": [key.pk], "post": "yes", "overlap": "1h"}
    listing = reverse("admin:tokenauth_accesstoken_changelist")
    reports = reports_of(lambda: admin.post(listing, action))
    assert AccessToken.objects.filter(rotated_from=key).exists()
    assert "must be a number" in reports[0]
    assert "rotate_selected" in reports[0]
    for report in reports:
        assert not re.search(r"ak_live_[0-9A-Za-z]{10}", report)


def test_a_pasted_token_is_in_no_report_of_a_search_that_fails(alice: User, administrator: User) -> None:
    def fail(execute: Any, sql: str, *args: Any) -> Any:
        if re.search(r"WHERE .*secret.? (=|IN) ", sql):
            raise OperationalError("the database is down")
        return execute(sql, *args)

    raw = alice.generate_access_token("t").raw_token or ""
    admin = Client(raise_request_exception=False)
    admin.force_login(administrator)
    with connection.execute_wrapper(fail):
        reports = reports_of(
            lambda: admin.post(reverse("admin:tokenauth_accesstoken_find"), {"token": f"Bearer {raw}"})
        )
    assert "the database is down" in reports[0]
    assert "find: " in reports[0]
    for report in reports:
        assert raw[-32:-4] not in report

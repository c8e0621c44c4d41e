"""``POST tokens/login/``: a token for a password, and nothing for a guess."""

from __future__ import annotations

import json
import logging
import sys
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import AllowAllUsersModelBackend, ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import MD5PasswordHasher, make_password
from django.contrib.auth.signals import user_login_failed
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.core.signals import got_request_exception
from django.db import OperationalError, connection
from django.db.models import Q
from django.db.models.signals import pre_save
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.test.utils import isolate_apps
from django.utils.http import urlencode
from django.views.debug import ExceptionReporter
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from tests.conftest import bearer
from tests.services.threads import own_connections
from tests.test_secrets import everything_stored
from tokenauth.core import lifecycle
from tokenauth.models import AccessToken, TokenLogin
from tokenauth.rest import login

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rest_framework.test import APIClient

    from testproject.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.urls")]

URL = "/api/tokens/login/"
PASSWORD = "correct horse battery staple"
NOON = datetime(2026, 6, 1, 12, 0, 20, tzinfo=UTC)


class Hasher(MD5PasswordHasher):
    """Fast, and counted."""

    runs: ClassVar[list[str]] = []
    meanwhile: ClassVar[list[Callable[[], None]]] = []

    def encode(self, password: str, salt: str) -> str:
        self.runs.append(password)
        return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        is_correct = super().verify(password, encoded)
        while self.meanwhile:
            self.meanwhile.pop()()
        return is_correct


def finds_by_email(manager: Any, username: str) -> Any:
    """As a collation may, by a text that no folding makes the same."""
    return manager.get(Q(username=username) | Q(email=username))


class BrokenBackend(ModelBackend):
    def authenticate(self, request: Any, username: Any = None, password: Any = None, **kwargs: Any) -> Any:
        secret_in_a_variable = f"{password}!"
        try:
            {}[len(secret_in_a_variable)]
        except KeyError as error:
            raise RuntimeError("the directory is down") from error


class ForeignBackend:
    def authenticate(self, request: Any, username: str, password: str) -> Any:
        is_known = (username, password) == ("bob", "one-time")
        return get_user_model().objects.get(username="bob") if is_known else None


def reads_the_form(get_response: Any) -> Any:
    def middleware(request: Any) -> Any:
        request.POST.get("language")
        return get_response(request)

    return middleware


@pytest.fixture(autouse=True)
def hashed(settings: Any) -> Iterator[list[str]]:
    settings.PASSWORD_HASHERS = [f"{__name__}.Hasher"]
    Hasher.runs.clear()
    Hasher.meanwhile.clear()
    with time_machine.travel(NOON, tick=False):
        yield Hasher.runs


@pytest.fixture(autouse=True)
def switched_on(tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(LOGIN_SCOPES=["read:sites", "read:assets"])


@pytest.fixture
def alice(alice: User, hashed: list[str]) -> User:
    alice.set_password(PASSWORD)
    alice.save()
    hashed.clear()
    return alice


def body(**fields: Any) -> dict[str, Any]:
    given = {
        "username": "alice",
        "password": PASSWORD,
        "device_name": "Alice's phone",
        "scopes": ["read:sites"],
    }
    return {name: value for name, value in {**given, **fields}.items() if value is not ...}


def sign_in(api: APIClient, *, address: str = "192.0.2.1", **fields: Any) -> Any:
    return api.post(URL, body(**fields), format="json", REMOTE_ADDR=address)


def reported(api: APIClient, settings: Any, **fields: Any) -> str:
    """The report of an exception inside of the sign-in, as mails and pages have it."""
    reports: list[str] = []

    def report(request: Any, **kwargs: Any) -> None:
        exc_type, value, traceback = sys.exc_info()
        reporter = ExceptionReporter(request, exc_type, value, traceback)
        reports.extend([reporter.get_traceback_text(), reporter.get_traceback_html()])

    settings.DEBUG = False
    api.raise_request_exception = False
    got_request_exception.connect(report)
    try:
        assert sign_in(api, **fields).status_code == 500
    finally:
        got_request_exception.disconnect(report)
    assert len(reports) == 2
    return "".join(reports)


def test_a_password_gives_a_token_that_works(api: APIClient, alice: User) -> None:
    answer = sign_in(api)
    assert answer.status_code == 201
    token = AccessToken.objects.get()
    assert answer.json() == {
        "token": answer.json()["token"],
        "id": token.pk,
        "name": "Alice's phone",
        "hint": token.hint,
        "kind": "personal",
        "environment": "",
        "scopes": ["read:sites"],
        "organization": "",
        "allowed_networks": [],
        "created_at": "2026-06-01T12:00:20Z",
        "expires_at": None,
        "last_used_at": None,
        "status": "active",
    }
    assert answer["Cache-Control"] == "no-store"
    assert (token.user, token.created_by) == (alice, alice)
    assert AccessToken.objects.verify(answer.json()["token"]) == token
    assert api.get("/who", **bearer(answer.json()["token"])).json()["user"] == "alice"


@pytest.mark.usefixtures("alice")
def test_no_session_is_made(api: APIClient) -> None:
    answer = sign_in(api)
    assert answer.status_code == 201
    assert not answer.cookies
    assert not Session.objects.exists()


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("format_", ["multipart", "urlencoded"])
def test_a_form_does_as_well(api: APIClient, format_: str) -> None:
    def post(**fields: Any) -> Any:
        if format_ == "multipart":
            return api.post(URL, body(**fields), format="multipart")
        form = urlencode(body(**fields), doseq=True)
        return api.post(URL, form, content_type="application/x-www-form-urlencoded")

    assert post(scopes=["read:sites", "read:assets"]).json()["scopes"] == ["read:sites", "read:assets"]
    assert post(scopes=[""]).json()["scopes"] == []
    assert post(scopes=...).json() == {"scopes": ["This field is required."]}


def test_switched_off_it_is_not_there(
    api: APIClient, alice: User, hashed: list[str], tokenauth_settings: Callable[..., None]
) -> None:
    assert api.get(URL).status_code == 405
    assert sign_in(api).status_code == 201
    hashed.clear()
    tokenauth_settings(LOGIN_SCOPES=None)
    assert api.get(URL).status_code == sign_in(api).status_code == 404
    assert hashed == []
    assert AccessToken.objects.count() == 1


@pytest.mark.parametrize(
    ("allowed", "asked", "status"),
    [
        (["read:sites"], [], 201),
        ([], [], 201),
        ([], ["read:sites"], 400),
        (["read:sites"], ["read:sites", "read:sites"], 201),
        (["read:sites"], ["write:sites"], 400),
        (["read:sites"], ["read:sites", "write:sites"], 400),
        (["read:sites"], ["*"], 400),
        (["*"], ["write:sites"], 201),
        (["*"], ["*"], 201),
        (["*"], ["tokens:manage"], 400),
        (["tokens:manage"], ["tokens:manage"], 201),
        # A scope that implies all.
        (["admin"], ["write:sites"], 201),
        (["admin"], ["*"], 400),
        (["admin"], ["tokens:manage"], 400),
        (["*"], ["read:nothing"], 400),
        (["*"], ["read sites"], 400),
        (["*"], [""], 400),
        (["*"], ["x" * 256], 400),
        (["*"], "read:sites", 400),
        (["*"], {"read:sites": True}, 400),
        (["*"], [["read:sites"]], 400),
        (["*"], None, 400),
        (["*"], ..., 400),
        (["*"], ["read:sites"] * 101, 400),
    ],
)
@pytest.mark.usefixtures("alice")
def test_the_scopes_that_may_be_asked_for(
    api: APIClient, tokenauth_settings: Callable[..., None], allowed: list[str], asked: Any, status: int
) -> None:
    tokenauth_settings(LOGIN_SCOPES=allowed)
    answer = sign_in(api, scopes=asked)
    assert answer.status_code == status
    if status == 400:
        assert list(answer.json()) == ["scopes"]
        assert not AccessToken.objects.exists()
    else:
        assert AccessToken.objects.get().scopes == list(dict.fromkeys(asked))


def test_one_answer_for_every_pair_that_is_wrong(
    api: APIClient, alice: User, bob: User, settings: Any
) -> None:
    get_user_model().objects.create_user("gone", password=PASSWORD, is_active=False)
    wrong = [
        sign_in(api, password="wrong"),
        sign_in(api, username="nobody"),
        sign_in(api, username="gone"),
        # A user without a password.
        sign_in(api, username="bob"),
        sign_in(api, password=PASSWORD + " "),
        sign_in(api, password=PASSWORD.upper()),
    ]
    settings.AUTHENTICATION_BACKENDS = [f"{AllowAllUsersModelBackend.__module__}.AllowAllUsersModelBackend"]
    wrong.append(sign_in(api, username="gone"))
    for answer in wrong:
        assert answer.status_code == 401
        assert answer.json() == {
            "error": {
                "code": "UNAUTHORIZED",
                "message": "The username or the password is wrong.",
                "reason": "authentication_failed",
            }
        }
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
        assert answer["Cache-Control"] == "no-store"
        assert answer.headers.keys() == wrong[0].headers.keys()
    assert not AccessToken.objects.exists()
    assert sign_in(api).status_code == 201


def test_whoever_it_is_a_password_is_hashed_once(
    api: APIClient, alice: User, bob: User, hashed: list[str]
) -> None:
    get_user_model().objects.create_user("gone", password=PASSWORD, is_active=False)
    for username in ("alice", "nobody", "gone", "bob"):
        hashed.clear()
        sign_in(api, username=username, password="wrong")
        # Of a user without a password, Django hashes another text: what it costs is the same.
        assert len(hashed) == 1, username


def test_it_asks_the_projects_own_backends(api: APIClient, bob: User, settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.ForeignBackend"]
    assert sign_in(api, username="bob", password="one-time").json()["name"] == "Alice's phone"
    assert AccessToken.objects.get().user == bob
    failed: list[Any] = []

    def receive(credentials: Any, request: Any, **kwargs: Any) -> None:
        failed.append((credentials, request.path))

    user_login_failed.connect(receive)
    try:
        assert sign_in(api, username="bob", password="wrong").status_code == 401
    finally:
        user_login_failed.disconnect(receive)
    ((credentials, path),) = failed
    assert credentials["username"] == "bob"
    assert "wrong" not in str(credentials)
    assert path == URL


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"username": ...}, "username"),
        ({"username": ""}, "username"),
        ({"username": None}, "username"),
        ({"username": ["alice"]}, "username"),
        ({"username": "a" * 256}, "username"),
        ({"username": "ali\0ce"}, "username"),
        ({"username": "\ud800"}, "username"),
        ({"password": ...}, "password"),
        ({"password": ""}, "password"),
        ({"password": {"$ne": ""}}, "password"),
        ({"password": "p" * 1025}, "password"),
        ({"password": "p\0"}, "password"),
        ({"device_name": ...}, "device_name"),
        ({"device_name": "  "}, "device_name"),
        ({"device_name": "d" * 256}, "device_name"),
    ],
)
def test_what_is_misshapen_is_refused_unhashed(
    api: APIClient, hashed: list[str], fields: dict[str, Any], wrong: str
) -> None:
    text = json.dumps(body(**fields))
    answer = api.post(URL, text, content_type="application/json")
    assert (answer.status_code, list(answer.json())) == (400, [wrong])
    assert hashed == []


@pytest.mark.parametrize(
    ("text", "content_type", "status"),
    [
        ("", "application/json", 400),
        ("{", "application/json", 400),
        ("[]", "application/json", 400),
        ('"alice"', "application/json", 400),
        ("null", "application/json", 400),
        ("[" * 100_000, "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        ("username", "application/x-www-form-urlencoded", 400),
        ("x", "multipart/form-data", 400),
        ("<a/>", "application/xml", 415),
    ],
)
def test_a_body_that_is_none(
    api: APIClient, hashed: list[str], text: Any, content_type: str, status: int
) -> None:
    assert api.post(URL, text, content_type=content_type).status_code == status
    assert hashed == []


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("format_", ["json", "multipart", "urlencoded"])
@pytest.mark.parametrize(
    "charset",
    ["utf-8", "punycode", "idna", "utf-16", "utf-7", "unicode_escape", "bz2_codec", "rot13", "nonsense"],
)
def test_whatever_charset_a_body_says_it_is_read_as_utf_8(api: APIClient, format_: str, charset: str) -> None:
    content_type, text = {
        "json": ("application/json", json.dumps(body(device_name="Älice"), ensure_ascii=False).encode()),
        "multipart": (MULTIPART_CONTENT, encode_multipart(BOUNDARY, body(device_name="Älice"))),
        "urlencoded": (
            "application/x-www-form-urlencoded",
            urlencode(body(device_name="Älice"), doseq=True).encode(),
        ),
    }[format_]
    answer = api.post(URL, text, content_type=f"{content_type}; charset={charset}")
    assert (answer.status_code, answer.json().get("name")) == (201, "Älice")


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("format_", ["json", "multipart", "urlencoded"])
def test_a_middleware_may_have_read_the_form(api: APIClient, settings: Any, format_: str) -> None:
    settings.MIDDLEWARE = [f"{__name__}.reads_the_form", *settings.MIDDLEWARE]

    def post(**fields: Any) -> Any:
        if format_ != "urlencoded":
            return api.post(URL, body(**fields), format=format_)
        form = urlencode(body(**fields), doseq=True)
        return api.post(URL, form, content_type="application/x-www-form-urlencoded")

    assert post().status_code == 201
    assert post(password="wrong").status_code == 401
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert post(more="x" * 1000).status_code == 400


@pytest.mark.usefixtures("alice")
def test_a_body_that_is_too_large_is_not_read(api: APIClient, hashed: list[str], settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert sign_in(api).status_code == 201
    hashed.clear()
    assert sign_in(api, more="x" * 1000).status_code == 400
    assert hashed == []


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("length", [255, 1])
def test_the_longest_that_is_taken(api: APIClient, length: int) -> None:
    get_user_model().objects.create_user("u" * 150, password="p" * 1024)
    answer = sign_in(api, username="u" * 150, password="p" * 1024, device_name="d" * length)
    assert answer.json()["name"] == "d" * length


@pytest.mark.usefixtures("alice")
def test_what_the_token_cannot_be_is_said_by_the_requests_names(api: APIClient) -> None:
    answer = sign_in(api, device_name="a\tb")
    assert (answer.status_code, answer.json()) == (
        400,
        {"device_name": ["A name has no control characters."]},
    )
    assert not AccessToken.objects.exists()


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("error", [{"user": ["Too many tokens."]}, "Too many tokens."])
def test_whatever_else_is_wrong_is_said_beside_them(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, error: Any
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise ValidationError(error)

    monkeypatch.setattr(lifecycle, "issue", refuse)
    answer = sign_in(api)
    assert (answer.status_code, answer.json()) == (400, {"non_field_errors": ["Too many tokens."]})


@pytest.mark.usefixtures("alice")
def test_the_settings_of_tokens_hold(api: APIClient, tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(TOKEN_LIFETIME=timedelta(days=30), TOKEN_PREFIX="acme")
    answer = sign_in(api).json()
    assert answer["expires_at"] == "2026-07-01T12:00:20Z"
    assert answer["token"].startswith("acme_")


def test_an_old_token_does_not_get_in_the_way(api: APIClient, alice: User) -> None:
    old = alice.generate_access_token("old")
    old.revoke()
    for header in (bearer(old), bearer("pat_junk"), {"HTTP_X_API_KEY": "junk"}):
        assert api.post(URL, body(), format="json", **header).status_code == 201
    assert TokenLogin.objects.count() == 0


def test_a_session_is_neither_needed_nor_taken(api: APIClient, alice: User, bob: User) -> None:
    api.force_login(bob)
    api.handler.enforce_csrf_checks = True
    assert sign_in(api).status_code == 201
    assert AccessToken.objects.get().user == alice


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"password": "another"}, 401),
        # The same one, hashed anew: whoever changes it means to end what there was.
        ({"password": PASSWORD}, 401),
        ({"email": "alice@example.com"}, 201),
    ],
)
def test_a_password_that_is_changed_while_it_is_checked(
    api: APIClient,
    alice: User,
    tokenauth_settings: Callable[..., None],
    changes: dict[str, str],
    status: int,
) -> None:
    tokenauth_settings(END_TOKENS_ON_PASSWORD_CHANGE=True)
    wrong = sign_in(api, password="wrong")

    def change() -> None:
        user = get_user_model().objects.get(pk=alice.pk)
        for name, value in changes.items():
            setattr(user, name, make_password(value) if name == "password" else value)
        user.save()

    Hasher.meanwhile.append(change)
    answer = sign_in(api)
    assert answer.status_code == status
    assert AccessToken.objects.count() == (status == 201)
    if status == 401:
        assert (answer.json(), answer.headers) == (wrong.json(), wrong.headers)


def test_a_user_who_is_deleted_while_the_password_is_checked(api: APIClient, alice: User) -> None:
    Hasher.meanwhile.append(lambda: get_user_model().objects.filter(pk=alice.pk).delete() and None)
    assert sign_in(api).status_code == 401
    assert not AccessToken.objects.exists()


def test_a_hash_that_is_brought_up_to_date_by_the_sign_in(api: APIClient, alice: User, settings: Any) -> None:
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.ScryptPasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    assert sign_in(api).status_code == 201
    alice.refresh_from_db()
    assert alice.password.startswith("scrypt")


@isolate_apps("tests")
def test_users_may_have_no_password(django_assert_num_queries: Any) -> None:
    class Keyless(AbstractBaseUser):
        password = None

        class Meta:
            app_label = "tests"

    with django_assert_num_queries(0):
        login._check_unchanged(Keyless(pk=1), "default")


@pytest.mark.django_db(transaction=True)
def test_a_password_is_not_changed_between_the_last_look_and_the_token(
    api: APIClient, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(END_TOKENS_ON_PASSWORD_CHANGE=True)
    changes: list[Future[None]] = []

    def change() -> None:
        with own_connections():
            user = get_user_model().objects.get(pk=alice.pk)
            user.set_password("another")
            user.save()

    with ThreadPoolExecutor(1) as threads:

        def receive(**kwargs: Any) -> None:
            changes.append(threads.submit(change))
            # It has the time to be done, if nothing held it up.
            wait(changes, timeout=1)

        pre_save.connect(receive, sender=AccessToken)
        try:
            assert sign_in(api).status_code == 201
        finally:
            pre_save.disconnect(receive, sender=AccessToken)
    changes[0].result()
    assert AccessToken.objects.get().revoked_reason == "The password was changed."
    assert sign_in(api, password="another").status_code == 201


def test_a_thousand_wrong_passwords(api: APIClient, alice: User, bob: User, hashed: list[str]) -> None:
    bob.set_password("bob's")
    bob.save()
    hashed.clear()
    answers = [sign_in(api, password=f"wrong {n}") for n in range(1000)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 990
    assert hashed == [f"wrong {n}" for n in range(10)]
    error = answers[-1].json()["error"]
    assert (error["code"], error["reason"]) == ("TOO_MANY_REQUESTS", "throttled")
    assert {answer["Retry-After"] for answer in answers[10:]} == {"40"}
    assert answers[-1]["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in answers[-1]
    # Somebody else, from elsewhere, is not kept out; she herself is, for a minute.
    assert sign_in(api, username="bob", password="bob's", address="192.0.2.2").status_code == 201
    assert sign_in(api, address="192.0.2.2").status_code == 429
    with time_machine.travel(NOON + timedelta(seconds=40), tick=False):
        assert sign_in(api).status_code == 201


@pytest.mark.usefixtures("alice")
def test_a_password_tried_on_many_users(api: APIClient, hashed: list[str]) -> None:
    statuses = [sign_in(api, username=f"user{n}", password="123456").status_code for n in range(100)]
    assert statuses == [401] * 20 + [429] * 80
    assert len(hashed) == 20
    # What one address does keeps nobody out elsewhere, and not those it named when it was over its limit.
    assert sign_in(api).status_code == 429
    for _ in range(10):
        assert sign_in(api, address="192.0.2.2").status_code == 201


@pytest.mark.usefixtures("alice")
def test_an_address_over_its_limit_uses_up_nobodys_name(api: APIClient) -> None:
    for n in range(20):
        sign_in(api, username=f"user{n}")
    assert [sign_in(api).status_code for _ in range(30)] == [429] * 30
    assert sign_in(api, address="192.0.2.2").status_code == 201


@pytest.mark.usefixtures("alice")
def test_an_ipv6_network_is_one_address(api: APIClient) -> None:
    seen = [sign_in(api, username=f"user{n}", address=f"2001:db8::{n:x}").status_code for n in range(1, 22)]
    assert seen == [401] * 20 + [429]
    assert sign_in(api, address="2001:db8:0:1::1").status_code == 201


@pytest.mark.parametrize(
    "spellings",
    [
        ["ALICE", " alice ", "ａｌｉｃｅ", "alíce", "ali\u200bce", "alice\u00a0"],
        ["4711", 4711, "４７１１"],
    ],
    ids=["text", "number"],
)
def test_however_it_is_spelled_it_is_one_name(
    api: APIClient, hashed: list[str], spellings: list[Any]
) -> None:
    seen = [
        sign_in(api, username=spellings[n % len(spellings)], address=f"192.0.2.{n}").status_code
        for n in range(20)
    ]
    assert seen == [401] * 10 + [429] * 10
    assert len(hashed) == 10


@pytest.mark.parametrize("is_user", [True, False])
def test_by_whatever_name_a_user_is_found_it_is_one_user(
    api: APIClient, alice: User, hashed: list[str], monkeypatch: pytest.MonkeyPatch, is_user: bool
) -> None:
    monkeypatch.setattr(type(get_user_model()._default_manager), "get_by_natural_key", finds_by_email)
    if is_user:
        alice.email = "post@example.com"
        alice.save()

    def guess(n: int, username: str) -> int:
        return sign_in(api, username=username, password="wrong", address=f"192.0.2.{n}").status_code

    seen = [guess(n, "alice" if n % 2 else "ｐｏｓｔ@example.com ") for n in range(20)]
    assert seen == ([401] * 10 + [429] * 10 if is_user else [401] * 20)
    assert hashed == ["wrong"] * seen.count(401)
    # A name that reads like a user's own count is another's, and so is another user's.
    assert guess(30, f"user {alice.pk}") == guess(31, "bob") == 401


def test_that_there_is_a_user_is_not_seen_by_how_many_attempts_pass(api: APIClient, alice: User) -> None:
    def guesses(spellings: list[str]) -> list[int]:
        return [
            sign_in(api, username=spellings[n % 3], password="wrong", address=f"192.0.2.{n}").status_code
            for n in range(15)
        ]

    assert guesses(["alice", "ALICE", "alíce"]) == guesses(["nobody", "NOBODY", "nóbody"])


def test_two_users_by_one_name_are_counted_by_the_name(
    api: APIClient, alice: User, bob: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.ForeignBackend"]
    get_user_model().objects.update(email="both@example.com")
    monkeypatch.setattr(type(get_user_model()._default_manager), "get_by_natural_key", finds_by_email)
    seen = [sign_in(api, username="both@example.com").status_code for _ in range(11)]
    assert seen == [401] * 10 + [429]


@pytest.mark.skipif(
    connection.vendor != "mysql",
    reason="a collation of MariaDB, by which ı is i. Run it with DATABASE_URL=mysql://...",
)
@pytest.mark.parametrize("other", ["mıssıssıppı.s", "missiſſippi.ß", "mississippi.ß"])
def test_a_name_is_a_users_as_the_database_compares(api: APIClient, hashed: list[str], other: str) -> None:
    user = get_user_model().objects.create_user("mississippi.s", password=PASSWORD)
    hashed.clear()
    if not get_user_model().objects.filter(pk=user.pk, username=other).exists():
        pytest.skip(f"{other} is no spelling of {user} by the collation of this database")
    spellings = [other, "mississippi.s"]
    seen = [
        sign_in(api, username=spellings[n % 2], password="wrong", address=f"192.0.2.{n}").status_code
        for n in range(20)
    ]
    assert seen == [401] * 10 + [429] * 10
    assert len(hashed) == 10


@pytest.mark.usefixtures("alice")
def test_the_address_is_that_behind_the_trusted_proxies(
    api: APIClient, tokenauth_settings: Callable[..., None], settings: Any
) -> None:
    # REST framework's own setting is another matter.
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 5}
    tokenauth_settings(TRUSTED_PROXIES=1)

    def attempt(n: int, forwarded: str) -> int:
        given = body(username=f"user{n}")
        return api.post(URL, given, format="json", HTTP_X_FORWARDED_FOR=forwarded).status_code

    seen = [attempt(n, f"198.51.100.{n}, 203.0.113.9") for n in range(21)]
    assert seen == [401] * 20 + [429]
    assert attempt(30, "203.0.113.9, 192.0.2.7") == 401


@pytest.mark.usefixtures("alice")
def test_the_rates_are_the_projects(api: APIClient, settings: Any, hashed: list[str]) -> None:
    rates = {"token_login_address": "3/hour", "token_login_username": None}
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}
    assert [sign_in(api, password="wrong").status_code for _ in range(4)] == [401] * 3 + [429]
    assert sign_in(api)["Retry-After"] == "3580"
    assert [sign_in(api, address=f"192.0.2.{n}").status_code for n in range(2, 20)] == [201] * 18
    rates = {"token_login_address": None, "token_login_username": "1/day"}
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}
    assert [sign_in(api).status_code for _ in range(2)] == [201, 429]


def test_asking_otherwise_than_by_post_counts_nothing(api: APIClient, alice: User) -> None:
    for _ in range(30):
        assert api.get(URL, REMOTE_ADDR="192.0.2.1").status_code == 405
        assert api.options(URL, REMOTE_ADDR="192.0.2.1").status_code == 200
    assert sign_in(api).status_code == 201


def test_the_password_is_nowhere(
    api: APIClient, alice: User, caplog: pytest.LogCaptureFixture, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(RECORD_LOGIN_ATTEMPTS="all")
    caplog.set_level(logging.DEBUG)
    answers = [sign_in(api), sign_in(api, password="hunter2hunter2")]
    answers += [sign_in(api, device_name=""), sign_in(api, username=PASSWORD), sign_in(api, scopes=["x"])]
    answers += [sign_in(api, password="hunter2hunter2") for _ in range(10)]
    assert {answer.status_code for answer in answers} == {201, 400, 401, 429}
    seen = "".join(f"{answer.content.decode()}{dict(answer.items())}" for answer in answers[1:])
    logged = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    raw = answers[0].json()["token"]
    for secret in (PASSWORD, "hunter2hunter2", raw[-32:-4]):
        assert secret not in seen
        assert secret not in logged
        assert secret not in everything_stored()
    assert PASSWORD not in answers[0].content.decode()
    # The search itself finds what is there.
    assert "/api/tokens/login/" in logged
    assert "Alice's phone" in everything_stored()


@pytest.mark.usefixtures("alice")
def test_a_backend_that_fails_shows_no_password(api: APIClient, settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.BrokenBackend"]
    report = reported(api, settings)
    # Where it failed is told, and its cause.
    assert "the directory is down" in report
    assert "secret_in_a_variable" in report
    assert "KeyError" in report
    assert PASSWORD not in report


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("place", ["check_password", "issue", "throttle"])
def test_wherever_it_fails_the_password_is_not_shown(
    api: APIClient, settings: Any, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("the database is down")

    target = {
        "check_password": "tests.rest.test_login.Hasher.verify",
        "issue": "tokenauth.core.digests.newest",
        "throttle": "tokenauth.core.rate_limit.RateLimit.count",
    }[place]
    monkeypatch.setattr(target, fail)
    report = reported(api, settings)
    assert "the database is down" in report
    assert PASSWORD not in report
    assert not AccessToken.objects.exists()


@pytest.mark.usefixtures("alice")
def test_of_a_form_that_fails_the_report_hides_the_password(
    api: APIClient, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("the database is down")

    monkeypatch.setattr(lifecycle, "issue", fail)
    reports: list[str] = []

    def report(request: Any, **kwargs: Any) -> None:
        # As after REST framework has read it, the form is there as POST.
        reports.append(ExceptionReporter(request, *sys.exc_info()).get_traceback_text())

    settings.DEBUG = False
    api.raise_request_exception = False
    got_request_exception.connect(report)
    try:
        assert api.post(URL, body(), format="multipart").status_code == 500
    finally:
        got_request_exception.disconnect(report)
    assert "Alice's phone" in reports[0]
    assert PASSWORD not in reports[0]


def test_it_is_in_the_schema_where_it_is_switched_on(tokenauth_settings: Callable[..., None]) -> None:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    validate_schema(schema)
    operation = schema["paths"][URL]["post"]
    assert set(operation["requestBody"]["content"]) == {
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    }
    schemas = schema["components"]["schemas"]

    def named(content: Any) -> Any:
        return schemas[content["application/json"]["schema"]["$ref"].rpartition("/")[2]]["properties"]

    assert set(named(operation["requestBody"]["content"])) == set(body())
    assert list(operation["responses"]) == ["201", "400", "401", "429"]
    created = named(operation["responses"]["201"]["content"])
    assert {"token", "hint", "status", "expires_at"} <= set(created)
    assert created["scopes"]["type"] == "array"
    assert operation.get("security", [{}]) == [{}]
    tokenauth_settings(LOGIN_SCOPES=None)
    assert URL not in SchemaGenerator().get_schema(request=None, public=True)["paths"]

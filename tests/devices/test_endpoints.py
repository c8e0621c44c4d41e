"""What all addresses of the protocol have in common: who may call them, how, and outside of what."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import AsyncClient, Client
from django.urls import reverse

from tests.devices.device import application_version, now_ms
from tests.devices.installation import NO_ACTIVATION, Installation, activated, through
from tests.services.threads import at_once
from tokenauth.devices import lifecycle, urls
from tokenauth.devices.models import Activation, DeviceToken
from tokenauth.devices.protocol import activation_code
from tokenauth.devices.protocol.headers import SIGNATURE_HEADER
from tokenauth.devices.protocol.versions import Version
from tokenauth.exceptions import DeviceReason
from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from testproject.accounts.models import User

ADDRESSES = [pattern.name for pattern in urls.urlpatterns]
WRONG_PIN = (b"p" * 16, b"k" * 16)

pytestmark = pytest.mark.django_db


@pytest.fixture(params=ADDRESSES)
def path(request: pytest.FixtureRequest) -> str:
    return reverse(f"tokenauth_devices:{request.param}")


def test_they_are_where_sdks_call_them() -> None:
    assert [reverse(f"tokenauth_devices:{name}") for name in ADDRESSES] == [
        "/pa/v3/status",
        "/pa/v3/keystore/create",
        "/pa/v3/activation/create",
        "/pa/v3/activation/status",
        "/pa/v3/activation/remove",
        "/pa/v3/signature/validate",
        "/pa/v3/token/create",
        "/pa/v3/token/remove",
    ]


def test_the_time(client: Client) -> None:
    before = now_ms()
    answer = client.post("/pa/v3/status", b"", content_type="application/json")
    told = answer.json()["responseObject"]
    assert answer.json()["status"] == "OK"
    assert before <= told["serverTime"] <= now_ms() + 1
    assert set(told["application"]) == {"name", "version"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"3",
        b'"x"',
        b"{}",
        b"[" * 10_000,
        b'{"requestObject": null}',
        b'{"requestObject": {"jwt": "x", "activationId": "x", "tokenId": "\\ud800"}}',
        b'{"requestObject": ' + b'{"a":' * 1500 + b"1" + b"}" * 1501,
        b"9" * 5000,
        b"NaN",
    ],
    ids=lambda body: f"{len(body)} {body[:12]!r}",
)
def test_garbage_is_refused_in_the_one_form(client: Client, path: str, body: bytes) -> None:
    answer = client.post(path, body, content_type="application/json")
    if path == "/pa/v3/status":
        assert answer.status_code == 200
        return
    assert answer.status_code in (400, 401)
    assert answer.json()["status"] == "ERROR"
    assert set(answer.json()["responseObject"]) == {"code", "message"}
    assert answer["Cache-Control"] == "no-store"
    assert TokenLogin.objects.get().reason == DeviceReason.MALFORMED
    assert "WWW-Authenticate" not in answer


@pytest.mark.parametrize("length", [16_385, 3_000_000])
def test_what_is_too_long_is_not_read(client: Client, path: str, length: int) -> None:
    answer = client.post(path, b"x" * length, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["status"] == "ERROR"


def test_what_is_too_long_for_the_project(client: Client, path: str, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = client.post(path, b"x" * 101, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["status"] == "ERROR"


def test_a_body_that_lies_about_its_length(path: str) -> None:
    answer = Client().generic("POST", path, b"{}", "application/json", CONTENT_LENGTH="9" * 30)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_forms_are_none_of_what_devices_send(client: Client, path: str, content_type: str) -> None:
    answer = client.post(path, b"a=b", content_type=content_type)
    assert answer.status_code in (400, 401) or path == "/pa/v3/status"


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head"])
def test_other_methods(client: Client, path: str, method: str) -> None:
    answer = getattr(client, method)(path)
    if path == "/pa/v3/signature/validate" and method not in {"patch", "head"}:
        assert answer.status_code == 401
    else:
        assert answer.status_code == 405
    assert answer["Cache-Control"] == "no-store"


class TestWhoMayCall:
    def test_neither_a_session_nor_a_form_of_a_page_is_needed(self, alice: User, settings: Any) -> None:
        settings.MIDDLEWARE = [
            *settings.MIDDLEWARE,
            "django.contrib.auth.middleware.LoginRequiredMiddleware",
        ]
        client = Client(enforce_csrf_checks=True)
        device = activated(alice, send=through(client))
        assert device.validate().status == 200
        assert device.remove_token(device.create_token().id).status == 200
        assert device.installation.server_time_ms()
        assert device.status()
        assert device.send("/pa/v3/activation/remove").status == 200

    def test_whoever_is_served_by_asgi(self, alice: User) -> None:
        device = activated(alice, send=through(AsyncClient()))
        token = device.create_token()
        assert device.validate(keys=WRONG_PIN).status == 401
        assert device.status().failed_attempts == 1
        assert device.remove_token(token.id).status == 200
        assert device.send("/pa/v3/activation/remove").status == 200

    def test_a_session_is_no_help(self, alice: User, client: Client) -> None:
        client.force_login(alice)
        device = activated(alice, send=through(client))
        assert device.validate(keys=WRONG_PIN).status == 401

    def test_the_middleware_leaves_the_signature_to_them(
        self, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def judge(*args: Any) -> None:
            raise AssertionError

        monkeypatch.setattr("tokenauth.devices.verification._judge", judge)
        device = activated(alice)
        assert device.validate().status == 200
        # Judged twice, it would have been replayed; judged for another address, wrong.
        row = Activation.objects.get()
        assert (row.counter, row.failed_attempts) == (1, 0)
        assert not TokenLogin.objects.exists()

    def test_without_the_middleware(self, alice: User, settings: Any) -> None:
        settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if "tokenauth" not in each]
        device = activated(alice)
        assert device.validate(keys=WRONG_PIN).status == 401
        assert TokenLogin.objects.get().reason == DeviceReason.SIGNATURE
        assert device.validate().status == 200


class TestLoginLog:
    def test_what_is_refused(self, alice: User) -> None:
        device = activated(alice)
        device.validate(keys=WRONG_PIN)
        row = TokenLogin.objects.get()
        assert (row.id_type, row.success, row.user_id) == ("device", False, alice.pk)
        assert row.hint == f"activation {device.activation_id[:8]}…"
        assert row.reason == DeviceReason.SIGNATURE

    def test_what_is_accepted(self, alice: User, tokenauth_settings: Any) -> None:
        tokenauth_settings(RECORD_LOGIN_ATTEMPTS="all")
        device = activated(alice)
        assert not TokenLogin.objects.exists()
        device.validate()
        row = TokenLogin.objects.get()
        assert (row.id_type, row.success, row.user_id) == ("device", True, alice.pk)

    def test_what_is_refused_after_all(self, alice: User, tokenauth_settings: Any) -> None:
        tokenauth_settings(RECORD_LOGIN_ATTEMPTS="all")
        device = activated(alice)
        device.send("/pa/v3/token/create", b"{}")
        row = TokenLogin.objects.get()
        assert (row.success, row.reason, row.user_id) == (False, DeviceReason.ENCRYPTION, alice.pk)

    def test_no_part_of_a_code_is_kept(self, alice: User) -> None:
        release = application_version()
        new = lifecycle.create(alice, release.application)
        alice.is_active = False
        alice.save()
        Installation.of(release).try_to_activate(new.code)
        row = str(TokenLogin.objects.values().get())
        assert not any(group in row for group in new.code.split("-"))


def test_an_address_that_knows_nothing(alice: User, tokenauth_settings: Any) -> None:
    tokenauth_settings(FAILURE_LIMIT="3/min")
    device, release = activated(alice), application_version()
    stranger = Installation.of(release, Version.V3_2)
    code = activation_code.new_code
    # Of these, nothing is unknown: neither is a guess.
    assert device.validate(keys=WRONG_PIN).status == 401
    assert stranger.try_to_activate("ABCDE").status == 400
    for _ in range(3):
        assert stranger.try_to_activate(code()).refusal() == NO_ACTIVATION
    answer = stranger.try_to_activate(code())
    assert answer.refusal() == (429, "ERROR_GENERIC", "UNKNOWN_ERROR")
    assert device.validate().status == 429
    response = Client().post("/pa/v3/status", b"{}", content_type="application/json")
    assert 0 < int(response["Retry-After"]) <= 60
    assert TokenLogin.objects.count() == 5
    cache.clear()
    assert device.validate().status == 200


def test_a_key_that_is_missing_is_the_servers_fault(alice: User, settings: Any) -> None:
    device = activated(alice)
    settings.SECRET_KEY = "another" * 8
    with pytest.raises(ImproperlyConfigured):
        device.validate()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("atomic", [True, False])
class TestAtomicRequests:
    @pytest.fixture(autouse=True)
    def requests(self, atomic: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", atomic)

    def test_what_a_refused_request_counts_and_spends(self, alice: User) -> None:
        device = activated(alice)
        for _ in range(4):
            assert device.validate(keys=WRONG_PIN).status == 401
        assert Activation.objects.get().failed_attempts == 4
        assert device.send("/pa/v3/token/create", b"{}").status == 400
        row = Activation.objects.get()
        assert (row.counter, row.failed_attempts) == (5, 0)

    def test_five_wrong_passwords(self, alice: User) -> None:
        device = activated(alice)
        for _ in range(5):
            device.validate(keys=WRONG_PIN)
        assert Activation.objects.get().status == Activation.Status.BLOCKED
        assert device.validate().status == 401

    def test_what_raises_after_the_signature(self, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
        device = activated(alice)

        def fail(*args: Any) -> None:
            raise LookupError

        monkeypatch.setattr("tokenauth.devices.tokens.issue", fail)
        with pytest.raises(LookupError):
            device.try_to_create_token()
        assert Activation.objects.get().counter == 1
        assert not DeviceToken.objects.exists()

    def test_one_signature_in_several_requests_at_once(self, alice: User) -> None:
        device = activated(alice)
        header = device.signature("/pa/signature/validate", b"{}")
        send = partial(
            device.installation.send, "POST", "/pa/v3/signature/validate", b"{}", {SIGNATURE_HEADER: header}
        )
        answers, _ = at_once([send] * 4)
        assert sorted(answer.status for answer in answers) == [200, 401, 401, 401]
        assert Activation.objects.get().counter == 1

    def test_wrong_passwords_at_once_are_all_counted(self, alice: User) -> None:
        device = activated(alice)
        headers = [device.signature("/pa/signature/validate", b"{}", keys=WRONG_PIN) for _ in range(4)]
        answers, _ = at_once(
            [
                partial(
                    device.installation.send,
                    "POST",
                    "/pa/v3/signature/validate",
                    b"{}",
                    {SIGNATURE_HEADER: header},
                )
                for header in headers
            ]
        )
        assert [answer.status for answer in answers] == [401] * 4
        assert Activation.objects.get().failed_attempts == 4


def test_an_answer_is_json(client: Client, path: str) -> None:
    answer = client.post(path, b"{}", content_type="application/json")
    assert answer["Content-Type"] == "application/json"
    json.loads(answer.content)

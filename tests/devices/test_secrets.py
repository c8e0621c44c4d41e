"""What is secret of devices, and what would be good once more, is in no exception report and in no log."""

from __future__ import annotations

import base64
import json
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.db import OperationalError, connection
from django.test import Client

from tests.devices.installation import activated, through
from tests.devices.requests import SCOPES, URI_ID, ask, by_signature, by_token
from tests.test_secrets import reports_of
from tokenauth.devices import lifecycle
from tokenauth.devices.models import Activation, ApplicationVersion, TemporaryKey
from tokenauth.devices.protocol import elliptic_curve, temporary_keys
from tokenauth.devices.protocol.headers import SIGNATURE_HEADER, TOKEN_HEADER

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User
    from tests.devices.device import Device
    from tokenauth.devices.models import DeviceToken

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.devices.door_urls")]

BODY = b'{"pin": "correct horse battery"}'


@pytest.fixture(autouse=True)
def scopes(tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(DEVICE_TOKEN_SCOPES=SCOPES, RECORD_LOGIN_ATTEMPTS="all")


def written(octets: bytes) -> set[str]:
    """The forms in which somebody could read ``octets``."""
    return {base64.b64encode(octets).decode(), octets.hex(), repr(octets)[2:-1]}


def secrets_of(device: Device, token: DeviceToken) -> set[str]:
    keys = [getattr(device.keys, field.name) for field in fields(device.keys)]
    of_server = [ApplicationVersion.objects.get().secret, Activation.objects.get().server_private_key]
    texts = {text for octets in (token.secret, *keys, *of_server) for text in written(octets)}
    return {*texts, "correct horse battery"}


def fails_at(statement: int) -> Callable[..., Any]:
    """A database that is gone when it is sent the statement of this number."""
    sent = iter(range(100))

    def execute_or_fail(execute: Any, sql: str, *args: Any) -> Any:
        if "SAVEPOINT" not in sql and next(sent) == statement:
            raise OperationalError("the database is down")
        return execute(sql, *args)

    return execute_or_fail


# It looks up the token, and keeps the nonce.
@pytest.mark.parametrize("statement", range(2))
def test_where_the_database_fails_a_token_is_not_reported(
    statement: int, device: Device, token: DeviceToken, caplog: pytest.LogCaptureFixture
) -> None:
    header = device.token_header(token)
    secrets = secrets_of(device, token) | {header.partition('token_digest="')[2].partition('"')[0]}
    send = partial(ask, "reading", {TOKEN_HEADER: header}, client=Client(raise_request_exception=False))
    with connection.execute_wrapper(fails_at(statement)):
        reports = reports_of(send)
    assert "the database is down" in reports[0]
    for report in (*reports, caplog.text):
        assert not [secret for secret in secrets if secret in report]


# And then, when token and activation were used.
@pytest.mark.parametrize("statement", range(2, 4))
def test_where_no_more_than_the_time_cannot_be_kept_the_answer_stands(
    statement: int, device: Device, token: DeviceToken, caplog: pytest.LogCaptureFixture
) -> None:
    header = device.token_header(token)
    secrets = secrets_of(device, token) | {header.partition('token_digest="')[2].partition('"')[0]}
    with connection.execute_wrapper(fails_at(statement)):
        assert ask("reading", {TOKEN_HEADER: header}).status_code == 200
    assert "A last_used_at could not be written" in caplog.text
    assert "the database is down" in caplog.text
    assert not [secret for secret in secrets if secret in caplog.text]
    token.refresh_from_db()
    assert [row.last_used_at is None for row in (token, token.activation)].count(True) == 1


# It looks up the version, the activation and the user, and keeps the counter.
@pytest.mark.parametrize("statement", range(4))
def test_where_the_database_fails_a_signature_is_not_reported(
    statement: int, device: Device, token: DeviceToken, caplog: pytest.LogCaptureFixture
) -> None:
    header = device.signature(URI_ID, BODY)
    secrets = secrets_of(device, token) | {header.partition('pa_signature="')[2].partition('"')[0]}
    client = Client(raise_request_exception=False)
    send = partial(ask, "signed", {SIGNATURE_HEADER: header}, "POST", BODY, client=client)
    with connection.execute_wrapper(fails_at(statement)):
        reports = reports_of(send)
    assert "the database is down" in reports[0]
    for report in (*reports, caplog.text):
        assert not [secret for secret in secrets if secret in report]


# Each looks up the release first, then the activation and keys; the token is made before the last of these.
@pytest.mark.urls("testproject.urls")
@pytest.mark.parametrize(
    ("path", "statement"),
    [
        *(("/pa/v3/keystore/create", statement) for statement in range(3)),
        *(("/pa/v3/activation/create", statement) for statement in range(5)),
        *(("/pa/v3/token/create", statement) for statement in range(8)),
    ],
)
def test_where_the_database_fails_what_is_given_to_a_device_is_not_reported(
    path: str, statement: int, alice: User, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = activated(alice)
    release, activation = ApplicationVersion.objects.get(), Activation.objects.get()
    new = lifecycle.create(alice, release.application)
    installed, private, secret = device.installation, elliptic_curve.new_private_key(), b"of a new token  "
    headers: dict[str, str] = {}
    if path == "/pa/v3/keystore/create":
        text = temporary_keys.sign_request(installed.key_request(device.activation_id), device.request_key())
        body = json.dumps({"requestObject": {"jwt": text}}).encode()
    elif path == "/pa/v3/activation/create":
        body = json.dumps(installed.activation_request(new.code)[0]).encode()
        headers = installed.encryption_header()
    else:
        body, _ = device.token_request(device.temporary_key())
        headers = {SIGNATURE_HEADER: device.signature("/pa/token/create", body)}
    keys = [getattr(device.keys, field.name) for field in fields(device.keys)]
    of_server = [release.secret, activation.server_private_key, release.application.master_private_key]
    of_server += [key.private_key for key in TemporaryKey.objects.all()]
    octets = (*keys, *of_server, secret, elliptic_curve.private_octets(private))
    secrets = {new.code, *(text for each in octets for text in written(each))}
    monkeypatch.setattr(elliptic_curve, "new_private_key", lambda: private)
    monkeypatch.setattr("tokenauth.devices.tokens.new_secret", lambda: secret)
    send = partial(through(Client(raise_request_exception=False)), "POST", path, body, headers)
    with connection.execute_wrapper(fails_at(statement)):
        reports = reports_of(send)
    assert "the database is down" in reports[0]
    for report in (*reports, caplog.text):
        assert not [secret for secret in secrets if secret in report]


def test_nothing_of_it_is_stored_or_logged(
    device: Device, token: DeviceToken, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    secrets = secrets_of(device, token)
    answers = [
        by_token(device, token),
        by_token(device, token, "reading", "POST"),
        by_token(device, token, secret=b"x" * 16),
        by_signature(device, "signed", BODY),
        by_signature(device, "signed", BODY, keys=(b"p" * 16, b"k" * 16)),
        by_signature(device, "reading", BODY),
    ]
    shown = "".join(f"{answer.content.decode()}{dict(answer.items())}" for answer in answers)
    rows = "".join(str(row) for model in apps.get_models() for row in model._base_manager.values())
    assert str(token.pk) in rows
    for text in (shown, rows, caplog.text):
        assert not [secret for secret in secrets if secret in text]

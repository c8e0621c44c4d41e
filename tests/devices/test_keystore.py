"""The keys for which devices encrypt in 3.3: who is given one, and for how long it is good."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone

from tests.devices.device import application_version, now_ms
from tests.devices.installation import (
    NO_TEMPORARY_KEY,
    ActivatedDevice,
    Answer,
    Installation,
    activated,
)
from tokenauth.devices import lifecycle
from tokenauth.devices.models import Activation, ApplicationVersion, TemporaryKey
from tokenauth.devices.protocol import elliptic_curve, json_web_token, temporary_keys
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.octets import encoded
from tokenauth.exceptions import DeviceReason
from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def release(db: None) -> ApplicationVersion:
    return application_version()


@pytest.fixture
def device(alice: User, release: ApplicationVersion) -> ActivatedDevice:
    return activated(alice, release=release)


@pytest.fixture
def installed(release: ApplicationVersion) -> Installation:
    return Installation.of(release)


def logged() -> str:
    return TokenLogin.objects.get().reason


def test_for_what_any_installation_may_send(installed: Installation, release: ApplicationVersion) -> None:
    now = timezone.now().replace(microsecond=0)
    with time_machine.travel(now, tick=False):
        key = installed.temporary_key()
        assert key is not None
        assert key.issued_at_ms == now_ms()
        assert key.expires_at_ms == now_ms() + 5 * 60 * 1000
    row = TemporaryKey.objects.get()
    assert (str(row.pk), row.version, row.activation) == (key.key_id, release, None)
    assert row.expires_at == now + timedelta(minutes=5)
    private = elliptic_curve.private_key(row.private_key)
    assert private.public_key() == key.public_key
    assert encoded(row.private_key) not in row.encrypted_private_key
    assert not TokenLogin.objects.exists()


def test_for_one_device(device: ActivatedDevice, release: ApplicationVersion) -> None:
    key = device.temporary_key()
    assert key is not None
    row = TemporaryKey.objects.get(pk=key.key_id)
    assert (row.version, str(row.activation_id)) == (release, device.activation_id)


def test_it_is_the_servers_who_answers(installed: Installation, device: ActivatedDevice) -> None:
    request = installed.key_request()
    key = temporary_keys.request_key(installed.configuration.application_secret)
    text = installed.ask_for_key(request, key).okay()["jwt"]
    temporary_keys.verify_response(text, request, installed.configuration.master_public_key)
    for public, asked in (
        (elliptic_curve.new_private_key().public_key(), request),
        (device.server_public_key, request),
        (installed.configuration.master_public_key, installed.key_request()),
    ):
        with pytest.raises(ProtocolError):
            temporary_keys.verify_response(text, asked, public)


def test_each_time_another(installed: Installation) -> None:
    first, second = installed.temporary_key(), installed.temporary_key()
    assert first is not None
    assert second is not None
    assert first.key_id != second.key_id
    assert first.public_key != second.public_key


def test_who_asks_for_many_leaves_no_more_than_are_good(installed: Installation) -> None:
    now, counts = timezone.now(), []
    with time_machine.travel(now - timedelta(minutes=6)):
        for _ in range(5):
            installed.temporary_key()
    with time_machine.travel(now):
        for _ in range(4):
            installed.temporary_key()
            counts.append(TemporaryKey.objects.count())
    assert counts == [4, 3, 3, 4]


def test_as_long_as_a_request_is_accepted(
    device: ActivatedDevice, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(DEVICE_CLOCK_TOLERANCE=timedelta(minutes=2))
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        key = device.temporary_key()
    for after, status in ((timedelta(seconds=119), 200), (timedelta(minutes=2), 400)):
        with time_machine.travel(now + after, tick=False):
            body, _ = device.token_request(key)
            assert device.send("/pa/v3/token/create", body).status == status
    assert logged() == DeviceReason.ENCRYPTION


def test_a_device_is_told_to_ask_for_another(device: ActivatedDevice) -> None:
    body, _ = device.token_request(device.temporary_key())
    TemporaryKey.objects.all().delete()
    assert device.send("/pa/v3/token/create", body).refusal() == NO_TEMPORARY_KEY
    assert device.create_token()


def test_a_key_of_another_device(device: ActivatedDevice, alice: User, release: ApplicationVersion) -> None:
    other = activated(alice, release=release)
    for key in (other.temporary_key(), device.installation.temporary_key()):
        body, _ = device.token_request(key)
        assert device.send("/pa/v3/token/create", body).refusal() == NO_TEMPORARY_KEY


def test_where_the_version_is_not_accepted(
    installed: Installation, device: ActivatedDevice, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(DEVICE_PROTOCOL_VERSIONS=["3.2"])
    key = temporary_keys.request_key(installed.configuration.application_secret)
    assert installed.ask_for_key(installed.key_request(), key).refusal() == NO_TEMPORARY_KEY
    assert logged() == DeviceReason.VERSION


def test_an_application_that_is_unknown(installed: Installation) -> None:
    request = temporary_keys.TemporaryKeyRequest(encoded(b"k" * 16), "challenge")
    key = temporary_keys.request_key(installed.configuration.application_secret)
    assert installed.ask_for_key(request, key).refusal() == NO_TEMPORARY_KEY
    assert logged() == DeviceReason.VERSION


def test_a_signature_that_is_wrong(installed: Installation, device: ActivatedDevice) -> None:
    secret = installed.configuration.application_secret
    of_application = temporary_keys.request_key(secret)
    for request, key in (
        (installed.key_request(), b"x" * 16),
        (installed.key_request(), device.request_key()),
        (installed.key_request(device.activation_id), of_application),
        (installed.key_request(device.activation_id), temporary_keys.request_key(secret, b"x" * 16)),
    ):
        assert installed.ask_for_key(request, key).refusal() == NO_TEMPORARY_KEY
    assert set(TokenLogin.objects.values_list("reason", flat=True)) == {DeviceReason.SIGNATURE}
    assert TemporaryKey.objects.count() == 1  # that of the activation itself


class TestActivations:
    def test_one_that_there_is_not(self, device: ActivatedDevice) -> None:
        request = device.installation.key_request(str(uuid4()))
        answer = device.installation.ask_for_key(request, device.request_key())
        assert answer.refusal() == NO_TEMPORARY_KEY
        assert logged() == DeviceReason.UNKNOWN

    def test_one_without_a_device(
        self, installed: Installation, alice: User, release: ApplicationVersion
    ) -> None:
        new = lifecycle.create(alice, release.application)
        key = temporary_keys.request_key(installed.configuration.application_secret)
        answer = installed.ask_for_key(installed.key_request(str(new.activation.pk)), key)
        assert answer.refusal() == NO_TEMPORARY_KEY
        assert logged() == DeviceReason.UNKNOWN

    def test_one_of_another_application(self, device: ActivatedDevice) -> None:
        other = Installation.of(application_version("Another"))
        request = other.key_request(device.activation_id)
        key = temporary_keys.request_key(other.configuration.application_secret, device.keys.transport)
        assert other.ask_for_key(request, key).refusal() == NO_TEMPORARY_KEY
        assert logged() == DeviceReason.UNKNOWN

    def test_one_that_was_removed(self, device: ActivatedDevice) -> None:
        request = device.installation.key_request(device.activation_id)
        lifecycle.remove(Activation.objects.get())
        answer = device.installation.ask_for_key(request, device.request_key())
        assert answer.refusal() == NO_TEMPORARY_KEY

    def test_one_that_waits_or_is_blocked(self, device: ActivatedDevice) -> None:
        for status in (Activation.Status.PENDING_COMMIT, Activation.Status.BLOCKED):
            Activation.objects.update(status=status)
            assert device.temporary_key() is not None


@pytest.mark.parametrize(
    "jwt",
    [
        None,
        "",
        7,
        {},
        "x",
        "a.b.c",
        "é.é.é",
        "." * 3000,
        "x" * 9000,
        json_web_token.sign_hs256({"challenge": "x"}, b"k" * 16),
        json_web_token.sign_hs256({"applicationKey": "x", "challenge": "x"}, b"k" * 16),
        json_web_token.sign_hs256({"applicationKey": 1, "challenge": []}, b"k" * 16),
        json_web_token.sign_hs256(
            {"applicationKey": encoded(b"k" * 16), "challenge": "x", "activationId": "'"}, b"k" * 16
        ),
    ],
    ids=lambda jwt: str(jwt)[:20],
)
def test_a_question_that_is_malformed(installed: Installation, jwt: Any) -> None:
    answer: Answer = installed.post("/pa/v3/keystore/create", {"requestObject": {"jwt": jwt}})
    assert answer.refusal() == NO_TEMPORARY_KEY
    assert logged() == DeviceReason.MALFORMED
    assert not TemporaryKey.objects.exists()


def test_what_says_that_it_is_not_signed(installed: Installation) -> None:
    request, key = (
        installed.key_request(),
        temporary_keys.request_key(installed.configuration.application_secret),
    )
    header, claims, signature = temporary_keys.sign_request(request, key).split(".")
    unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
    for text in (f"{unsigned}.{claims}.", f"{unsigned}.{claims}.{signature}", f"{header}.{claims}."):
        answer = installed.post("/pa/v3/keystore/create", {"requestObject": {"jwt": text}})
        assert answer.refusal() == NO_TEMPORARY_KEY

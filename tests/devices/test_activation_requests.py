"""A device takes an activation by its code, and asks how it stands: over HTTP, on each version."""

from __future__ import annotations

import base64
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone

from tests.devices.device import active_device, application_version, now_ms
from tests.devices.installation import (
    NO_ACTIVATION,
    NO_TEMPORARY_KEY,
    NOT_OPENED,
    ActivatedDevice,
    Answer,
    Installation,
)
from tests.services.threads import at_once
from tokenauth.devices import key_exchange, lifecycle
from tokenauth.devices.exceptions import DeviceError
from tokenauth.devices.models import Activation, ApplicationVersion, TemporaryKey
from tokenauth.devices.protocol import activation_code, elliptic_curve
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.headers import ENCRYPTION_HEADER
from tokenauth.devices.protocol.octets import encoded
from tokenauth.devices.protocol.status_blob import ActivationStatus
from tokenauth.devices.protocol.versions import Version
from tokenauth.exceptions import DeviceReason
from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

VERSIONS = [Version.V3_1, Version.V3_2, Version.V3_3]
Status = Activation.Status


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> Version:
    return request.param


@pytest.fixture
def release(db: None) -> ApplicationVersion:
    return application_version()


@pytest.fixture
def installed(release: ApplicationVersion, version: Version) -> Installation:
    return Installation.of(release, version)


@pytest.fixture
def new(alice: User, release: ApplicationVersion) -> lifecycle.NewActivation:
    return lifecycle.create(alice, release.application)


def stored() -> Activation:
    return Activation.objects.get()


def logged() -> str:
    """The reason that the login log has of the only attempt."""
    return TokenLogin.objects.get().reason


class TestCreate:
    def test_a_device_takes_it_and_waits(
        self, installed: Installation, new: lifecycle.NewActivation, release: ApplicationVersion
    ) -> None:
        now = timezone.now().replace(microsecond=0)
        with time_machine.travel(now, tick=False):
            device = installed.activate(new.code)
        row = stored()
        assert str(row.pk) == device.activation_id
        assert (row.status, row.version, row.committed_at) == (Status.PENDING_COMMIT, release, None)
        assert (row.name, row.platform, row.device_info) == ("Petra's tablet", "android", "SM-X200")
        assert row.counter_data == device.counter.hex()
        assert (row.counter, row.failed_attempts) == (0, 0)
        # It has so long again to be committed.
        assert row.expires_at == now + timedelta(minutes=5)
        assert not TokenLogin.objects.exists()

    def test_version_3_0_where_it_is_accepted(
        self,
        release: ApplicationVersion,
        new: lifecycle.NewActivation,
        tokenauth_settings: Callable[..., None],
    ) -> None:
        installed = Installation.of(release, Version.V3_0)
        assert installed.try_to_activate(new.code).refusal() == NO_ACTIVATION
        assert logged() == DeviceReason.VERSION
        tokenauth_settings(DEVICE_PROTOCOL_VERSIONS=["3.0"])
        device = installed.activate(new.code)
        lifecycle.commit(new.activation)
        assert device.status().status is ActivationStatus.ACTIVE
        assert device.validate().status == 200
        assert device.create_token()

    def test_whoever_has_the_code_is_let_in_at_once_where_that_was_said(
        self, installed: Installation, alice: User, release: ApplicationVersion
    ) -> None:
        new = lifecycle.create(alice, release.application, commit_at_once=True)
        device = installed.activate(new.code)
        assert stored().status == Status.ACTIVE
        assert stored().committed_at is not None
        assert device.validate().status == 200

    def test_the_code_is_good_once(self, installed: Installation, new: lifecycle.NewActivation) -> None:
        first = installed.activate(new.code)
        assert installed.try_to_activate(new.code).refusal() == NO_ACTIVATION
        assert logged() == DeviceReason.UNKNOWN
        assert stored().code_digest is None
        lifecycle.commit(new.activation)
        assert first.validate().status == 200

    def test_the_same_request_is_good_once(
        self, installed: Installation, new: lifecycle.NewActivation
    ) -> None:
        request, _, _ = installed.activation_request(new.code)
        post = partial(installed.post, "/pa/v3/activation/create", request, installed.encryption_header())
        assert post().status == 200
        before = stored().device_public_key, stored().counter_data
        assert post().refusal() == NO_ACTIVATION
        assert (stored().device_public_key, stored().counter_data) == before

    def test_a_point_in_full(self, installed: Installation, new: lifecycle.NewActivation) -> None:
        private = elliptic_curve.new_private_key()
        answer = installed.try_to_activate(
            new.code, devicePublicKey=encoded(elliptic_curve.public_octets(private.public_key()))
        )
        assert answer.status == 200
        compressed = elliptic_curve.public_octets(private.public_key(), compressed=True)
        assert stored().device_public_key == encoded(compressed)

    @pytest.mark.parametrize(
        ("said", "kept"),
        [
            ({"activationName": None, "platform": None, "deviceInfo": None}, ("", "", "")),
            ({"activationName": "x" * 300, "platform": "p" * 300}, ("x" * 255, "p" * 64, "SM-X200")),
            ({"activationName": "a\x00b\u202e\ud800c\n"}, ("abc", "android", "SM-X200")),
            ({"activationName": "Pëtra’s 📱"}, ("Pëtra’s 📱", "android", "SM-X200")),
        ],
    )
    def test_what_a_device_says_of_itself_can_be_stored_and_shown(
        self, release: ApplicationVersion, new: lifecycle.NewActivation, said: Any, kept: Any
    ) -> None:
        assert Installation.of(release).try_to_activate(new.code, **said).status == 200
        assert (stored().name, stored().platform, stored().device_info) == kept

    def test_what_has_expired(self, installed: Installation, new: lifecycle.NewActivation) -> None:
        with time_machine.travel(new.activation.expires_at - timedelta(seconds=1), tick=False):
            request = installed.activation_request(new.code)[0]
        with time_machine.travel(new.activation.expires_at, tick=False):
            assert installed.try_to_activate(new.code).refusal() == NO_ACTIVATION
        assert logged() == DeviceReason.REMOVED
        assert stored().status == Status.CREATED
        with time_machine.travel(new.activation.expires_at - timedelta(seconds=1), tick=False):
            answer = installed.post("/pa/v3/activation/create", request, installed.encryption_header())
        assert answer.status == 200

    def test_a_code_of_another_application(self, alice: User, new: lifecycle.NewActivation) -> None:
        other = Installation.of(application_version("Another"))
        assert other.try_to_activate(new.code).refusal() == NO_ACTIVATION
        assert logged() == DeviceReason.UNKNOWN
        assert stored().status == Status.CREATED

    @pytest.mark.parametrize(
        ("code", "reason"),
        [
            (activation_code.from_octets(b"0123456789"), DeviceReason.UNKNOWN),
            ("ABCDE-ABCDE-ABCDE-ABCDE", DeviceReason.MALFORMED),
            ("'; DROP TABLE", DeviceReason.MALFORMED),
            ("\ud800", DeviceReason.MALFORMED),
            ("X" * 5000, DeviceReason.MALFORMED),
        ],
    )
    def test_a_code_that_is_none(
        self, release: ApplicationVersion, new: lifecycle.NewActivation, code: str, reason: DeviceReason
    ) -> None:
        assert Installation.of(release).try_to_activate(code).refusal() == NO_ACTIVATION
        assert logged() == reason

    def test_a_user_who_was_deactivated(
        self, release: ApplicationVersion, new: lifecycle.NewActivation, alice: User
    ) -> None:
        alice.is_active = False
        alice.save()
        assert Installation.of(release).try_to_activate(new.code).refusal() == NO_ACTIVATION
        row = TokenLogin.objects.get()
        assert (row.reason, row.user_id) == (DeviceReason.USER_INACTIVE, alice.pk)

    def test_what_was_removed(self, release: ApplicationVersion, new: lifecycle.NewActivation) -> None:
        lifecycle.remove(new.activation)
        assert Installation.of(release).try_to_activate(new.code).refusal() == NO_ACTIVATION
        assert stored().device_public_key == ""

    def test_a_release_that_is_not_supported_any_more(
        self, installed: Installation, release: ApplicationVersion, new: lifecycle.NewActivation
    ) -> None:
        request, _, _ = installed.activation_request(new.code)
        release.is_supported = False
        release.save()
        post = partial(installed.post, "/pa/v3/activation/create", request, installed.encryption_header())
        assert post().refusal() == NO_ACTIVATION
        assert logged() == DeviceReason.VERSION
        release.is_supported = True
        release.save()
        assert post().status == 200

    def test_a_one_time_password_that_nobody_asked_for(
        self, installed: Installation, new: lifecycle.NewActivation
    ) -> None:
        assert installed.try_to_activate(new.code, activationOtp="1234").refusal() == NO_ACTIVATION
        assert logged() == DeviceReason.MALFORMED
        assert stored().status == Status.CREATED
        assert installed.try_to_activate(new.code, activationOtp=None).status == 200

    @pytest.mark.parametrize(
        "said",
        [
            {"devicePublicKey": None},
            {"devicePublicKey": 3},
            {"devicePublicKey": "!"},
            {"devicePublicKey": encoded(b"\x02" + b"\xff" * 32)},
            {"devicePublicKey": encoded(b"\x04" + b"\x01" * 64)},
            {"devicePublicKey": encoded(b"\x00")},
            {"activationName": 3},
            {"platform": ["android"]},
            {"activationOtp": {}},
        ],
        ids=repr,
    )
    def test_a_device_that_is_malformed(
        self, installed: Installation, new: lifecycle.NewActivation, said: Any
    ) -> None:
        assert installed.try_to_activate(new.code, **said).refusal() == NO_ACTIVATION
        assert logged() == DeviceReason.MALFORMED
        assert stored().status == Status.CREATED

    @pytest.mark.parametrize(
        "change",
        [
            {"type": "DIRECT"},
            {"type": None},
            {"type": []},
            {"identityAttributes": None},
            {"identityAttributes": {"code": None}},
            {"identityAttributes": {"code": 12}},
            {"activationData": None},
            {"activationData": "x"},
        ],
        ids=repr,
    )
    def test_a_message_that_is_malformed(
        self, installed: Installation, new: lifecycle.NewActivation, change: Any
    ) -> None:
        key, private = installed.temporary_key(), elliptic_curve.new_private_key()
        described = {"devicePublicKey": encoded(elliptic_curve.public_octets(private.public_key()))}
        inner, _ = installed.encrypt("/pa/activation", described, key)
        members = {"type": "CODE", "identityAttributes": {"code": new.code}, "activationData": inner}
        outer, _ = installed.encrypt("/pa/generic/application", members | change, key)
        answer = installed.post("/pa/v3/activation/create", outer, installed.encryption_header())
        assert answer.refusal() == NO_ACTIVATION
        assert logged() == DeviceReason.MALFORMED

    @pytest.mark.parametrize("plaintext", [b"", b"[]", b"\xff", b"[" * 5000, b'{"a":'], ids=len)
    def test_what_is_encrypted_is_no_object(self, installed: Installation, plaintext: bytes) -> None:
        outer, _ = installed.encrypt("/pa/generic/application", plaintext, installed.temporary_key())
        answer = installed.post("/pa/v3/activation/create", outer, installed.encryption_header())
        assert answer.refusal() == NOT_OPENED
        assert logged() == DeviceReason.ENCRYPTION

    @pytest.mark.parametrize(
        "change",
        [
            {"ephemeralPublicKey": encoded(b"\x02" + b"\xff" * 32)},
            {"ephemeralPublicKey": encoded(b"\x04" + b"\x01" * 64)},
            {"ephemeralPublicKey": None},
            {"ephemeralPublicKey": 7},
            {"encryptedData": encoded(b"x" * 32)},
            {"encryptedData": ""},
            {"mac": encoded(b"x" * 32)},
            {"mac": "short"},
            {"nonce": None},
            {"nonce": encoded(b"x" * 15)},
            {"timestamp": "now"},
            {"timestamp": -1},
            {"timestamp": 2**63},
            {"timestamp": True},
            {"temporaryKeyId": "x"},
            {"temporaryKeyId": 3},
        ],
        ids=repr,
    )
    def test_what_cannot_be_opened(
        self, installed: Installation, new: lifecycle.NewActivation, change: Any
    ) -> None:
        request, _, _ = installed.activation_request(new.code)
        answer = installed.post("/pa/v3/activation/create", request | change, installed.encryption_header())
        assert answer.refusal() == NOT_OPENED
        assert logged() == DeviceReason.ENCRYPTION
        assert stored().status == Status.CREATED

    def test_a_nonce_that_is_another(self, new: lifecycle.NewActivation, release: ApplicationVersion) -> None:
        # Before, it is not authenticated.
        for version in (Version.V3_2, Version.V3_3):
            installed = Installation.of(release, version)
            request, _, _ = installed.activation_request(new.code)
            request["nonce"] = encoded(b"x" * 16)
            answer = installed.post("/pa/v3/activation/create", request, installed.encryption_header())
            assert answer.refusal() == NOT_OPENED

    def test_the_inner_layer_alone(self, installed: Installation, new: lifecycle.NewActivation) -> None:
        inner, _ = installed.encrypt("/pa/activation", {}, installed.temporary_key())
        answer = installed.post("/pa/v3/activation/create", inner, installed.encryption_header())
        assert answer.refusal() == NOT_OPENED

    @pytest.mark.parametrize("edge", [1, -1])
    def test_the_time_at_its_edges(
        self, release: ApplicationVersion, new: lifecycle.NewActivation, edge: int
    ) -> None:
        now = timezone.now().replace(microsecond=0)
        installed, tolerance_ms = Installation.of(release, Version.V3_2), 5 * 60 * 1000
        with time_machine.travel(now, tick=False):
            stamped = partial(self._stamped, installed, new.code)
            assert stamped(now_ms() + edge * (tolerance_ms + 1)).refusal() == NOT_OPENED
            assert logged() == DeviceReason.CLOCK
            assert stamped(now_ms() + edge * tolerance_ms).status == 200

    @staticmethod
    def _stamped(installed: Installation, code: str, timestamp_ms: int) -> Answer:
        octets = elliptic_curve.public_octets(elliptic_curve.new_private_key().public_key())
        inner, _ = installed.encrypt(
            "/pa/activation", {"devicePublicKey": encoded(octets)}, None, timestamp_ms=timestamp_ms
        )
        members = {"type": "CODE", "identityAttributes": {"code": code}, "activationData": inner}
        outer, _ = installed.encrypt("/pa/generic/application", members, None, timestamp_ms=timestamp_ms)
        return installed.post("/pa/v3/activation/create", outer, installed.encryption_header())

    @pytest.mark.parametrize(
        "header",
        [
            None,
            "",
            "PowerAuth",
            'PowerAuth version="3.3"',
            'PowerAuth version="2.1", application_key="{key}"',
            'PowerAuth version="3.3", version="3.3", application_key="{key}"',
            'PowerAuth version="3.2", application_key="{key}"',
            'PowerAuth version="3.3", application_key="AAAAAAAAAAAAAAAAAAAAAA=="',
            'PowerAuth version="3.3", application_key="x"',
            'Bearer version="3.3", application_key="{key}"',
            'PowerAuth version="3.3", application_key="{key}"' + " " * 2000,
            'PowerAuth version="3.3", application_key="{key}é"',
        ],
    )
    def test_a_header_that_is_another(
        self, release: ApplicationVersion, new: lifecycle.NewActivation, header: str | None
    ) -> None:
        installed = Installation.of(release)
        request, _, _ = installed.activation_request(new.code)
        headers = {} if header is None else {ENCRYPTION_HEADER: header.replace("{key}", release.key)}
        answer = installed.post("/pa/v3/activation/create", request, headers)
        assert answer.refusal() in (NO_ACTIVATION, NOT_OPENED)
        assert TokenLogin.objects.count() == 1
        assert stored().status == Status.CREATED
        answer = installed.post("/pa/v3/activation/create", request, installed.encryption_header())
        assert answer.status == 200

    def test_a_temporary_key_that_has_ended(
        self, release: ApplicationVersion, new: lifecycle.NewActivation
    ) -> None:
        installed = Installation.of(release)
        request, _, _ = installed.activation_request(new.code)
        TemporaryKey.objects.update(expires_at=timezone.now())
        post = partial(installed.post, "/pa/v3/activation/create", request, installed.encryption_header())
        # The device may ask for another.
        assert post().refusal() == NO_TEMPORARY_KEY
        assert logged() == DeviceReason.ENCRYPTION
        TemporaryKey.objects.all().delete()
        assert post().refusal() == NO_TEMPORARY_KEY
        assert installed.try_to_activate(new.code).status == 200

    def test_a_temporary_key_of_another_release_or_of_a_device(
        self, release: ApplicationVersion, new: lifecycle.NewActivation, alice: User
    ) -> None:
        installed = Installation.of(release)
        _, other = active_device(alice, release)
        newer = ApplicationVersion(application=release.application, name="2", key=encoded(b"k" * 16))
        newer.secret = b"s" * 16
        newer.save()
        for changes in ({"version": newer}, {"activation": other}):
            request, _, _ = installed.activation_request(new.code)
            TemporaryKey.objects.update(**changes)
            answer = installed.post("/pa/v3/activation/create", request, installed.encryption_header())
            assert answer.refusal() == NO_TEMPORARY_KEY

    def test_of_two_that_have_found_it_one_has_it(
        self, new: lifecycle.NewActivation, release: ApplicationVersion
    ) -> None:
        first, second = (key_exchange.find(new.code, release) for _ in range(2))
        point = elliptic_curve.new_private_key().public_key()
        key_exchange.take(first, key_exchange.NewDevice(point, "first", "", ""), release)
        with pytest.raises(DeviceError) as refused:
            key_exchange.take(second, key_exchange.NewDevice(point, "second", "", ""), release)
        assert refused.value.reason == DeviceReason.UNKNOWN
        assert stored().name == "first"

    def test_what_ended_meanwhile_is_not_taken(
        self, new: lifecycle.NewActivation, release: ApplicationVersion
    ) -> None:
        found = key_exchange.find(new.code, release)
        lifecycle.remove(new.activation)
        point = elliptic_curve.new_private_key().public_key()
        with pytest.raises(DeviceError):
            key_exchange.take(found, key_exchange.NewDevice(point, "", "", ""), release)
        assert stored().status == Status.REMOVED

    @pytest.mark.django_db(transaction=True)
    def test_of_devices_at_once_one_has_it(
        self, release: ApplicationVersion, new: lifecycle.NewActivation
    ) -> None:
        devices = [Installation.of(release, Version.V3_2) for _ in range(4)]
        answers, _ = at_once([partial(device.try_to_activate, new.code) for device in devices])
        assert sorted(answer.status for answer in answers) == [200, 400, 400, 400]
        assert stored().status == Status.PENDING_COMMIT


class TestStatus:
    @pytest.fixture
    def device(self, installed: Installation, new: lifecycle.NewActivation) -> ActivatedDevice:
        return installed.activate(new.code)

    def test_from_the_code_to_the_end(
        self, device: ActivatedDevice, new: lifecycle.NewActivation, alice: User
    ) -> None:
        assert device.status().status is ActivationStatus.PENDING_COMMIT
        lifecycle.commit(new.activation)
        assert device.status().status is ActivationStatus.ACTIVE
        lifecycle.block(new.activation)
        assert device.status().status is ActivationStatus.BLOCKED
        lifecycle.unblock(new.activation)
        assert device.status().status is ActivationStatus.ACTIVE
        lifecycle.remove(new.activation)
        # The only thing that its keys are still good for.
        assert device.status().status is ActivationStatus.REMOVED
        assert stored().encrypted_server_private_key == ""

    def test_what_was_removed_while_its_keys_could_not_be_read(
        self, device: ActivatedDevice, new: lifecycle.NewActivation, settings: Any
    ) -> None:
        settings.SECRET_KEY = "another" * 8
        lifecycle.remove(new.activation)
        row = stored()
        assert (row.status, row.encrypted_server_private_key) == (Status.REMOVED, "")
        with pytest.raises(ProtocolError):
            device.status()

    def test_counters(self, device: ActivatedDevice, new: lifecycle.NewActivation) -> None:
        lifecycle.commit(new.activation)
        told = device.status()
        assert (told.counter_byte, told.failed_attempts, told.max_failed_attempts) == (0, 0, 5)
        assert (told.look_ahead, told.current_version, told.upgrade_version) == (20, 3, 3)
        assert device.is_at(told)
        assert device.validate().status == 200
        assert not device.is_at(told)
        assert device.is_at(device.status())
        assert device.validate(keys=(b"p" * 16, b"k" * 16)).status == 401
        told = device.status()
        assert (told.counter_byte, told.failed_attempts) == (1, 1)
        Activation.objects.update(counter=258, failed_attempts=4)
        told = device.status()
        assert (told.counter_byte, told.failed_attempts) == (2, 4)

    def test_what_was_not_committed_in_time(
        self, device: ActivatedDevice, new: lifecycle.NewActivation
    ) -> None:
        expires_at = stored().expires_at
        with time_machine.travel(expires_at - timedelta(seconds=1), tick=False):
            assert device.status().status is ActivationStatus.PENDING_COMMIT
        with time_machine.travel(expires_at, tick=False):
            assert device.status().status is ActivationStatus.REMOVED

    def test_nobody_learns_which_there_are(self, device: ActivatedDevice, alice: User) -> None:
        created = lifecycle.create(alice, stored().application).activation
        answers = [self._ask(device, str(id_)) for id_ in (device.activation_id, created.pk, uuid4())]
        for answer in answers:
            told = answer.okay()
            assert set(told) == {"activationId", "encryptedStatusBlob", "nonce"}
            assert len(base64.b64decode(told["encryptedStatusBlob"])) == 32
            assert len(base64.b64decode(told["nonce"])) == 16
        device.activation_id = str(created.pk)
        with pytest.raises(ProtocolError):
            device.status()

    def test_no_answer_is_that_of_before(self, device: ActivatedDevice) -> None:
        for id_ in (device.activation_id, str(uuid4())):
            first, second = (self._ask(device, id_).okay() for _ in range(2))
            assert first["nonce"] != second["nonce"]
            assert first["encryptedStatusBlob"] != second["encryptedStatusBlob"]

    @pytest.mark.parametrize(
        "asked",
        [
            {"activationId": None},
            {"activationId": "x"},
            {"activationId": 3},
            {"activationId": "A" * 36},
            {"challenge": None},
            {"challenge": "x"},
            {"challenge": encoded(b"x" * 15)},
            {"challenge": 16},
        ],
        ids=repr,
    )
    def test_a_question_that_is_malformed(self, device: ActivatedDevice, asked: Any) -> None:
        asked = {"activationId": device.activation_id, "challenge": encoded(b"c" * 16)} | asked
        answer = device.installation.post("/pa/v3/activation/status", {"requestObject": asked})
        assert answer.refusal() == NO_ACTIVATION

    @staticmethod
    def _ask(device: ActivatedDevice, activation_id: str) -> Answer:
        asked = {"activationId": activation_id, "challenge": encoded(b"c" * 16)}
        return device.installation.post("/pa/v3/activation/status", {"requestObject": asked})

"""What a device signs of the protocol itself: tokens made and ended, its end, and a signature alone."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.devices.device import application_version
from tests.devices.installation import (
    MALFORMED,
    NOT_OPENED,
    UNAUTHENTICATED,
    ActivatedDevice,
    activated,
)
from tokenauth.devices import lifecycle
from tokenauth.devices.models import Activation, DeviceToken
from tokenauth.devices.protocol.headers import SIGNATURE_HEADER, TOKEN_HEADER
from tokenauth.devices.protocol.octets import encoded
from tokenauth.devices.protocol.signatures import SignatureType
from tokenauth.devices.protocol.status_blob import ActivationStatus
from tokenauth.devices.protocol.versions import Version
from tokenauth.exceptions import DeviceReason
from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

VALIDATE = "/pa/v3/signature/validate"
CREATE = "/pa/v3/token/create"
REMOVE = "/pa/v3/token/remove"
END = "/pa/v3/activation/remove"


@pytest.fixture(params=[Version.V3_1, Version.V3_2, Version.V3_3])
def device(request: pytest.FixtureRequest, alice: User) -> ActivatedDevice:
    return activated(alice, request.param)


def reasons() -> list[str]:
    return list(TokenLogin.objects.order_by("pk").values_list("reason", flat=True))


def stored(device: ActivatedDevice) -> Activation:
    return Activation.objects.get(pk=device.activation_id)


class TestSignature:
    @pytest.mark.parametrize("factors", SignatureType)
    @pytest.mark.parametrize(
        ("method", "query", "body", "signed"),
        [
            ("POST", "", b'{"amount": 100}', b'{"amount": 100}'),
            ("POST", "?amount=100", b"", b""),
            ("PUT", "", b"\x00\xff not JSON", b"\x00\xff not JSON"),
            ("GET", "", b"", b""),
            ("GET", "?b=2&a=%20x&a=1", b"", b"a=+x&a=1&b=2"),
            ("DELETE", "?id=7", b"", b"id=7"),
        ],
    )
    def test_it_is_right(
        self,
        device: ActivatedDevice,
        factors: SignatureType,
        method: str,
        query: str,
        body: bytes,
        signed: bytes,
    ) -> None:
        header = device.signature("/pa/signature/validate", signed, method=method, factors=factors)
        answer = device.installation.send(method, VALIDATE + query, body, {SIGNATURE_HEADER: header})
        assert (answer.status, answer.json()) == (200, {"status": "OK"})
        assert device.is_at(device.status())

    def test_something_else_was_signed(self, device: ActivatedDevice) -> None:
        sign = partial(device.signature, factors=SignatureType.POSSESSION)
        uri_id, body = "/pa/signature/validate", b"{}"
        for header, method, sent in (
            (sign(uri_id, body), "POST", b"[]"),
            (sign(uri_id, body), "POST", b""),
            (sign(uri_id, body), "PUT", body),
            (sign("/pa/token/create", body), "POST", body),
            (sign(uri_id, b"a=1", method="GET"), "GET", b""),
        ):
            answer = device.installation.send(method, VALIDATE, sent, {SIGNATURE_HEADER: header})
            assert answer.refusal() == UNAUTHENTICATED
        assert reasons() == [DeviceReason.SIGNATURE] * 5
        # The device counts whatever became of them, and is followed.
        assert device.validate().status == 200

    def test_sent_again_or_in_another_order(self, device: ActivatedDevice) -> None:
        first, second = (device.signature("/pa/signature/validate", b"{}") for _ in range(2))
        send = device.installation.send
        assert send("POST", VALIDATE, b"{}", {SIGNATURE_HEADER: second}).status == 200
        for header in (first, second):
            answer = send("POST", VALIDATE, b"{}", {SIGNATURE_HEADER: header})
            assert answer.refusal() == UNAUTHENTICATED
        # Each was an attempt: who sends them again may be somebody else.
        assert stored(device).failed_attempts == 2
        assert device.validate().status == 200
        assert stored(device).failed_attempts == 0

    def test_a_counter_far_ahead(self, device: ActivatedDevice) -> None:
        for _ in range(19):
            device.signature("/pa/signature/validate", b"{}")
        assert device.validate().status == 200
        for _ in range(20):
            device.signature("/pa/signature/validate", b"{}")
        assert device.validate().refusal() == UNAUTHENTICATED
        assert reasons() == [DeviceReason.SIGNATURE]

    @pytest.mark.parametrize("method", ["PATCH", "HEAD", "OPTIONS", "TRACE"])
    def test_other_methods(self, device: ActivatedDevice, method: str) -> None:
        header = device.signature("/pa/signature/validate", method=method)
        answer = device.installation.send(method, VALIDATE, b"", {SIGNATURE_HEADER: header})
        assert answer.status == (200 if method == "OPTIONS" else 405)
        assert stored(device).counter == 0

    @pytest.mark.parametrize("headers", [{}, {SIGNATURE_HEADER: "PowerAuth x"}], ids=["none", "malformed"])
    @pytest.mark.parametrize("path", [VALIDATE, CREATE, REMOVE, END])
    def test_without_a_signature(self, device: ActivatedDevice, path: str, headers: dict[str, str]) -> None:
        answer = device.installation.send("POST", path, b"{}", headers)
        assert answer.refusal() == UNAUTHENTICATED

    def test_beside_a_token(self, device: ActivatedDevice) -> None:
        token = device.create_token()
        headers = {
            SIGNATURE_HEADER: device.signature("/pa/signature/validate", b"{}"),
            TOKEN_HEADER: device.token_header(token),
        }
        assert device.installation.send("POST", VALIDATE, b"{}", headers).refusal() == UNAUTHENTICATED
        token_alone = {TOKEN_HEADER: device.token_header(token)}
        assert device.installation.send("POST", VALIDATE, b"{}", token_alone).refusal() == UNAUTHENTICATED


class TestTokens:
    @pytest.mark.parametrize("factors", [SignatureType.KNOWLEDGE, SignatureType.BIOMETRY])
    def test_not_without_the_device(self, device: ActivatedDevice, factors: SignatureType) -> None:
        assert device.try_to_create_token(factors=factors).refusal() == UNAUTHENTICATED
        assert reasons() == [DeviceReason.FACTORS]
        # It was right, and is spent.
        assert stored(device).counter == 1

    def test_what_was_signed_is_what_was_encrypted(self, device: ActivatedDevice) -> None:
        bodies = [device.token_request(device.temporary_key())[0] for _ in range(2)]
        header = device.signature("/pa/token/create", bodies[0])
        answer = device.installation.send("POST", CREATE, bodies[1], {SIGNATURE_HEADER: header})
        assert answer.refusal() == UNAUTHENTICATED
        assert not DeviceToken.objects.exists()

    def test_the_answer_is_for_the_device_alone(self, device: ActivatedDevice) -> None:
        body, _ = device.token_request(device.temporary_key())
        answer = device.send(CREATE, body)
        row = DeviceToken.objects.get()
        expected = {"encryptedData", "mac"}
        if device.version.has_timestamps:
            expected |= {"nonce", "timestamp"}
        assert set(answer.json()) == expected
        assert encoded(row.secret).encode() not in answer.body
        assert str(row.pk).encode() not in answer.body

    @pytest.mark.parametrize(
        "body", [b"", b"{}", b"[]", b"null", b"\xff", b'{"ephemeralPublicKey": 1}', b"[" * 9000], ids=len
    )
    def test_what_is_signed_and_no_request(self, device: ActivatedDevice, body: bytes) -> None:
        answer = device.send(CREATE, body)
        assert answer.refusal() in (NOT_OPENED, MALFORMED)
        assert reasons() in ([DeviceReason.ENCRYPTION], [DeviceReason.MALFORMED])
        assert stored(device).counter == 1
        assert device.create_token()

    @pytest.mark.parametrize(
        "change",
        [
            {"mac": encoded(b"x" * 32)},
            {"encryptedData": encoded(b"x" * 16)},
            {"ephemeralPublicKey": encoded(b"\x02" + b"\xff" * 32)},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_what_cannot_be_opened(self, device: ActivatedDevice, change: Any) -> None:
        body, _ = device.token_request(device.temporary_key())
        changed = json.dumps(json.loads(body) | change).encode()
        assert device.send(CREATE, changed).refusal() == NOT_OPENED
        assert reasons() == [DeviceReason.ENCRYPTION]
        assert not DeviceToken.objects.exists()

    def test_what_was_encrypted_by_another_device(self, device: ActivatedDevice, alice: User) -> None:
        release = stored(device).version
        other = activated(alice, device.version, release)
        body, _ = other.token_request(device.temporary_key())
        assert device.send(CREATE, body).refusal() == NOT_OPENED

    def test_the_time_is_that_of_now(self, device: ActivatedDevice) -> None:
        body, _ = device.token_request(device.temporary_key(), timestamp_ms=1_700_000_000_000)
        answer = device.send(CREATE, body)
        if device.version.has_timestamps:
            assert answer.refusal() == NOT_OPENED
            assert reasons() == [DeviceReason.CLOCK]
        else:
            assert answer.status == 200

    def test_in_another_version_than_it_is_signed(self, device: ActivatedDevice) -> None:
        body, _ = device.token_request(device.temporary_key())
        for version in {Version.V3_1, Version.V3_2, Version.V3_3} - {device.version}:
            device.version = version
            assert device.send(CREATE, body).refusal() == NOT_OPENED

    def test_of_another_device_nothing_is_removed(
        self, device: ActivatedDevice, bob: User, alice: User
    ) -> None:
        token = device.create_token()
        for other in (activated(bob), activated(alice, release=stored(device).version)):
            assert other.remove_token(token.id).okay() == {"tokenId": token.id}
        assert DeviceToken.objects.filter(pk=token.id).exists()
        assert device.remove_token(token.id).status == 200
        assert not DeviceToken.objects.exists()

    @pytest.mark.parametrize("factors", SignatureType)
    def test_removed_by_whoever_has_the_device(self, device: ActivatedDevice, factors: SignatureType) -> None:
        token = device.create_token()
        body = json.dumps({"requestObject": {"tokenId": token.id}}).encode()
        answer = device.send(REMOVE, body, factors=factors)
        if factors in (SignatureType.KNOWLEDGE, SignatureType.BIOMETRY):
            assert answer.refusal() == UNAUTHENTICATED
            assert reasons() == [DeviceReason.FACTORS]
        else:
            assert answer.status == 200
        assert DeviceToken.objects.exists() == (answer.status == 401)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{}",
            b"[]",
            b'{"requestObject": []}',
            b'{"requestObject": {}}',
            b'{"requestObject": {"tokenId": 1}}',
        ],
    )
    def test_a_removal_of_nothing(self, device: ActivatedDevice, body: bytes) -> None:
        assert device.send(REMOVE, body).refusal() == MALFORMED
        assert reasons() == [DeviceReason.MALFORMED]


class TestRemove:
    @pytest.mark.parametrize(
        "factors", [SignatureType.POSSESSION, SignatureType.KNOWLEDGE, SignatureType.BIOMETRY]
    )
    def test_one_factor_is_not_enough(self, device: ActivatedDevice, factors: SignatureType) -> None:
        assert device.send(END, factors=factors).refusal() == UNAUTHENTICATED
        assert reasons() == [DeviceReason.FACTORS]
        assert device.status().status is ActivationStatus.ACTIVE

    @pytest.mark.parametrize(
        "factors",
        [
            SignatureType.POSSESSION_KNOWLEDGE,
            SignatureType.POSSESSION_BIOMETRY,
            SignatureType.POSSESSION_KNOWLEDGE_BIOMETRY,
        ],
    )
    def test_two_are(self, device: ActivatedDevice, factors: SignatureType) -> None:
        device.create_token()
        assert device.send(END, b"{}", factors=factors).okay() == {"activationId": device.activation_id}
        assert stored(device).status == Activation.Status.REMOVED
        assert device.send(END, b"{}", factors=factors).refusal() == UNAUTHENTICATED

    def test_removed_by_somebody_else_meanwhile(
        self, device: ActivatedDevice, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        remove = lifecycle.remove

        def twice(activation: Activation, *, by: User) -> Activation:
            remove(activation, by=by)
            return remove(activation, by=by)

        monkeypatch.setattr(lifecycle, "remove", twice)
        assert device.send(END).status == 200

    def test_not_the_activation_of_another(self, device: ActivatedDevice, bob: User) -> None:
        other = activated(bob)
        device.activation_id, mine = other.activation_id, device.activation_id
        assert device.send(END).refusal() == UNAUTHENTICATED
        device.activation_id = mine
        assert {row.status for row in Activation.objects.all()} == {Activation.Status.ACTIVE}


def test_with_the_key_of_another_application(alice: User) -> None:
    device, other = activated(alice), application_version("Another")
    device.application_key, device.application_secret = other.key, encoded(other.secret)
    assert device.validate().refusal() == UNAUTHENTICATED
    assert reasons() == [DeviceReason.VERSION]


def test_with_a_newer_release_of_the_same(alice: User) -> None:
    from tokenauth.devices.applications import create_version

    device = activated(alice)
    newer = create_version(Activation.objects.get().application, "2.0")
    device.application_key, device.application_secret = newer.key, encoded(newer.secret)
    device.installation.configuration = type(device.installation.configuration)(
        newer.key, encoded(newer.secret), device.installation.configuration.master_public_key
    )
    assert device.validate().status == 200
    assert device.create_token()


def test_nothing_secret_is_told_or_kept(
    alice: User, caplog: pytest.LogCaptureFixture, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(RECORD_LOGIN_ATTEMPTS="all")
    device = activated(alice)
    token = device.create_token()
    assert device.try_to_create_token(keys=(b"p" * 16, b"k" * 16)).status == 401
    rows = str([list(model.objects.values()) for model in (Activation, DeviceToken, TokenLogin)])
    for secret in (token.secret, *(getattr(device.keys, name) for name in device.keys.__slots__)):
        for text in (encoded(secret), secret.hex(), repr(secret)):
            assert text not in rows
            assert text not in caplog.text

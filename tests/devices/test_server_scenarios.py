"""What the vendor's own tests hold of a server, by their numbers in the list of scenarios: over HTTP.

Of those of a client (1 to 36), what they say of its server.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone

from tests.devices.device import now_ms
from tests.devices.installation import (
    NO_TEMPORARY_KEY,
    UNAUTHENTICATED,
    ActivatedDevice,
    Answer,
    LocalToken,
    activated,
)
from tests.services.threads import own_connections
from tokenauth.devices import lifecycle, tokens
from tokenauth.devices.models import Activation, ApplicationVersion, DeviceToken
from tokenauth.devices.protocol.counter import next_counter
from tokenauth.devices.protocol.headers import TOKEN_HEADER
from tokenauth.devices.protocol.signatures import SignatureType
from tokenauth.devices.protocol.status_blob import ActivationStatus
from tokenauth.devices.protocol.versions import Version
from tokenauth.exceptions import DeviceReason
from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

SITES = "/inventory-service/sites"
WRONG_PIN = (b"p" * 16, b"k" * 16)
FACTORS = [
    SignatureType.POSSESSION,
    SignatureType.POSSESSION_KNOWLEDGE,
    SignatureType.POSSESSION_BIOMETRY,
    SignatureType.POSSESSION_KNOWLEDGE_BIOMETRY,
]


@pytest.fixture(params=[Version.V3_1, Version.V3_2, Version.V3_3])
def device(
    request: pytest.FixtureRequest, alice: User, tokenauth_settings: Callable[..., None]
) -> ActivatedDevice:
    tokenauth_settings(DEVICE_TOKEN_SCOPES={each: ["read:sites"] for each in FACTORS})
    return activated(alice, request.param)


def is_refused(answer: Answer) -> bool:
    """The one answer of this project's own views, whatever was wrong."""
    return (answer.status, answer.json()["error"]["reason"]) == (401, "unknown")


def stored() -> Activation:
    return Activation.objects.get()


def reasons() -> list[str]:
    return list(TokenLogin.objects.order_by("pk").values_list("reason", flat=True))


@pytest.mark.parametrize("factors", FACTORS)
def test_05_06_16_31_a_header_says_whose_it_is_and_by_which_factors(
    device: ActivatedDevice, factors: SignatureType, tokenauth_settings: Callable[..., None]
) -> None:
    token = device.create_token(factors)
    row = DeviceToken.objects.get()
    assert (str(row.pk), row.signature_type) == (token.id, factors)
    assert str(row.activation_id) == device.activation_id
    assert row.activation.application.versions.get().key == device.application_key
    assert device.get(SITES, token).status == 200
    # Others than these have no right to it.
    tokenauth_settings(DEVICE_TOKEN_SCOPES={each: ["read:sites"] for each in FACTORS if each is not factors})
    assert device.get(SITES, token).status == 403


def test_08_a_wrong_password_makes_no_token(device: ActivatedDevice) -> None:
    assert device.try_to_create_token(keys=WRONG_PIN).refusal() == UNAUTHENTICATED
    assert not DeviceToken.objects.exists()
    assert reasons() == [DeviceReason.SIGNATURE]
    assert stored().failed_attempts == 1
    assert device.create_token()
    assert stored().failed_attempts == 0


def test_09_19_what_is_removed_is_gone(device: ActivatedDevice) -> None:
    token, kept = device.create_token(), device.create_token()
    assert device.remove_token(token.id).okay() == {"tokenId": token.id}
    assert is_refused(device.get(SITES, token))
    assert device.get(SITES, kept).status == 200


def test_09_of_what_is_not_there_the_answer_is_the_same(device: ActivatedDevice) -> None:
    for token_id in (str(uuid4()), "test", "\x00"):
        assert device.remove_token(token_id).okay() == {"tokenId": token_id}


def test_10_what_an_activation_had_ends_with_it(device: ActivatedDevice) -> None:
    token = device.create_token()
    assert device.send("/pa/v3/activation/remove").okay() == {"activationId": device.activation_id}
    assert stored().status == Activation.Status.REMOVED
    assert not DeviceToken.objects.exists()
    assert is_refused(device.get(SITES, token))
    assert device.validate().refusal() == UNAUTHENTICATED
    assert device.status().status is ActivationStatus.REMOVED


@pytest.mark.django_db(transaction=True)
def test_22_twenty_tokens_at_once(device: ActivatedDevice) -> None:
    # As SDKs do: what is signed is sent before the next is signed.
    sending = Lock()

    def make_and_remove(_: int) -> Answer:
        with own_connections():
            with sending:
                token = device.create_token()
            assert device.get(SITES, token).status == 200
            with sending:
                return device.remove_token(token.id)

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(make_and_remove, range(20)))
    assert [answer.status for answer in answers] == [200] * 20
    told = device.status()
    assert (told.status, told.failed_attempts) == (ActivationStatus.ACTIVE, 0)
    assert device.is_at(told)
    assert stored().counter == 40
    assert not DeviceToken.objects.exists()


def test_32_33_the_servers_time_makes_a_header_right(device: ActivatedDevice) -> None:
    now = timezone.now().replace(microsecond=123_000)
    with time_machine.travel(now, tick=False):
        token = device.create_token()
        assert device.installation.server_time_ms() == now_ms()
        # A clock that is a day behind.
        late = now_ms() - 86_400_000
        assert is_refused(device.get(SITES, token, timestamp_ms=late))
        assert reasons() == [DeviceReason.CLOCK]
        adjustment = device.installation.server_time_ms() - late
        assert device.get(SITES, token, timestamp_ms=late + adjustment).status == 200


def test_37_a_token_opens_what_its_scopes_are_for(device: ActivatedDevice) -> None:
    assert device.get(SITES, device.create_token()).status == 200


def test_38_a_wrong_password(device: ActivatedDevice) -> None:
    answer = device.try_to_create_token(keys=WRONG_PIN)
    assert answer.refusal() == UNAUTHENTICATED
    assert answer.json() == {
        "status": "ERROR",
        "responseObject": {"code": "ERR_AUTHENTICATION", "message": "POWER_AUTH_SIGNATURE_INVALID"},
    }


@pytest.mark.parametrize(
    ("token_id", "reason"),
    [("test", DeviceReason.MALFORMED), ("5f0c1ad2-90f7-4d7a-8f0e-2b9f2a3c7d11", DeviceReason.UNKNOWN)],
    ids=["no id", "an id"],
)
def test_39_a_token_that_there_is_not(device: ActivatedDevice, token_id: str, reason: DeviceReason) -> None:
    token = LocalToken(token_id, b"test".ljust(16, b"\x00"))
    assert is_refused(device.get(SITES, token))
    assert reasons() == [reason]


def test_40_a_token_that_an_operator_has_removed(device: ActivatedDevice) -> None:
    token = device.create_token()
    tokens.remove(stored(), token.id)
    assert is_refused(device.get(SITES, token))
    assert reasons() == [DeviceReason.UNKNOWN]


def test_41_a_blocked_activation(device: ActivatedDevice) -> None:
    token = device.create_token()
    lifecycle.block(stored())
    # Of a key, for which alone it is encrypted, nobody is refused for that.
    assert device.try_to_create_token().refusal() == UNAUTHENTICATED
    assert is_refused(device.get(SITES, token))
    assert reasons() == [DeviceReason.BLOCKED] * 2
    assert device.status().status is ActivationStatus.BLOCKED
    lifecycle.unblock(stored())
    assert device.try_to_create_token().status == 200
    assert device.get(SITES, token).status == 200


def test_41_of_five_wrong_passwords(device: ActivatedDevice) -> None:
    token = device.create_token()
    for _ in range(4):
        assert device.validate(keys=WRONG_PIN).refusal() == UNAUTHENTICATED
    assert device.status().status is ActivationStatus.ACTIVE
    # Whoever has the device alone guesses nothing, and makes up for nothing.
    wrong = {"keys": (b"p" * 16,), "factors": SignatureType.POSSESSION}
    assert device.validate(**wrong).refusal() == UNAUTHENTICATED
    assert device.validate(factors=SignatureType.POSSESSION).status == 200
    weak = device.create_token(SignatureType.POSSESSION)
    assert device.remove_token(weak.id).status == 200
    assert device.status().failed_attempts == 4
    assert device.validate(keys=WRONG_PIN).refusal() == UNAUTHENTICATED
    told = device.status()
    assert (told.status, told.failed_attempts) == (ActivationStatus.BLOCKED, 5)
    assert stored().blocked_reason == Activation.TOO_MANY_FAILURES
    # From then on the right one is no use either.
    assert device.validate().refusal() == UNAUTHENTICATED
    assert is_refused(device.get(SITES, token))
    lifecycle.unblock(stored())
    assert device.validate().status == 200
    assert device.get(SITES, token).status == 200


def test_42_a_release_that_is_not_supported(device: ActivatedDevice) -> None:
    token = device.create_token()
    ApplicationVersion.objects.update(is_supported=False)
    if device.version.has_temporary_keys:
        request = device.installation.key_request(device.activation_id)
        assert device.installation.ask_for_key(request, device.request_key()).refusal() == NO_TEMPORARY_KEY
    else:
        assert device.try_to_create_token().refusal() == UNAUTHENTICATED
    assert reasons() == [DeviceReason.VERSION]
    ApplicationVersion.objects.update(is_supported=True)
    assert device.try_to_create_token().status == 200
    assert device.get(SITES, token).status == 200


def test_42_with_a_temporary_key_of_before(device: ActivatedDevice) -> None:
    body, _ = device.token_request(device.temporary_key())
    ApplicationVersion.objects.update(is_supported=False)
    assert device.send("/pa/v3/token/create", body).refusal() == UNAUTHENTICATED
    ApplicationVersion.objects.update(is_supported=True)
    assert device.send("/pa/v3/token/create", body).status == 200


def test_43_a_token_costs_one_step_of_the_counter(device: ActivatedDevice) -> None:
    before, counted = device.counter, stored().counter
    device.create_token()
    assert device.counter == next_counter(before)
    assert device.is_at(device.status())
    assert stored().counter == counted + 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda value: f"{TOKEN_HEADER}: {value}", DeviceReason.MALFORMED),
        (lambda value: value.replace('version="3.', 'version="2.'), DeviceReason.VERSION),
    ],
    ids=["the name of the header before the scheme", "version 2"],
)
def test_44_a_malformed_header(
    device: ActivatedDevice, change: Callable[[str], str], reason: DeviceReason
) -> None:
    value = device.token_header(device.create_token())
    get = device.installation.send
    assert is_refused(get("GET", SITES, b"", {TOKEN_HEADER: change(value)}))
    assert reasons() == [reason]
    assert get("GET", SITES, b"", {TOKEN_HEADER: value}).status == 200


def test_45_a_digest_of_each_version(device: ActivatedDevice, tokenauth_settings: Any) -> None:
    tokenauth_settings(DEVICE_PROTOCOL_VERSIONS=["3.0", "3.1", "3.2", "3.3"])
    token = device.create_token()
    for version in Version:
        value = device.token_header(token, version=version)
        assert device.installation.send("GET", SITES, b"", {TOKEN_HEADER: value}).status == 200

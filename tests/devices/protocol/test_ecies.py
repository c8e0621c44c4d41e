"""What is encrypted between a device and the server: in each version and scope, there and back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenauth.devices.protocol import ecies, elliptic_curve
from tokenauth.devices.protocol.ecies import Exchange, Scope, activation_scope, application_scope
from tokenauth.devices.protocol.encrypted_messages import EncryptedRequest, EncryptedResponse
from tokenauth.devices.protocol.exceptions import ProtocolError

VERSIONS = ["3.0", "3.1", "3.2", "3.3"]
PRIVATE = elliptic_curve.private_key(b"\x07" * 32)
PUBLIC = PRIVATE.public_key()
KEY_ID = "2d6bf693-3928-4c01-a8d5-7c4a9671261e"
ACTIVATION_ID = "c564e700-7e86-4a87-b6c8-a5a0cc89683f"
APPLICATION: dict[str, str] = {
    "application_key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "application_secret": "c2VjcmV0",
}
ACTIVATION: dict[str, Any] = {**APPLICATION, "activation_id": ACTIVATION_ID, "transport_key": b"t" * 16}
NOW = 1_700_000_000_000

each_version = pytest.mark.parametrize("version", VERSIONS)


def key_id(version: str) -> str:
    return KEY_ID if version == "3.3" else ""


def in_application(version: str, purpose: str = "/pa/generic/application", **other: str) -> Scope:
    return application_scope(version, purpose, temporary_key_id=key_id(version), **{**APPLICATION, **other})


def in_activation(version: str, purpose: str = "/pa/token/create", **other: Any) -> Scope:
    return activation_scope(version, purpose, temporary_key_id=key_id(version), **{**ACTIVATION, **other})


def sent(message: EncryptedRequest | EncryptedResponse) -> Any:
    return json.loads(json.dumps(message.render()))


def refused(request: EncryptedRequest, scope: Scope, private: elliptic_curve.PrivateKey = PRIVATE) -> str:
    with pytest.raises(ProtocolError) as caught:
        ecies.decrypt_request(request, private, scope)
    return str(caught.value)


@settings(max_examples=25)
@given(st.sampled_from(VERSIONS), st.sampled_from([in_application, in_activation]), st.binary(), st.binary())
def test_a_request_and_its_answer_are_read_as_they_were_written(
    version: str, scope_of: Any, question: bytes, answer: bytes
) -> None:
    scope = scope_of(version)
    request, device = ecies.encrypt_request(question, PUBLIC, scope, NOW)
    plaintext, server = ecies.decrypt_request(EncryptedRequest.parse(sent(request)), PRIVATE, scope)
    assert plaintext == question
    response = server.encrypt_response(answer, NOW + 1)
    assert device.decrypt_response(EncryptedResponse.parse(sent(response))) == answer


@each_version
def test_a_version_sends_what_it_has_and_no_more(version: str) -> None:
    request, device = ecies.encrypt_request(b"{}", PUBLIC, in_activation(version), NOW)
    response = device.encrypt_response(b"{}", NOW)
    members = {"encryptedData", "mac", "ephemeralPublicKey"}
    of_request = {"3.0": set[str](), "3.1": {"nonce"}, "3.2": {"nonce", "timestamp"}}
    of_request["3.3"] = {*of_request["3.2"], "temporaryKeyId"}
    assert set(sent(request)) == members | of_request[version]
    dated = {"nonce", "timestamp"} if version in {"3.2", "3.3"} else set()
    assert set(sent(response)) == {"encryptedData", "mac"} | dated
    assert len(request.ephemeral_key) == 33


@each_version
@pytest.mark.parametrize("compressed", [True, False])
def test_the_keys_come_of_the_agreement_as_it_is_published(version: str, compressed: bool) -> None:
    """The KDF of X9.63 by hand: no published vector of 3.2 and 3.3 has a private key."""
    device = elliptic_curve.private_key(b"\x05")
    point = elliptic_curve.public_octets(device.public_key(), compressed=compressed)
    info = {"3.0": b"", "3.1": b""}.get(version, version.encode()) + b"/pa/token/create" + point
    shared = elliptic_curve.agree(device, PUBLIC)
    blocks = [hashlib.sha256(shared + bytes([0, 0, 0, number]) + info).digest() for number in (1, 2)]
    scope = in_activation(version)
    nonce = b"" if version == "3.0" else b"n" * 16
    timestamp = NOW if version in {"3.2", "3.3"} else None
    by_hand = Exchange(scope, ecies.EnvelopeKeys.split(b"".join(blocks)[:48]), point, nonce)
    sealed = by_hand.seal(b"{}", nonce, timestamp, point)
    request = EncryptedRequest(*sealed, nonce, timestamp, point, key_id(version))
    assert ecies.decrypt_request(request, PRIVATE, scope) == (b"{}", by_hand)
    # How the point is written is authenticated.
    other = elliptic_curve.public_octets(device.public_key(), compressed=not compressed)
    assert "authentic" in refused(replace(request, ephemeral_key=other), scope)


@each_version
def test_a_request_that_was_changed_is_refused(version: str) -> None:
    scope = in_activation(version)
    request, _ = ecies.encrypt_request(b"{}", PUBLIC, scope, NOW)
    assert ecies.decrypt_request(request, PRIVATE, scope)[0] == b"{}"
    changes: dict[str, Any] = {
        "encrypted_data": bytes(16),
        "mac": bytes(32),
        "ephemeral_key": elliptic_curve.public_octets(elliptic_curve.new_private_key().public_key()),
    }
    if version in {"3.2", "3.3"}:
        # Before, neither is authenticated.
        changes |= {"nonce": bytes(16), "timestamp_ms": NOW + 1}
    for name, other in changes.items():
        assert refused(replace(request, **{name: other}), scope) == "the encrypted message is not authentic"
    for data in (b"", request.encrypted_data[:-1], request.encrypted_data + bytes(16)):
        assert (
            refused(replace(request, encrypted_data=data), scope) == "the encrypted message is not authentic"
        )
    for mac in (b"", request.mac[:-1], request.mac + b"\x00"):
        assert refused(replace(request, mac=mac), scope) == "the encrypted message is not authentic"


@each_version
def test_a_request_is_for_one_purpose_one_scope_and_one_key(version: str) -> None:
    request, _ = ecies.encrypt_request(b"{}", PUBLIC, in_activation(version), NOW)
    scopes = [
        in_activation(version, "/pa/token/remove"),
        in_application(version, "/pa/token/create"),
        in_activation(version, transport_key=b"x" * 16),
        in_activation(version, application_secret="b3RoZXI="),
    ]
    if version in {"3.2", "3.3"}:
        scopes += [
            in_activation(version, application_key="AQEBAQEBAQEBAQEBAQEBAQ=="),
            in_activation(version, activation_id=KEY_ID),
        ]
    for scope in scopes:
        assert refused(request, scope) == "the encrypted message is not authentic"
    assert "authentic" in refused(request, in_activation(version), elliptic_curve.new_private_key())


def test_a_request_of_one_version_is_none_of_another() -> None:
    for version in VERSIONS:
        request, _ = ecies.encrypt_request(b"{}", PUBLIC, in_activation(version), NOW)
        for other in VERSIONS:
            if other != version:
                refused(request, in_activation(other))


@each_version
def test_what_is_missing_or_superfluous_is_refused(version: str) -> None:
    scope = in_activation(version)
    request, device = ecies.encrypt_request(b"{}", PUBLIC, scope, NOW)
    nonce, timestamp = (b"", b"n" * 16)[not request.nonce], None if request.timestamp_ms else NOW
    assert (
        refused(replace(request, nonce=nonce), scope) == f"nonce is {'superfluous' if nonce else 'missing'}"
    )
    expected = f"timestamp is {'superfluous' if timestamp else 'missing'}"
    assert refused(replace(request, timestamp_ms=timestamp), scope) == expected
    other_id = ACTIVATION_ID if version == "3.3" else KEY_ID
    assert refused(replace(request, temporary_key_id=other_id), scope) == "temporaryKeyId is another one"
    response = device.encrypt_response(b"{}", NOW)
    for change in (
        {"nonce": b"" if response.nonce else b"n" * 16},
        {"timestamp_ms": None if response.timestamp_ms else NOW},
    ):
        with pytest.raises(ProtocolError):
            device.decrypt_response(replace(response, **change))


@each_version
def test_an_answer_that_was_changed_or_is_of_another_request_is_refused(version: str) -> None:
    scope = in_activation(version)
    _, device = ecies.encrypt_request(b"{}", PUBLIC, scope, NOW)
    _, another = ecies.encrypt_request(b"{}", PUBLIC, scope, NOW)
    response = device.encrypt_response(b"answer", NOW)
    assert device.decrypt_response(response) == b"answer"
    for exchange, message in (
        (another, response),
        (device, replace(response, mac=bytes(32))),
        (device, replace(response, encrypted_data=bytes(16))),
    ):
        with pytest.raises(ProtocolError):
            exchange.decrypt_response(message)


@pytest.mark.parametrize("version", ["3.2", "3.3"])
def test_a_request_is_no_answer_to_itself(version: str) -> None:
    request, device = ecies.encrypt_request(b"{}", PUBLIC, in_activation(version), NOW)
    with pytest.raises(ProtocolError):
        device.decrypt_response(request)


def test_a_temporary_key_is_for_3_3_alone() -> None:
    for make, arguments in ((application_scope, APPLICATION), (activation_scope, ACTIVATION)):
        with pytest.raises(ProtocolError):
            make("3.3", "/pa/upgrade", **arguments)
        for version in ("3.0", "3.1", "3.2"):
            with pytest.raises(ProtocolError):
                make(version, "/pa/upgrade", temporary_key_id=KEY_ID, **arguments)


@pytest.mark.parametrize("version", ["", "2.1", "3.4", "4.0"])
def test_an_unknown_version_has_no_scope(version: str) -> None:
    with pytest.raises(ProtocolError):
        in_application(version)
    with pytest.raises(ProtocolError):
        in_activation(version)


def test_lengths_are_checked() -> None:
    with pytest.raises(ProtocolError):
        in_activation("3.3", transport_key=b"short")
    with pytest.raises(ProtocolError):
        ecies.EnvelopeKeys.split(bytes(47))


def test_another_nonce_is_noticed_in_3_1_by_no_more_than_what_it_decrypts_to() -> None:
    scope = in_activation("3.1")
    request, _ = ecies.encrypt_request(b"x" * 32, PUBLIC, scope, NOW)
    plaintext, _ = ecies.decrypt_request(replace(request, nonce=bytes(16)), PRIVATE, scope)
    assert plaintext[:16] != plaintext[16:] == b"x" * 16
    short, _ = ecies.encrypt_request(b"", PUBLIC, scope, NOW)
    assert ecies.decrypt_request(short, PRIVATE, scope)[0] == b""


def test_a_point_that_is_not_on_the_curve_is_refused() -> None:
    scope = in_activation("3.3")
    request, _ = ecies.encrypt_request(b"{}", PUBLIC, scope, NOW)
    point = elliptic_curve.public_octets(PUBLIC)
    assert "point" in refused(replace(request, ephemeral_key=point[:-1] + bytes([point[-1] ^ 1])), scope)


MESSAGE = sent(ecies.encrypt_request(b"{}", PUBLIC, in_activation("3.3"), NOW)[0])


@pytest.mark.parametrize("message", [None, [], "text", 1, {}, [MESSAGE]])
def test_what_is_no_message_is_refused(message: object) -> None:
    assert EncryptedRequest.parse(MESSAGE)
    for kind in (EncryptedRequest, EncryptedResponse):
        with pytest.raises(ProtocolError):
            kind.parse(message)


@pytest.mark.parametrize("name", ["encryptedData", "mac", "ephemeralPublicKey"])
def test_a_message_that_lacks_a_member_is_refused(name: str) -> None:
    for other in ({name: None}, {name: ""}):
        with pytest.raises(ProtocolError, match=f"{name} is missing"):
            EncryptedRequest.parse({**MESSAGE, **other})
    with pytest.raises(ProtocolError, match=f"{name} is missing"):
        EncryptedRequest.parse({other: value for other, value in MESSAGE.items() if other != name})


def test_what_is_null_is_not_there_and_what_is_unknown_is_ignored() -> None:
    parsed = EncryptedRequest.parse(
        {**MESSAGE, "nonce": None, "timestamp": None, "temporaryKeyId": None, "new": [1]}
    )
    assert (parsed.nonce, parsed.timestamp_ms, parsed.temporary_key_id) == (b"", None, "")


@pytest.mark.parametrize("name", MESSAGE)
@pytest.mark.parametrize("value", [1.5, True, "x", "é", "\ud800", ["AAAA"], {}, "AAAA=", "\x00"])
def test_a_malformed_member_is_refused(name: str, value: object) -> None:
    with pytest.raises(ProtocolError):
        EncryptedRequest.parse({**MESSAGE, name: value})


@pytest.mark.parametrize("name", ["mac", "nonce", "ephemeralPublicKey", "temporaryKeyId"])
def test_a_member_of_another_length_is_refused(name: str) -> None:
    for value in ("AAAA", MESSAGE[name] * 2, "AAAA" * 100):
        with pytest.raises(ProtocolError):
            EncryptedRequest.parse({**MESSAGE, name: value})


@pytest.mark.parametrize("timestamp", [-1, 2**63, 2**70])
def test_a_timestamp_that_has_no_room_is_refused(timestamp: int) -> None:
    refused(EncryptedRequest.parse({**MESSAGE, "timestamp": timestamp}), in_activation("3.3"))


def test_neither_keys_nor_secrets_are_in_a_repr() -> None:
    _, exchange = ecies.encrypt_request(b"{}", PUBLIC, in_activation("3.3"), NOW)
    assert "keys=EnvelopeKeys()" in repr(exchange)
    assert "base" not in repr(exchange)

"""Each public vector, counted. The counts are shown after the tests: tests/conftest.py."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.devices.protocol.vectors import FOLDER, Vector, rows, vectors
from tokenauth.devices.protocol import (
    activation_code,
    counter,
    ecies,
    elliptic_curve,
    key_derivation,
    signatures,
    status_blob,
)
from tokenauth.devices.protocol.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable


def master_secret(vector: Vector) -> None:
    device, server = (
        elliptic_curve.private_key(vector.octets(f"{side}PrivateKey")) for side in ("device", "server")
    )
    for side, private in ("device", device), ("server", server):
        assert elliptic_curve.public_octets(private.public_key()) == vector.octets(f"{side}PublicKey")
    expected = vector.octets("masterSecretKey")
    assert key_derivation.master_secret(device, server.public_key()) == expected
    assert key_derivation.master_secret(server, device.public_key()) == expected


def derived_keys(vector: Vector) -> None:
    assert key_derivation.device_keys(vector.octets("masterSecretKey")) == key_derivation.DeviceKeys(
        vector.octets("signaturePossessionKey"),
        vector.octets("signatureKnowledgeKey"),
        vector.octets("signatureBiometryKey"),
        vector.octets("transportKey"),
        vector.octets("vaultEncryptionKey"),
    )


def signature(vector: Vector) -> None:
    names = ("signaturePossessionKey", "signatureKnowledgeKey", "signatureBiometryKey")
    device_keys = key_derivation.DeviceKeys(*map(vector.octets, names), bytes(16), bytes(16))
    keys = signatures.SignatureType.of(vector["signatureType"]).keys(device_keys)
    data, at = vector.octets("data"), vector.octets("counterData")
    for version in ("3.1", "3.2", "3.3"):
        assert signatures.sign(data, keys, at, version) == vector["signature"]
    match = signatures.verify(vector["signature"], data, keys, at, "3.1")
    assert match == signatures.Match(0, counter.next_counter(at))


def activation_signature(vector: Vector) -> None:
    code = vector["activationCode"]
    assert activation_code.from_octets(activation_code.parse(code)) == code
    private = elliptic_curve.private_key(vector.octets("masterPrivateKey"))
    public = elliptic_curve.public_key(vector.octets("masterPublicKey"))
    assert private.public_key() == public
    activation_code.verify(vector.octets("activationSignature"), code, public)
    activation_code.verify(activation_code.sign(code, private), code, public)


def key_fingerprint(vector: Vector) -> None:
    device, server = (
        elliptic_curve.public_key(vector.octets(f"{side}PublicKey")) for side in ("device", "server")
    )
    assert elliptic_curve.x_coordinate(device) == vector.octets("devicePublicKeyCoordX")
    assert elliptic_curve.x_coordinate(server) == vector.octets("serverPublicKeyCoordX")
    assert fingerprint(device, server, vector["activationId"]) == vector["fingerprint"]


def status_iv(vector: Vector) -> None:
    arguments = map(vector.octets, ("transportKey", "challenge", "nonce"))
    assert status_blob.initialization_vector(*arguments) == vector.octets("iv")


def status(vector: Vector) -> None:
    key, challenge, nonce = map(vector.octets, ("transportKey", "challenge", "nonce"))
    blob = status_blob.decrypt(vector.octets("encryptedStatusBlob"), key, challenge, nonce)
    assert blob == status_blob.StatusBlob(
        status=status_blob.ActivationStatus(int(vector["activationStatus"])),
        current_version=int(vector["currentVersion"]),
        upgrade_version=int(vector["upgradeVersion"]),
        failed_attempts=int(vector["failedAttempts"]),
        max_failed_attempts=int(vector["maxFailedAttempts"]),
        look_ahead=int(vector["ctrLookAhead"]),
        counter_byte=int(vector["ctrByte"]),
        counter_hash=vector.octets("ctrDataHash"),
    )
    steps = int(vector["counterDistance"])
    found = counter.distance(key, vector.octets("ctrData"), blob.counter_hash, blob.look_ahead)
    assert found == steps
    assert counter.distance(key, vector.octets("ctrData"), blob.counter_hash, steps) is None


def encryption(vector: Vector) -> None:
    """All but the agreement, for which no private key is published."""
    scope = ecies.application_scope(
        vector["protocolVersion"],
        "/pa/generic/application",
        application_key=vector["applicationKey"],
        application_secret=vector["applicationSecret"],
        temporary_key_id=vector.get("temporaryKeyId", ""),
    )
    assert scope.base == hashlib.sha256(vector["applicationSecret"].encode()).digest()
    assert scope.base == vector.octets("sharedInfo2Base")
    ephemeral, nonce = vector.octets("requestEphemeralPublicKey"), vector.octets("requestNonce")
    keys = ecies.EnvelopeKeys.split(vector.octets("envelopeKey"))
    exchange = ecies.Exchange(scope, keys, ephemeral, nonce)
    # In 3.1 an answer has no nonce of its own.
    answer_nonce = vector.octets("responseNonce") if "responseNonce" in vector else nonce
    for direction, own_nonce, key in ("Request", nonce, ephemeral), ("Response", answer_nonce, b""):
        lower = direction.lower()
        timestamp = int(vector[f"timestamp{direction}"]) if f"timestamp{direction}" in vector else None
        sealed = vector.octets(f"encryptedData{direction}"), vector.octets(f"{lower}Mac")
        plaintext = vector[f"{lower}Data"].encode()
        assert exchange.seal(plaintext, own_nonce, timestamp, key) == sealed
        assert exchange.open(*sealed, own_nonce, timestamp, key) == plaintext


FILES: dict[str, tuple[int, Callable[[Vector], None]]] = {
    "activation-status-blob-data.json": (8, status),
    "activation-status-blob-iv.json": (32, status_iv),
    "compute-derived-keys.json": (20, derived_keys),
    "compute-master-secret-key.json": (20, master_secret),
    "e2ee-application-scope-31.json": (25, encryption),
    "e2ee-application-scope-32.json": (25, encryption),
    "e2ee-application-scope-33.json": (25, encryption),
    "public-key-fingerprint-v3.json": (100, key_fingerprint),
    "signatures-v31.json": (300, signature),
    "verify-activation-data-signature-v3.json": (20, activation_signature),
}


def test_every_file_is_checked() -> None:
    assert sorted(FILES) == sorted(path.name for path in FOLDER.glob("*.json"))


@pytest.mark.parametrize("name", FILES)
def test_vectors(name: str, record_property: Callable[[str, object], None]) -> None:
    length, check = FILES[name]
    checked = 0
    for vector in vectors(name):
        check(vector)
        checked += 1
    assert checked == length == len(rows(name)) > 0
    record_property("vectors", f"{name}: {checked} of {length}")

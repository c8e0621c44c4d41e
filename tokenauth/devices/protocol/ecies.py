"""What is encrypted from a device to the server and back, through whatever ends TLS between them.

Source: "End-to-End Encryption", and "Temporary Encryption Keys" for 3.3. Of ECDH, the KDF of X9.63,
AES-128-CBC and HMAC-SHA256. An ``Exchange`` is for one request and its answer. Before 3.2 the nonce is not
authenticated: with another one, a message is read all the same, but for its first 16 bytes.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.padding import PKCS7

from tokenauth.devices.protocol import elliptic_curve
from tokenauth.devices.protocol.encrypted_messages import EncryptedRequest, EncryptedResponse
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.key_derivation import derive_by_hmac
from tokenauth.devices.protocol.octets import KEY_LENGTH, join_sized, of_length, timestamp_octets
from tokenauth.devices.protocol.versions import Version

_PADDING = PKCS7(AES.block_size)


@dataclass(frozen=True, slots=True)
class Scope:
    """Between whom something is encrypted, and for what: ``application_scope``, ``activation_scope``."""

    version: Version
    purpose: str
    """``SHARED_INFO_1``: ``/pa/token/create`` and its like."""
    base: bytes = field(repr=False)
    """``SHARED_INFO_2_BASE``."""
    associated_data: bytes = b""
    temporary_key_id: str = ""


def application_scope(
    version: str,
    purpose: str,
    *,
    application_key: str,
    application_secret: str,
    temporary_key_id: str = "",
) -> Scope:
    """What any installation of an application may use.

    :param application_key: and the secret, as they are written, in Base64.
    :param temporary_key_id: for 3.3, and for no other version.
    :raises ProtocolError: the version is unknown, or a temporary key is missing or superfluous.
    """
    base = hashlib.sha256(application_secret.encode()).digest()
    return _scope(version, purpose, base, [application_key], temporary_key_id)


def activation_scope(
    version: str,
    purpose: str,
    *,
    application_key: str,
    application_secret: str,
    activation_id: str,
    transport_key: bytes,
    temporary_key_id: str = "",
) -> Scope:
    """What one activation may use: see ``application_scope``.

    :param transport_key: ``DeviceKeys.transport``.
    """
    of_length(transport_key, "the transport key", KEY_LENGTH)
    base = hmac.digest(transport_key, application_secret.encode(), "sha256")
    return _scope(version, purpose, base, [application_key, activation_id], temporary_key_id)


@dataclass(frozen=True, slots=True)
class EnvelopeKeys:
    """The keys of one exchange. Its ``repr`` shows none of them."""

    encryption: bytes = field(repr=False)
    mac: bytes = field(repr=False)
    initialization: bytes = field(repr=False)

    @classmethod
    def split(cls, octets: bytes) -> EnvelopeKeys:
        """The keys that 48 bytes are."""
        of_length(octets, "the envelope key", 3 * KEY_LENGTH)
        return cls(*(octets[start : start + KEY_LENGTH] for start in range(0, len(octets), KEY_LENGTH)))


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, as either side sees them."""

    scope: Scope
    keys: EnvelopeKeys
    ephemeral_key: bytes
    """The point as it is sent."""
    request_nonce: bytes
    """Empty in 3.0."""

    def encrypt_response(self, plaintext: bytes, timestamp_ms: int) -> EncryptedResponse:
        """The server's answer.

        :param timestamp_ms: milliseconds since 1970; sent from 3.2 on.
        """
        if not self.scope.version.has_timestamps:
            return EncryptedResponse(*self.seal(plaintext, self.request_nonce, None))
        nonce = secrets.token_bytes(KEY_LENGTH)
        return EncryptedResponse(*self.seal(plaintext, nonce, timestamp_ms), nonce, timestamp_ms)

    def decrypt_response(self, response: EncryptedResponse) -> bytes:
        """What the server answered. How old it is, is for the caller to judge.

        :raises ProtocolError: it is not authentic, or has or lacks what this version sends.
        """
        dated = self.scope.version.has_timestamps
        _require(response, nonce=dated, timestamp=dated)
        nonce = response.nonce if dated else self.request_nonce
        return self.open(response.encrypted_data, response.mac, nonce, response.timestamp_ms)

    def seal(
        self, plaintext: bytes, nonce: bytes, timestamp_ms: int | None, ephemeral_key: bytes = b""
    ) -> tuple[bytes, bytes]:
        """The encrypted data and their MAC, for a nonce and a time that are given.

        :param ephemeral_key: of a request: ``Exchange.ephemeral_key``. Empty in an answer.
        """
        padder = _PADDING.padder()
        padded = padder.update(plaintext) + padder.finalize()
        encryptor = self._cipher(nonce).encryptor()
        octets = encryptor.update(padded) + encryptor.finalize()
        return octets, self._mac(octets, nonce, timestamp_ms, ephemeral_key)

    def open(
        self,
        encrypted_data: bytes,
        mac: bytes,
        nonce: bytes,
        timestamp_ms: int | None,
        ephemeral_key: bytes = b"",
    ) -> bytes:
        """What ``seal`` sealed.

        :raises ProtocolError: it is not authentic.
        """
        expected = self._mac(encrypted_data, nonce, timestamp_ms, ephemeral_key)
        # Nothing is decrypted before: what padding is wrong would tell more than that something is.
        if not hmac.compare_digest(expected, mac):
            raise ProtocolError("the encrypted message is not authentic")
        decryptor, unpadder = self._cipher(nonce).decryptor(), _PADDING.unpadder()
        try:
            padded = decryptor.update(encrypted_data) + decryptor.finalize()
            return unpadder.update(padded) + unpadder.finalize()
        except ValueError:
            raise ProtocolError("the encrypted message is malformed") from None

    def _cipher(self, nonce: bytes) -> Cipher[CBC]:
        # 3.0 has no nonces; its keys, which are new for each request, are what makes one differ from another.
        start = derive_by_hmac(self.keys.initialization, nonce) if nonce else bytes(KEY_LENGTH)
        return Cipher(AES(self.keys.encryption), CBC(start))

    def _mac(self, octets: bytes, nonce: bytes, timestamp_ms: int | None, ephemeral_key: bytes) -> bytes:
        scope = self.scope
        if not scope.version.has_timestamps:
            shared = scope.base
        elif timestamp_ms is None:
            raise ProtocolError("timestamp is missing")
        else:
            time = timestamp_octets(timestamp_ms)
            shared = join_sized(scope.base, nonce, time, ephemeral_key, scope.associated_data)
        return hmac.digest(self.keys.mac, octets + shared, "sha256")


def encrypt_request(
    plaintext: bytes, public: elliptic_curve.PublicKey, scope: Scope, timestamp_ms: int
) -> tuple[EncryptedRequest, Exchange]:
    """A device's request, and what decrypts the answer.

    :param public: the server's: the temporary one for 3.3, else that of the application or of the activation.
    :param timestamp_ms: milliseconds since 1970; sent from 3.2 on.
    """
    private = elliptic_curve.new_private_key()
    version = scope.version
    exchange = _exchange(
        elliptic_curve.agree(private, public),
        scope,
        elliptic_curve.public_octets(private.public_key(), compressed=True),
        secrets.token_bytes(KEY_LENGTH) if version.has_nonces else b"",
    )
    nonce, ephemeral_key = exchange.request_nonce, exchange.ephemeral_key
    timestamp = timestamp_ms if version.has_timestamps else None
    sealed = exchange.seal(plaintext, nonce, timestamp, ephemeral_key)
    return EncryptedRequest(*sealed, nonce, timestamp, ephemeral_key, scope.temporary_key_id), exchange


def decrypt_request(
    request: EncryptedRequest, private: elliptic_curve.PrivateKey, scope: Scope
) -> tuple[bytes, Exchange]:
    """What a device sent, and what encrypts the answer.

    How old it is, and whether it was there before, is for the caller to judge.

    :raises ProtocolError: it is not authentic, or has or lacks what this version sends.
    """
    _require(request, nonce=scope.version.has_nonces, timestamp=scope.version.has_timestamps)
    if request.temporary_key_id != scope.temporary_key_id:
        raise ProtocolError("temporaryKeyId is another one")
    public = elliptic_curve.public_key(request.ephemeral_key)
    shared = elliptic_curve.agree(private, public)
    exchange = _exchange(shared, scope, request.ephemeral_key, request.nonce)
    plaintext = exchange.open(
        request.encrypted_data, request.mac, request.nonce, request.timestamp_ms, request.ephemeral_key
    )
    return plaintext, exchange


def _scope(version: str, purpose: str, base: bytes, participants: list[str], temporary_key_id: str) -> Scope:
    known = Version.of(version)
    if known.has_temporary_keys != bool(temporary_key_id):
        raise ProtocolError(f"temporaryKeyId is {'superfluous' if temporary_key_id else 'missing'}")
    if not known.has_timestamps:
        return Scope(known, purpose, base)
    names = [known, *participants, *filter(None, [temporary_key_id])]
    associated_data = join_sized(*(name.encode() for name in names))
    return Scope(known, purpose, base, associated_data, temporary_key_id)


def _exchange(shared: bytes, scope: Scope, ephemeral_key: bytes, nonce: bytes) -> Exchange:
    info = scope.purpose.encode() + ephemeral_key
    if scope.version.has_timestamps:
        info = scope.version.encode() + info
    kdf = X963KDF(algorithm=SHA256(), length=3 * KEY_LENGTH, sharedinfo=info)
    return Exchange(scope, EnvelopeKeys.split(kdf.derive(shared)), ephemeral_key, nonce)


def _require(message: EncryptedResponse, *, nonce: bool, timestamp: bool) -> None:
    """Exactly what its version sends: more would not be authenticated."""
    for name, there, expected in (
        ("nonce", bool(message.nonce), nonce),
        ("timestamp", message.timestamp_ms is not None, timestamp),
    ):
        if there != expected:
            raise ProtocolError(f"{name} is {'superfluous' if there else 'missing'}")

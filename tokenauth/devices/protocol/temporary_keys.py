"""The keys for which a device encrypts in 3.3: asked for with one signed text, given with another.

Source: "Temporary Encryption Keys", and "Standard RESTful API" on ``/pa/v3/keystore/create``.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokenauth.devices.protocol import elliptic_curve, json_web_token
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.json_web_token import Claims, number_claim, text_claim
from tokenauth.devices.protocol.key_derivation import derive_by_hmac
from tokenauth.devices.protocol.octets import KEY_LENGTH, decoded, encoded, identifier

# It is random, and goes back as it came.
_LONGEST_CHALLENGE = 128


@dataclass(frozen=True, slots=True)
class TemporaryKeyRequest:
    """What a device asks for. Without an activation, the key is for what any installation may use."""

    application_key: str
    """As it is written, in Base64."""
    challenge: str
    """Random, and in the answer again."""
    activation_id: str = ""


@dataclass(frozen=True, slots=True)
class TemporaryKey:
    """What the server gives. Its times are in milliseconds since 1970."""

    key_id: str
    public_key: elliptic_curve.PublicKey
    issued_at_ms: int
    expires_at_ms: int


def request_key(application_secret: str, transport_key: bytes | None = None) -> bytes:
    """The key that signs a request.

    :param application_secret: as it is written, in Base64. Here, and nowhere else, the bytes that it stands
        for are used.
    :param transport_key: ``DeviceKeys.transport``, where there is an activation.
    :raises ProtocolError: the secret is not 16 bytes in Base64.
    """
    secret = decoded(application_secret, "the application's secret", KEY_LENGTH)
    return secret if transport_key is None else derive_by_hmac(transport_key, secret)


def sign_request(request: TemporaryKeyRequest, key: bytes) -> str:
    """What a device sends.

    :param key: of ``request_key``.
    """
    claims = {"applicationKey": request.application_key, "challenge": request.challenge}
    if request.activation_id:
        claims["activationId"] = request.activation_id
    return json_web_token.sign_hs256(claims, key)


def unverified_request(text: str) -> TemporaryKeyRequest:
    """What somebody asks for, to find the key with which to verify it, and for nothing else.

    :raises ProtocolError: the text is malformed.
    """
    return _request(json_web_token.unverified_hs256(text))


def verify_request(text: str, key: bytes) -> TemporaryKeyRequest:
    """What a device asks for.

    :param key: of ``request_key``.
    :raises ProtocolError: the text is malformed, or not signed with ``key``.
    """
    return _request(json_web_token.verify_hs256(text, key))


def sign_response(
    temporary_key: TemporaryKey, request: TemporaryKeyRequest, private: elliptic_curve.PrivateKey
) -> str:
    """What the server answers.

    :param private: the application's; where there is an activation, the server's own of that.
    """
    claims: dict[str, object] = {
        "sub": temporary_key.key_id,
        "applicationKey": request.application_key,
        "challenge": request.challenge,
        "publicKey": encoded(elliptic_curve.public_octets(temporary_key.public_key)),
        "iat": temporary_key.issued_at_ms // 1000,
        "exp": temporary_key.expires_at_ms // 1000,
        "iat_ms": temporary_key.issued_at_ms,
        "exp_ms": temporary_key.expires_at_ms,
    }
    if request.activation_id:
        claims["activationId"] = request.activation_id
    return json_web_token.sign_es256(claims, private)


def verify_response(
    text: str, request: TemporaryKeyRequest, public: elliptic_curve.PublicKey
) -> TemporaryKey:
    """The key that the server gave for ``request``. Whether it has expired is for the caller to judge.

    :param public: of the private key of ``sign_response``.
    :raises ProtocolError: the text is malformed, not signed with that key, or answers another request.
    """
    claims = json_web_token.verify_es256(text, public)
    if _request(claims) != request:
        raise ProtocolError("the token answers another request")
    octets = decoded(text_claim(claims, "publicKey"), "publicKey")
    return TemporaryKey(
        identifier(text_claim(claims, "sub"), "sub"),
        elliptic_curve.public_key(octets),
        number_claim(claims, "iat_ms"),
        number_claim(claims, "exp_ms"),
    )


def _request(claims: Claims) -> TemporaryKeyRequest:
    application_key, challenge = text_claim(claims, "applicationKey"), text_claim(claims, "challenge")
    activation_id = text_claim(claims, "activationId", required=False)
    decoded(application_key, "applicationKey", KEY_LENGTH)
    if not challenge.isascii() or len(challenge) > _LONGEST_CHALLENGE:
        raise ProtocolError("challenge is malformed")
    if activation_id:
        identifier(activation_id, "activationId")
    return TemporaryKeyRequest(application_key, challenge, activation_id)

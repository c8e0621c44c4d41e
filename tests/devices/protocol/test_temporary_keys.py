"""Temporary keys: asked for with HS256, given with ES256."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from typing import Any

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st
from jwcrypto import jwk, jwt

from tokenauth.devices.protocol import elliptic_curve, temporary_keys
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.temporary_keys import TemporaryKey, TemporaryKeyRequest

ID = "2d6bf693-3928-4c01-a8d5-7c4a9671261e"
SECRET = b64encode(bytes(range(16))).decode()
ASKED = TemporaryKeyRequest(b64encode(bytes(16)).decode(), b64encode(bytes(18)).decode())
OF_ACTIVATION = replace(ASKED, activation_id=ID)
KEY = temporary_keys.request_key(SECRET)
PRIVATE = elliptic_curve.private_key(b"\x07")
GIVEN = TemporaryKey(
    ID, elliptic_curve.private_key(b"\x05").public_key(), 1_700_000_000_123, 1_700_000_300_123
)

both_scopes = pytest.mark.parametrize("request_", [ASKED, OF_ACTIVATION])


def part(value: object) -> str:
    octets = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(octets).decode().rstrip("=")


def claims_of(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(urlsafe_b64decode(text.split(".")[1] + "=="))
    return found


def signed(header: object, claims: object, key: bytes = KEY) -> str:
    text = f"{part(header)}.{part(claims)}"
    return f"{text}.{part(hmac.digest(key, text.encode(), 'sha256'))}"


def refused(text: str, key: bytes = KEY) -> None:
    with pytest.raises(ProtocolError):
        temporary_keys.verify_request(text, key)


def answer_refused(text: str, request: TemporaryKeyRequest = ASKED) -> None:
    with pytest.raises(ProtocolError):
        temporary_keys.verify_response(text, request, PRIVATE.public_key())


@both_scopes
def test_a_request_is_read_as_it_was_written(request_: TemporaryKeyRequest) -> None:
    text = temporary_keys.sign_request(request_, KEY)
    assert temporary_keys.unverified_request(text) == request_
    assert temporary_keys.verify_request(text, KEY) == request_


@both_scopes
def test_an_answer_is_read_as_it_was_written(request_: TemporaryKeyRequest) -> None:
    text = temporary_keys.sign_response(GIVEN, request_, PRIVATE)
    assert temporary_keys.verify_response(text, request_, PRIVATE.public_key()) == GIVEN
    claims = claims_of(text)
    assert (claims["iat"], claims["exp"]) == (1_700_000_000, 1_700_000_300)
    assert ("activationId" in claims) is bool(request_.activation_id)


@time_machine.travel(GIVEN.issued_at_ms / 1000)
def test_an_answer_is_read_by_a_library_and_a_library_s_is_read() -> None:
    key = jwk.JWK.from_pyca(PRIVATE)
    text = temporary_keys.sign_response(GIVEN, ASKED, PRIVATE)
    checked = jwt.JWT(
        jwt=text, key=key, algs=["ES256"], check_claims={"sub": ID, "exp": None}, expected_type="JWS"
    )
    assert json.loads(checked.claims) == claims_of(text)
    theirs = jwt.JWT(header={"alg": "ES256"}, claims=claims_of(text))
    theirs.make_signed_token(key)
    assert temporary_keys.verify_response(theirs.serialize(), ASKED, PRIVATE.public_key()) == GIVEN


def test_the_key_of_a_request_is_the_secret_s_bytes_or_comes_of_them() -> None:
    assert bytes(range(16)) == KEY
    whole = hmac.digest(b"t" * 16, bytes(range(16)), hashlib.sha256)
    folded = bytes(left ^ right for left, right in zip(whole[:16], whole[16:], strict=True))
    assert temporary_keys.request_key(SECRET, b"t" * 16) == folded
    for secret in ("", "c2VjcmV0", "not Base64", SECRET.rstrip("=")):
        with pytest.raises(ProtocolError):
            temporary_keys.request_key(secret)


def test_a_request_of_another_key_or_that_was_changed_is_refused() -> None:
    text = temporary_keys.sign_request(ASKED, KEY)
    refused(text, temporary_keys.request_key(SECRET, bytes(16)))
    head, claims, signature = text.split(".")
    refused(f"{head}.{part({**claims_of(text), 'activationId': ID})}.{signature}")
    for other in (
        f"{head}.{claims}.",
        f"{head}.{claims}.{signature[:-2]}",
        f"{head}.{claims}.{part(bytes(32))}",
    ):
        refused(other)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "hs256"},
        {"alg": "HS512"},
        {"alg": "ES256"},
        {"alg": ["HS256"]},
        {},
        {"alg": "HS256", "crit": ["exp"]},
        [],
        "HS256",
        None,
        b"\xff",
        b"",
    ],
)
def test_a_token_that_is_signed_in_another_way_is_refused(header: object) -> None:
    claims = claims_of(temporary_keys.sign_request(ASKED, KEY))
    assert temporary_keys.verify_request(signed({"alg": "HS256", "kid": "1"}, claims), KEY) == ASKED
    refused(signed(header, claims))
    refused(f"{part(header)}.{part(claims)}.")
    # Signed with the public key, as if it were a secret one.
    public = elliptic_curve.public_octets(PRIVATE.public_key())
    answer_refused(
        signed({"alg": "HS256"}, claims_of(temporary_keys.sign_response(GIVEN, ASKED, PRIVATE)), public)
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "é.é.é",
        "\ud800",
        "A" * 10_000,
        "e30.e30.e30.e30",
        f"{part(b'[' * 3000)}.{part(b'[' * 3000)}.",
        f"{part(b'1' * 5000)}.e30.",
    ],
)
def test_what_is_no_token_is_refused(text: str) -> None:
    refused(text)
    answer_refused(text)
    with pytest.raises(ProtocolError):
        temporary_keys.unverified_request(text)


def test_one_token_is_written_in_one_way() -> None:
    text = temporary_keys.sign_request(ASKED, KEY)
    for other in (
        f"{text}=",
        f"{text}\n",
        f" {text}",
        text.replace(".", ". "),
        f"{text[:-1]}{chr(ord(text[-1]) + 1)}",
    ):
        refused(other)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("applicationKey", [None, "", 1, "AAAA", "\ud800", ["AAAAAAAAAAAAAAAAAAAAAA=="]]),
        ("challenge", [None, "", 1, "é", "x" * 129, {}]),
        ("activationId", ["", 1, ID.upper(), "test", [ID]]),
    ],
)
def test_a_malformed_claim_of_a_request_is_refused(name: str, values: list[object]) -> None:
    claims = claims_of(temporary_keys.sign_request(ASKED, KEY))
    for value in values:
        refused(signed({"alg": "HS256"}, {**claims, name: value}))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("sub", [None, "", 1, "test", ID.upper()]),
        ("publicKey", [None, "", 1, "AAAA", b64encode(b"\x04" + bytes(64)).decode()]),
        ("iat_ms", [None, "1", 1.5, True]),
        ("exp_ms", [None, "1", 1.5, True]),
    ],
)
def test_a_malformed_claim_of_an_answer_is_refused(name: str, values: list[object]) -> None:
    claims = claims_of(temporary_keys.sign_response(GIVEN, ASKED, PRIVATE))
    for value in values:
        text = f"{part({'alg': 'ES256'})}.{part({**claims, name: value})}"
        answer_refused(f"{text}.{part(elliptic_curve.sign_raw(text.encode(), PRIVATE))}")


def test_an_answer_to_another_request_or_of_another_server_is_refused() -> None:
    text = temporary_keys.sign_response(GIVEN, OF_ACTIVATION, PRIVATE)
    for other in (
        ASKED,
        replace(OF_ACTIVATION, challenge="other"),
        replace(OF_ACTIVATION, application_key=SECRET),
        replace(OF_ACTIVATION, activation_id="c564e700-7e86-4a87-b6c8-a5a0cc89683f"),
    ):
        answer_refused(text, other)
    answer_refused(temporary_keys.sign_response(GIVEN, ASKED, elliptic_curve.new_private_key()))
    # An answer in DER, which ES256 is not.
    head, claims, _ = temporary_keys.sign_response(GIVEN, ASKED, PRIVATE).split(".")
    answer_refused(f"{head}.{claims}.{part(elliptic_curve.sign(f'{head}.{claims}'.encode(), PRIVATE))}")


@settings(max_examples=50)
@given(st.text() | st.from_regex(r"\A[\w-]*\.[\w-]*\.[\w-]*\Z"))
def test_nothing_but_a_protocol_error_comes_of_any_text(text: str) -> None:
    refused(text)
    answer_refused(text)

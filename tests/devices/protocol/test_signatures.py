"""Signatures of one to three factors, in both formats, and the counter under them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenauth.devices.protocol import counter, signatures
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.key_derivation import device_keys
from tokenauth.devices.protocol.request_data import normalized_query, signed_octets
from tokenauth.devices.protocol.signatures import Factor, Match, SignatureType

KEYS = device_keys(bytes(range(16)))
START = bytes(16)
VERSIONS = ["3.0", "3.1", "3.2", "3.3"]
each_type = pytest.mark.parametrize("signature_type", SignatureType)
each_version = pytest.mark.parametrize("version", VERSIONS)


def after(steps: int, value: bytes = START) -> bytes:
    for _ in range(steps):
        value = counter.next_counter(value)
    return value


@each_type
@each_version
def test_each_combination_of_factors_is_verified_in_each_version(
    signature_type: SignatureType, version: str
) -> None:
    keys = signature_type.keys(KEYS)
    signature = signatures.sign(b"data", keys, START, version)
    assert signatures.verify(signature, b"data", keys, START, version) == Match(0, after(1))
    if version == "3.0":
        assert [len(part) for part in signature.split("-")] == [8] * len(keys)
    else:
        assert len(b64decode(signature)) == 16 * len(keys)


@each_version
def test_a_signature_is_of_one_body_one_type_and_these_keys(version: str) -> None:
    both = SignatureType.POSSESSION_KNOWLEDGE
    signature = signatures.sign(b"data", both.keys(KEYS), START, version)
    wrong_pin = replace(KEYS, knowledge=bytes(16))
    assert signatures.verify(signature, b"data", both.keys(KEYS), START, version)
    for octets, keys in (
        (b"other", both.keys(KEYS)),
        (b"", both.keys(KEYS)),
        (b"data", both.keys(wrong_pin)),
        *((b"data", other.keys(KEYS)) for other in SignatureType if other is not both),
    ):
        assert signatures.verify(signature, octets, keys, START, version) is None


@pytest.mark.parametrize("signature", ["", "é", "\ud800", "AAAA", "00000000", "A" * 100_000])
def test_what_is_no_signature_is_refused(signature: str) -> None:
    keys = SignatureType.POSSESSION.keys(KEYS)
    assert signatures.verify(signature, b"data", keys, START, "3.1") is None


@pytest.mark.parametrize(("steps", "found"), [(0, True), (1, True), (19, True), (20, False), (500, False)])
def test_a_device_may_be_19_steps_ahead_and_no_more(steps: int, found: bool) -> None:
    keys = SignatureType.POSSESSION.keys(KEYS)
    signature = signatures.sign(b"data", keys, after(steps), "3.3")
    match = signatures.verify(signature, b"data", keys, START, "3.3")
    assert match == (Match(steps, after(steps + 1)) if found else None)
    assert signatures.verify(signature, b"data", keys, START, "3.3", look_ahead=steps + 1)


def test_what_was_right_is_never_right_again() -> None:
    keys = SignatureType.POSSESSION.keys(KEYS)
    first, second = (signatures.sign(b"data", keys, after(steps), "3.3") for steps in (0, 1))
    assert (match := signatures.verify(second, b"data", keys, START, "3.3"))
    # Neither replayed nor reordered.
    for signature in (first, second):
        assert signatures.verify(signature, b"data", keys, match.next_counter, "3.3") is None


@each_type
def test_a_part_of_a_signature_depends_on_its_key_and_on_those_between_the_first_and_it(
    signature_type: SignatureType,
) -> None:
    parts = signatures.components(b"data", signature_type.keys(KEYS), START)
    for changed, factor in enumerate(signature_type.factors):
        others = signature_type.keys(replace(KEYS, **{factor.value: b"x" * 16}))
        for index, part in enumerate(signatures.components(b"data", others, START)):
            # The first key is in the first part only; the later ones are in their own and all after it.
            expected_same = index < changed or (changed == 0 and index > 0)
            assert (part == parts[index]) is expected_same


def test_leading_zeros_of_a_signature_in_digits_are_written() -> None:
    keys = SignatureType.POSSESSION_KNOWLEDGE_BIOMETRY.keys(KEYS)
    found = [signatures.sign_offline(bytes([octet]), keys, START) for octet in range(256)]
    assert any(part.startswith("0") for text in found for part in text.split("-"))
    assert {len(text) for text in found} == {26}


@pytest.mark.parametrize("digits", [4, 5, 6, 7, 8])
def test_a_factor_may_have_fewer_digits_for_a_person_to_copy(digits: int) -> None:
    keys = SignatureType.POSSESSION_KNOWLEDGE.keys(KEYS)
    whole = signatures.sign_offline(b"data", keys, START).split("-")
    assert signatures.sign_offline(b"data", keys, START, digits).split("-") == [
        part[-digits:] for part in whole
    ]
    for refused in (3, 9):
        with pytest.raises(ProtocolError):
            signatures.sign_offline(b"data", keys, START, refused)


def test_a_type_names_its_factors_in_the_order_of_their_keys() -> None:
    assert SignatureType.of("possession_knowledge_biometry").factors == tuple(Factor)
    assert SignatureType.POSSESSION_BIOMETRY.keys(KEYS) == (KEYS.possession, KEYS.biometry)
    for text in ("", "Possession", "knowledge_possession", "possession_possession", "knowledge_biometry"):
        with pytest.raises(ProtocolError):
            SignatureType.of(text)


@pytest.mark.parametrize(
    ("keys", "value", "version"),
    [
        ((), START, "3.1"),
        ((bytes(16),) * 4, START, "3.1"),
        ((bytes(15),), START, "3.1"),
        ((bytes(16), b""), START, "3.1"),
        ((bytes(16),), bytes(15), "3.1"),
        ((bytes(16),), START, "2.1"),
    ],
)
def test_what_cannot_sign_is_refused(keys: tuple[bytes, ...], value: bytes, version: str) -> None:
    with pytest.raises(ProtocolError):
        signatures.sign(b"", keys, value, version)
    with pytest.raises(ProtocolError):
        signatures.verify("", b"", keys, value, version)


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16), st.integers(0, 19))
def test_a_device_finds_how_far_it_is_from_the_server(transport: bytes, value: bytes, steps: int) -> None:
    hashed = counter.counter_hash(transport, after(steps, value))
    assert counter.distance(transport, value, hashed) == steps
    assert counter.distance(transport, value, hashed, steps) is None
    assert counter.distance(transport, after(steps + 1, value), hashed) is None


def test_a_counter_has_16_bytes_and_starts_anywhere() -> None:
    assert len({counter.new_counter() for _ in range(100)}) == 100
    assert len(counter.next_counter(counter.new_counter())) == 16
    with pytest.raises(ProtocolError):
        counter.next_counter(bytes(32))
    with pytest.raises(ProtocolError):
        counter.counter_hash(bytes(16), bytes(15))


def test_what_is_signed_of_a_request() -> None:
    nonce, secret = bytes(range(16)), b64encode(bytes(16)).decode()
    assert signed_octets("post", "/pa/token/create", nonce, b'{"a":1}', secret) == (
        b"POST&L3BhL3Rva2VuL2NyZWF0ZQ==&AAECAwQFBgcICQoLDA0ODw==&eyJhIjoxfQ==&AAAAAAAAAAAAAAAAAAAAAA=="
    )
    assert signed_octets("GET", "/", nonce, b"", secret).count(b"&") == 4
    with pytest.raises(ProtocolError):
        signed_octets("POST", "/", nonce[:-1], b"", secret)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ""),
        ("b=2&a=1", "a=1&b=2"),
        ("a=2&a=10&a=1", "a=1&a=10&a=2"),
        ("a=b=c", "a=b%3Dc"),
        ("a=&=b", "=b&a="),
        ("a&b=1&&", "b=1"),
        ("a=x+y%20z", "a=x+y+z"),
        ("a=~*-._/", "a=%7E*-._%2F"),
        ("a=%c3%a9&a=é", "a=%C3%A9&a=%C3%A9"),
        # By their UTF-16, U+1F600 comes before U+FFFD.
        ("\ufffd=1&\U0001f600=2", "%F0%9F%98%80=2&%EF%BF%BD=1"),
    ],
)
def test_a_query_is_written_in_one_way(query: str, expected: str) -> None:
    assert normalized_query(query).decode() == expected
    assert normalized_query(expected) == expected.encode()


@pytest.mark.parametrize("query", ["a=%", "a=%4", "a=%zz", "a=%FF", "a=\ud800"])
def test_a_malformed_query_is_refused(query: str) -> None:
    with pytest.raises(ProtocolError):
        normalized_query(query)


def test_the_counter_that_follows_is_not_in_a_repr() -> None:
    assert repr(Match(0, START)) == "Match(steps=0)"

"""The digest of a token. Its known answers were computed apart from this code, and by the vendor's own."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.token_digest import is_token_digest, new_nonce, new_secret, token_digest

A = ("AAECAwQFBgcICQoLDA0ODw==", "8PHy8/T19vf4+fr7/P3+/w==", 1700000000000)
B = ("VqAXEhziiT27lxoqREjtcQ==", "AAECAwQFBgcICQoLDA0ODw==", 1735689600123)
KNOWN = [
    (A, "3.0", "EZh96EBRvqoqS5SXrUyIyJDBh43yiKBmhqQGHU4dvzY="),
    (A, "3.1", "EZh96EBRvqoqS5SXrUyIyJDBh43yiKBmhqQGHU4dvzY="),
    (A, "3.2", "kydrPtHkMSRb0vYQVTDzDlzkkAbVGb6w+MBB3aQUFHA="),
    (A, "3.3", "5FiG5rQ9SV2ZVi+DeruketJHp+BaZQSjHXfnnTXr144="),
    (B, "3.0", "krw6ETOkzAMMSD6X8eIrNDycJbLEneX/0TcuBVhLu+E="),
    (B, "3.1", "krw6ETOkzAMMSD6X8eIrNDycJbLEneX/0TcuBVhLu+E="),
    (B, "3.2", "GxuQdVN6oQ9GnNmBE8R9iHzKv7HZskpgSey8fc3art0="),
    (B, "3.3", "BfE1QAE/YfABsthhKhx5u0ouaAcmchz+vlqutdNTAOk="),
]

SECRET, NONCE, NOW = bytes(range(16)), bytes(16), 1_700_000_000_000

keys = st.binary(min_size=16, max_size=16)
times = st.integers(0, 2**63 - 1)
versions = st.sampled_from(["3.0", "3.1", "3.2", "3.3"])


@pytest.mark.parametrize(("case", "version", "expected"), KNOWN)
def test_known_answers(case: tuple[str, str, int], version: str, expected: str) -> None:
    secret, nonce, timestamp = case
    digest = token_digest(b64decode(secret), b64decode(nonce), timestamp, version)
    assert b64encode(digest).decode() == expected


@given(keys, keys, times, versions)
def test_scenario_45_a_digest_is_valid_under_its_own_version(
    secret: bytes, nonce: bytes, timestamp: int, version: str
) -> None:
    digest = token_digest(secret, nonce, timestamp, version)
    assert is_token_digest(digest, secret, nonce, timestamp, version)


@given(keys, keys, times, st.integers(0, 255), st.integers(1, 255))
def test_a_digest_is_of_no_other_secret_nonce_time_or_version(
    secret: bytes, nonce: bytes, timestamp: int, at: int, bits: int
) -> None:
    digest = token_digest(secret, nonce, timestamp, "3.3")

    def changed(octets: bytes) -> bytes:
        place = at % len(octets)
        return octets[:place] + bytes([octets[place] ^ bits]) + octets[place + 1 :]

    assert not is_token_digest(digest, changed(secret), nonce, timestamp, "3.3")
    assert not is_token_digest(digest, secret, changed(nonce), timestamp, "3.3")
    assert not is_token_digest(digest, secret, nonce, timestamp ^ bits, "3.3")
    assert not is_token_digest(changed(digest), secret, nonce, timestamp, "3.3")
    assert not is_token_digest(digest[:-1], secret, nonce, timestamp, "3.3")
    for version in ("3.0", "3.1", "3.2"):
        assert not is_token_digest(digest, secret, nonce, timestamp, version)


@pytest.mark.parametrize(
    ("secret", "nonce", "timestamp", "version"),
    [
        (SECRET[:-1], NONCE, NOW, "3.3"),
        (SECRET + b"x", NONCE, NOW, "3.3"),
        (b"", NONCE, NOW, "3.3"),
        (SECRET, NONCE[:-1], NOW, "3.3"),
        (SECRET, NONCE + b"&", NOW, "3.3"),
        (SECRET, NONCE, -1, "3.3"),
        (SECRET, NONCE, 2**63, "3.3"),
        (SECRET, NONCE, NOW, "2.1"),
        (SECRET, NONCE, NOW, "4.0"),
        (SECRET, NONCE, NOW, "3.3 "),
        (SECRET, NONCE, NOW, ""),
    ],
)
def test_what_is_no_input_is_refused(secret: bytes, nonce: bytes, timestamp: int, version: str) -> None:
    assert len(token_digest(SECRET, NONCE, NOW, "3.3")) == 32
    with pytest.raises(ProtocolError):
        token_digest(secret, nonce, timestamp, version)


def test_secrets_and_nonces_are_new_each_time() -> None:
    for make in (new_secret, new_nonce):
        assert len({make() for _ in range(100)}) == 100
        assert len(make()) == 16

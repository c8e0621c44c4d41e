"""Activation codes, and the configuration that an application has before it is activated."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenauth.devices.protocol import activation_code, elliptic_curve
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.sdk_configuration import SdkConfiguration

CODE = "GYA4L-D4C7K-OP2NV-USYYQ"
KEY, SECRET = (b64encode(bytes([number]) * 16).decode() for number in (1, 2))
CONFIGURATION = SdkConfiguration(KEY, SECRET, elliptic_curve.private_key(b"\x07").public_key())


def test_the_checksum_is_the_one_that_is_published_for_its_name() -> None:
    assert activation_code.checksum(b"123456789") == b"\xbb\x3d"


@given(st.binary(min_size=10, max_size=10))
def test_a_code_is_read_as_it_was_made(octets: bytes) -> None:
    code = activation_code.from_octets(octets)
    assert len(code) == 23
    assert activation_code.parse(code) == octets


def test_codes_are_new_each_time() -> None:
    codes = [activation_code.new_code() for _ in range(100)]
    assert len({activation_code.parse(code) for code in codes}) == 100


@pytest.mark.parametrize("at", [place for place, character in enumerate(CODE) if character != "-"])
def test_one_mistyped_character_is_found(at: int) -> None:
    assert activation_code.parse(CODE)
    for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567":
        if other != CODE[at]:
            with pytest.raises(ProtocolError):
                activation_code.parse(CODE[:at] + other + CODE[at + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        "",
        CODE.lower(),
        CODE.replace("-", ""),
        CODE.replace("-", " "),
        f"{CODE}\n",
        f" {CODE}",
        f"{CODE}-AAAAA",
        CODE[:-1],
        f"{CODE[:-1]}=",
        CODE.replace("GYA4L", "GYA1L"),
        CODE.replace("GYA4L", "GYA٤L"),
        "A" * 100_000,
    ],
)
def test_what_has_another_form_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        activation_code.parse(text)
    assert CODE not in str(caught.value)


def test_other_than_ten_bytes_make_no_code() -> None:
    for length in (0, 9, 11):
        with pytest.raises(ProtocolError):
            activation_code.from_octets(bytes(length))


def test_a_code_is_signed_by_one_server() -> None:
    private = elliptic_curve.new_private_key()
    signature = activation_code.sign(CODE, private)
    activation_code.verify(signature, CODE, private.public_key())
    other_code, other_key = activation_code.new_code(), elliptic_curve.new_private_key().public_key()
    for code, public in ((other_code, private.public_key()), (CODE, other_key), ("no code", other_key)):
        with pytest.raises(ProtocolError):
            activation_code.verify(signature, code, public)
    with pytest.raises(ProtocolError):
        activation_code.sign("no code", private)


def test_a_configuration_is_read_as_it_was_written() -> None:
    text = CONFIGURATION.render()
    assert SdkConfiguration.parse(text) == CONFIGURATION
    octets = b64decode(text)
    assert octets[:2] == b"\x01\x10"
    assert octets[2:18] == bytes([1]) * 16
    assert octets[18:19] + octets[19:35] == b"\x10" + bytes([2]) * 16
    assert octets[35:38] == b"\x01\x01\x41"
    assert octets[38:] == elliptic_curve.public_octets(CONFIGURATION.master_public_key)
    assert SECRET not in repr(CONFIGURATION)


@pytest.mark.parametrize("at", [0, 1, 18, 35, 36, 37, 38, 40, 102])
def test_a_configuration_of_another_form_is_refused(at: int) -> None:
    octets = b64decode(CONFIGURATION.render())
    changed = octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]
    for wrong in (changed, octets[:-1], octets + b"\x00", b""):
        with pytest.raises(ProtocolError):
            SdkConfiguration.parse(b64encode(wrong).decode())

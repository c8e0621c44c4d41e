"""The three headers: what real clients send is read, and nothing that only resembles it."""

from __future__ import annotations

import itertools
from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.headers import LONGEST_VALUE, EncryptionHeader, SignatureHeader, TokenHeader
from tokenauth.devices.protocol.signatures import SignatureType
from tokenauth.devices.protocol.versions import Version

ID = "2d6bf693-3928-4c01-a8d5-7c4a9671261e"
KEY = b64encode(bytes(range(16))).decode()
DIGEST = b64encode(bytes(range(32))).decode()

TOKEN = {
    "token_id": ID,
    "token_digest": DIGEST,
    "nonce": KEY,
    "timestamp": "1700000000000",
    "version": "3.3",
}
SIGNATURE = {
    "pa_activation_id": ID,
    "pa_application_key": KEY,
    "pa_nonce": KEY,
    "pa_signature_type": "possession_knowledge",
    "pa_signature": DIGEST,
    "pa_version": "3.1",
}
ENCRYPTION = {"version": "3.2", "application_key": KEY, "activation_id": ID}

Header = type[TokenHeader] | type[SignatureHeader] | type[EncryptionHeader]
HEADERS: list[tuple[Header, dict[str, str]]] = [
    (TokenHeader, TOKEN),
    (SignatureHeader, SIGNATURE),
    (EncryptionHeader, ENCRYPTION),
]
each_header = pytest.mark.parametrize(("header", "fields"), HEADERS)


def value(fields: dict[str, str], separator: str = ", ") -> str:
    return "PowerAuth " + separator.join(f'{name}="{text}"' for name, text in fields.items())


def refused(header: Header, text: str) -> str:
    with pytest.raises(ProtocolError) as caught:
        header.parse(text)
    # Neither is what was sent in the text, nor hangs an error on it that has it.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def test_a_token_header_is_read() -> None:
    parsed = TokenHeader.parse(value(TOKEN))
    assert parsed == TokenHeader(ID, bytes(range(32)), bytes(range(16)), 1_700_000_000_000, Version.V3_3)


def test_a_signature_header_is_read() -> None:
    parsed = SignatureHeader.parse(value(SIGNATURE))
    assert parsed == SignatureHeader(
        ID, KEY, bytes(range(16)), SignatureType.POSSESSION_KNOWLEDGE, DIGEST, Version.V3_1
    )


def test_an_encryption_header_is_read_with_an_activation_and_without() -> None:
    assert EncryptionHeader.parse(value(ENCRYPTION)) == EncryptionHeader(KEY, Version.V3_2, ID)
    without = {name: text for name, text in ENCRYPTION.items() if name != "activation_id"}
    assert EncryptionHeader.parse(value(without)) == EncryptionHeader(KEY, Version.V3_2)


@each_header
def test_fields_come_in_any_order_with_a_comma_or_blanks_between(
    header: Header, fields: dict[str, str]
) -> None:
    expected = header.parse(value(fields))
    for order in itertools.permutations(fields.items()):
        assert header.parse(value(dict(order))) == expected
    for separator in (",", ", ", " , ", " ", "\n    ", "\r\n\t", ",\n\t"):
        assert header.parse(value(fields, separator)) == expected
    assert header.parse(f" {value(fields)}\t") == expected


@each_header
def test_a_field_that_is_not_known_is_ignored(header: Header, fields: dict[str, str]) -> None:
    assert header.parse(value({"new": "1", **fields})) == header.parse(value(fields))


@each_header
def test_a_missing_field_is_refused(header: Header, fields: dict[str, str]) -> None:
    for name in fields:
        if name != "activation_id":
            rest = {other: text for other, text in fields.items() if other != name}
            assert refused(header, value(rest)) == f"{name} is missing"


@each_header
def test_a_field_that_is_there_twice_is_refused(header: Header, fields: dict[str, str]) -> None:
    for name, text in fields.items():
        for twice in (f'{value(fields)}, {name}="{text}"', f'{value(fields)}, {name}="other"'):
            assert refused(header, twice) == "a field of the header is there twice"
    assert refused(header, f'{value(fields)}, new="1", new="1"') == "a field of the header is there twice"


@each_header
@pytest.mark.parametrize(
    "form",
    [
        "{name}={text}",
        "{name}='{text}'",
        '{name}="{text}',
        '{name}=""',
        '{name} = "{text}"',
        '{name}:"{text}"',
    ],
)
def test_a_field_that_is_quoted_in_another_way_is_refused(
    header: Header, fields: dict[str, str], form: str
) -> None:
    for name in fields:
        parts = [
            form.format(name=other, text=text) if other == name else f'{other}="{text}"'
            for other, text in fields.items()
        ]
        refused(header, "PowerAuth " + ", ".join(parts))
        refused(header, "PowerAuth " + " ".join(parts))


@each_header
def test_what_is_over_long_is_refused(header: Header, fields: dict[str, str]) -> None:
    padding = "x" * (LONGEST_VALUE - len(value({**fields, "new": ""})))
    assert header.parse(value({**fields, "new": padding})) == header.parse(value(fields))
    refused(header, value({**fields, "new": padding + "x"}))
    refused(header, value(fields) + " " * LONGEST_VALUE)
    for name in fields:
        refused(header, value({**fields, name: fields[name] * 2}))


@each_header
@pytest.mark.parametrize("other", ["é", "\u0661", "\ud800", "ſ", "\u00a0", "\x00", "\x7f", "\n"])
def test_what_is_not_printable_ascii_is_refused(header: Header, fields: dict[str, str], other: str) -> None:
    for name in fields:
        refused(header, value({**fields, name: fields[name] + other}))
        refused(header, value({**fields, name: other + fields[name][1:]}))
    refused(header, value({**fields, "new" + other: "1"}))
    refused(header, value({**fields, "new": other}))


@each_header
def test_another_scheme_is_refused(header: Header, fields: dict[str, str]) -> None:
    text = value(fields)
    scheme, rest = text.split(" ", 1)
    for other in (
        f"poweRauth {rest}",
        f"{scheme}\t{rest}",
        f"{scheme}{rest}",
        rest,
        f"X-PowerAuth-Token: {text}",
        f"Bearer {rest}",
        scheme,
        f"{scheme} ",
        "",
        "undefined",
    ):
        refused(header, other)


@each_header
@pytest.mark.parametrize("form", [" {}", ",{}", "{},", "{} x", "{};", '{}"', "{},,", "{}, ,"])
def test_what_stands_beside_the_fields_is_refused(header: Header, fields: dict[str, str], form: str) -> None:
    rest = value(fields).removeprefix("PowerAuth ")
    refused(header, "PowerAuth " + form.format(rest))
    refused(header, value(fields, "; "))
    refused(header, value(fields, ""))
    refused(header, value(fields, ",,"))


TOO_SHORT, NOT_CANONICAL = b64encode(bytes(15)).decode(), "AAAAAAAAAAAAAAAAAAAAAB=="
NOT_BASE64 = ["AAAAAAAAAAAAAAAAAAAAAA", TOO_SHORT, NOT_CANONICAL, "_" * 22 + "==", "A AAAAAAAAAAAAAAAAAAAA=="]
NOT_IDS = [ID.upper(), ID.replace("-", ""), f"{{{ID}}}", ID[:-1], f"{ID}0", f"pa_{ID}", "test"]
VERSIONS = ["2.1", "3", "3.4", "4.0", "3.3.", "03.3", "v3.3"]


@pytest.mark.parametrize(
    ("header", "name", "texts"),
    [
        (TokenHeader, "token_id", [*NOT_IDS, ID.replace("4c01", "6c01"), ID.replace("a8d5", "c8d5")]),
        (TokenHeader, "token_digest", [*NOT_BASE64, KEY, DIGEST.rstrip("=")]),
        (TokenHeader, "nonce", [*NOT_BASE64, DIGEST]),
        (
            TokenHeader,
            "timestamp",
            [
                "12345678",
                "1" * 16,
                "0" + "1" * 13,
                "0" * 13,
                "-1700000000000",
                "1.7e12",
                "1 700",
                "0x18bcfe56800",
            ],
        ),
        (TokenHeader, "version", VERSIONS),
        (SignatureHeader, "pa_activation_id", NOT_IDS),
        (SignatureHeader, "pa_application_key", [*NOT_BASE64, DIGEST]),
        (SignatureHeader, "pa_nonce", [*NOT_BASE64, DIGEST]),
        (
            SignatureHeader,
            "pa_signature_type",
            ["POSSESSION", "knowledge_biometry", "knowledge_possession", "none"],
        ),
        (SignatureHeader, "pa_signature", [KEY, b64encode(bytes(48)).decode(), "12345678-12345678", "x"]),
        (SignatureHeader, "pa_version", VERSIONS),
        (EncryptionHeader, "application_key", [*NOT_BASE64, DIGEST]),
        (EncryptionHeader, "activation_id", NOT_IDS),
        (EncryptionHeader, "version", VERSIONS),
    ],
)
def test_a_malformed_field_is_refused(header: Header, name: str, texts: list[str]) -> None:
    fields = dict(HEADERS)[header]
    for text in texts:
        assert text not in refused(header, value({**fields, name: text})).split()


def test_the_shortest_and_the_longest_timestamp_are_read() -> None:
    for timestamp in (10**8, 10**15 - 1):
        assert TokenHeader.parse(value({**TOKEN, "timestamp": str(timestamp)})).timestamp_ms == timestamp


def test_in_3_0_a_signature_has_eight_digits_for_each_factor() -> None:
    old = {**SIGNATURE, "pa_version": "3.0"}
    for signature in ("00000001-12345678",):
        assert SignatureHeader.parse(value({**old, "pa_signature": signature})).signature == signature
    for signature in (
        "12345678",
        "1234567-12345678",
        "12345678-12345678-12345678",
        "12345678-1234567a",
        DIGEST,
    ):
        refused(SignatureHeader, value({**old, "pa_signature": signature}))


def test_a_signature_has_as_many_factors_as_its_type() -> None:
    signatures = [b64encode(bytes(16 * factors)).decode() for factors in (1, 2, 3)]
    for signature_type in SignatureType:
        fields = {**SIGNATURE, "pa_signature_type": signature_type.value}
        for factors, signature in enumerate(signatures, 1):
            text = value({**fields, "pa_signature": signature})
            if factors == len(signature_type.factors):
                assert SignatureHeader.parse(text).signature_type is signature_type
            else:
                refused(SignatureHeader, text)


ids = st.uuids(version=4).map(str)
nonces = st.binary(min_size=16, max_size=16)
application_keys = nonces.map(lambda octets: b64encode(octets).decode())


@st.composite
def signature_headers(draw: st.DrawFn) -> SignatureHeader:
    signature_type, version = draw(st.sampled_from(SignatureType)), draw(st.sampled_from(Version))
    parts = [draw(nonces) for _ in signature_type.factors]
    if version is Version.V3_0:
        signature = "-".join(f"{part[0]:08}" for part in parts)
    else:
        signature = b64encode(b"".join(parts)).decode()
    return SignatureHeader(
        draw(ids), draw(application_keys), draw(nonces), signature_type, signature, version
    )


headers = (
    st.builds(
        TokenHeader,
        ids,
        st.binary(min_size=32, max_size=32),
        nonces,
        st.integers(10**8, 10**15 - 1),
        st.sampled_from(Version),
    )
    | signature_headers()
    | st.builds(EncryptionHeader, application_keys, st.sampled_from(Version), ids | st.just(""))
)


@given(headers)
def test_a_header_is_read_as_it_was_written(header: TokenHeader | SignatureHeader | EncryptionHeader) -> None:
    assert type(header).parse(header.render()) == header


@settings(max_examples=50)
@given(st.text() | st.text().map("PowerAuth ".__add__) | st.from_regex(r'\APowerAuth (\w+="[^"]*"[, ]*)*\Z'))
def test_nothing_but_a_protocol_error_comes_of_any_text(text: str) -> None:
    for header, _ in HEADERS:
        try:
            header.parse(text)
        except ProtocolError as error:
            assert type(error) is ProtocolError  # noqa: PT017


def test_neither_digest_nor_signature_is_in_a_repr() -> None:
    assert "token_digest" not in repr(TokenHeader.parse(value(TOKEN)))
    assert DIGEST not in repr(SignatureHeader.parse(value(SIGNATURE)))

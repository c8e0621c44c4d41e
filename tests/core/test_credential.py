from __future__ import annotations

import re
import string
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenauth.core import credential
from tokenauth.core.credential import Environment, Kind
from tokenauth.exceptions import CredentialError, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = [(Kind.PERSONAL, ""), (Kind.API_KEY, Environment.LIVE), (Kind.API_KEY, Environment.TEST)]


@pytest.mark.parametrize(
    ("kind", "environment", "pattern"),
    [
        (Kind.PERSONAL, "", r"pat_[0-9A-Za-z]{36}"),
        (Kind.API_KEY, "live", r"ak_live_[0-9A-Za-z]{36}"),
        (Kind.API_KEY, "test", r"ak_test_[0-9A-Za-z]{36}"),
    ],
)
def test_one_regular_expression_finds_each_kind(kind: Kind, environment: str, pattern: str) -> None:
    assert re.fullmatch(pattern, credential.make(kind, environment).text)


@pytest.mark.parametrize(("kind", "environment"), KINDS)
def test_what_is_made_is_parsed(kind: Kind, environment: str) -> None:
    made = credential.make(kind, environment)
    assert credential.parse(made.text) == made


def test_no_two_are_alike() -> None:
    assert len({credential.make(Kind.PERSONAL).text for _ in range(1000)}) == 1000


def test_the_checksum_is_the_crc32_in_base62_with_leading_zeros() -> None:
    # 0x5F is far below 62 ** 6: the text is padded. The alphabet's order is 0-9, A-Z, a-z.
    alphabet = string.digits + string.ascii_uppercase + string.ascii_lowercase
    payload = "pat_" + "0" * 30
    number = zlib.crc32(payload.encode())
    assert credential.checksum(payload) == "42VsRc".rjust(6, "0")
    assert sum(alphabet.index(c) * 62**place for place, c in enumerate(reversed("42VsRc"))) == number


@given(st.text(alphabet=credential.ALPHABET, min_size=30, max_size=30), st.integers(0, 35), st.data())
def test_one_mistyped_character_is_noticed(body: str, position: int, data: st.DataObject) -> None:
    text = f"pat_{body}"
    text += credential.checksum(text)
    at = 4 + position
    other = data.draw(st.sampled_from(credential.ALPHABET.replace(text[at], "")))
    with pytest.raises(CredentialError) as refused:
        credential.parse(text[:at] + other + text[at + 1 :])
    assert refused.value.reason is Reason.MALFORMED


@given(st.one_of(st.text(), st.binary(), st.none(), st.integers()))
def test_whatever_is_presented_is_parsed_or_malformed(presented: object) -> None:
    with pytest.raises(CredentialError) as refused:
        credential.parse(presented)
    assert refused.value.reason is Reason.MALFORMED


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text[:-1],
        lambda text: text + "0",
        lambda text: text.upper(),
        lambda text: text.replace("pat_", "PAT_"),
        lambda text: text.replace("pat_", "ak_"),
        lambda text: text.replace("pat_", "ak_prod_"),
        lambda text: text.replace("pat_", ""),
        lambda text: text[:10] + "\0" + text[11:],
        lambda text: text[:10] + "é" + text[11:],
        lambda text: text[:10] + "٣" + text[11:],
    ],
)
def test_what_is_nearly_a_token_is_malformed(spoil: Callable[[str], str]) -> None:
    with pytest.raises(CredentialError):
        credential.parse(spoil(credential.make(Kind.PERSONAL).text))


def test_the_hint_shows_the_prefix_four_characters_and_the_last_four() -> None:
    made = credential.make(Kind.API_KEY, "live")
    assert made.hint == f"ak_live_{made.text[8:12]}…{made.text[-4:]}"


def test_its_repr_shows_no_secret() -> None:
    made = credential.make(Kind.PERSONAL)
    assert made.text not in repr(made)
    assert made.text[4:] not in f"{made}"


def test_of_several_prefixes_the_first_is_used_and_all_are_valid(
    tokenauth_settings: Callable[..., None],
) -> None:
    old = credential.make(Kind.PERSONAL)
    tokenauth_settings(TOKEN_PREFIX=["acme", "pat"])
    new = credential.make(Kind.PERSONAL)
    assert new.text.startswith("acme_")
    assert credential.parse(new.text).kind is Kind.PERSONAL
    assert credential.parse(old.text).kind is Kind.PERSONAL
    tokenauth_settings(TOKEN_PREFIX="acme")
    with pytest.raises(CredentialError):
        credential.parse(old.text)


BODY = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"


@pytest.mark.parametrize(
    "text",
    [
        f"pat_{BODY}",
        f"ak_live_{BODY}",
        f"ak_test_{BODY}",
        f"  Bearer pat_{BODY} ",
        f"Authorization: Bearer pat_{BODY}",
        f'X-API-Key:"ak_live_{BODY}"',
        f"token=pat_{BODY}&x=1",
        # Cut off when it was copied, or with a checksum that is wrong.
        "pat_" + BODY[:16],
        f"pat_{BODY}0",
    ],
)
def test_what_holds_a_credential_resembles_one(text: str) -> None:
    assert credential.resembles(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pat",
        "pat_",
        "pat_AbCd…wXyZ",
        "pat_AbCd...wXyZ",
        "pat_" + BODY[:15],
        BODY,
        f"gh_{BODY}",
        f"xpat_{BODY}",
    ],
)
def test_a_hint_and_a_name_do_not(text: str) -> None:
    assert not credential.resembles(text)


def test_it_goes_by_the_prefixes_of_this_deployment(tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(TOKEN_PREFIX=["acme", "old"], API_KEY_PREFIX="key")
    for head in ("acme_", "old_", "key_live_"):
        assert credential.resembles(head + BODY)
    assert not credential.resembles("pat_" + BODY)


@pytest.mark.parametrize(
    ("pasted", "text"),
    [
        ("pat_x", "pat_x"),
        (" pat_x\n", "pat_x"),
        ("Authorization: Bearer pat_x", "pat_x"),
        ("'pat_x',", "pat_x"),
        ("", ""),
        (" \n", ""),
    ],
)
def test_what_is_around_a_pasted_credential_is_taken_off(pasted: str, text: str) -> None:
    assert credential.unwrapped(pasted) == text


@pytest.mark.parametrize("hint", ["pat_AbCd…wXyZ", "ak_live_0000…0000"])
def test_a_hint_is_known_however_its_dots_are_typed(hint: str) -> None:
    assert credential.hint_in(f" {hint} ") == hint
    assert credential.hint_in(hint.replace("…", "...")) == hint


def test_each_hint_is_one() -> None:
    for kind, environment in KINDS:
        made = credential.make(kind, environment)
        assert credential.hint_in(made.hint) == made.hint
        assert credential.hint_in(made.text) == ""


@pytest.mark.parametrize(
    "text", ["", "AbCd…wXyZ", "pat_AbCd", "pat_AbCd…wXyZ laptop", "pat_AbC…wXyZ", "pat_ÄbCd…wXyZ"]
)
def test_part_of_a_hint_is_none(text: str) -> None:
    assert credential.hint_in(text) == ""

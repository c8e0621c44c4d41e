"""What can be signed by."""

from __future__ import annotations

from typing import Any

import pytest

from tokenauth.client import PowerAuthAuthentication, PowerAuthError, PowerAuthErrorCode

KEY = b"a finger, or a face"


# The last is what a terminal gives for an octet that it cannot read.
@pytest.mark.parametrize("password", ["", None, 7391, b"7391", "739\udce9"])
def test_what_is_no_password_is_no_factor_left_out(password: Any) -> None:
    for make in (
        lambda: PowerAuthAuthentication.password(password),
        lambda: PowerAuthAuthentication.persist_with_password(password),
        lambda: PowerAuthAuthentication.persist_with_password_and_biometry(password, KEY),
    ):
        with pytest.raises(PowerAuthError) as error:
            make()
        assert error.value.code is PowerAuthErrorCode.WRONG_PARAMETER
        assert "739" not in str(error.value)


@pytest.mark.parametrize("key", [b"", None, "a finger, or a face", KEY[:15]])
def test_what_is_no_key_of_biometry(key: Any) -> None:
    for make in (
        lambda: PowerAuthAuthentication.biometry(key),
        lambda: PowerAuthAuthentication.persist_with_password_and_biometry("7391", key),
    ):
        with pytest.raises(PowerAuthError) as error:
            make()
        assert error.value.code is PowerAuthErrorCode.WRONG_PARAMETER


@pytest.mark.parametrize("password", ["7391", " ", "p\u00e4ssword", "\U0001f511"])
def test_a_password_is_not_shown(password: str) -> None:
    shown = repr(PowerAuthAuthentication.persist_with_password_and_biometry(password, KEY))
    assert shown == "PowerAuthAuthentication(is_for_persisting=True)"

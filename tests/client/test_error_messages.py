"""What is printed for each code of the SDKs."""

from __future__ import annotations

import pytest

from tokenauth.client.error_messages import (
    ADVICE,
    ADVICE_BY_SERVER_CODE,
    OF_AN_UNKNOWN_OUTCOME,
    OF_KEYCHAINS,
    advice_on,
    report_of,
)
from tokenauth.client.exceptions import (
    CorruptedEntryError,
    KeychainError,
    PowerAuthError,
    PowerAuthErrorCode,
)


@pytest.mark.parametrize("code", PowerAuthErrorCode)
def test_a_code_is_explained(code: PowerAuthErrorCode) -> None:
    first, advice, last = report_of(PowerAuthError(code, "This failed.")).splitlines()

    assert first == "error: This failed."
    assert last == f"code: {code}"
    # What it means, and what to do: in two sentences.
    assert advice == ADVICE[code]
    assert advice.count(". ") == 1
    assert advice.endswith(".")
    assert 40 < len(advice) < 240


def test_each_in_its_own_words() -> None:
    assert len(set(ADVICE.values())) == len(PowerAuthErrorCode)


@pytest.mark.parametrize("server_code", ADVICE_BY_SERVER_CODE)
def test_a_refusal_that_the_server_names(server_code: str) -> None:
    error = PowerAuthError(
        PowerAuthErrorCode.RESPONSE_ERROR, "It answered 400.", http_status=400, server_code=server_code
    )
    assert advice_on(error) == ADVICE_BY_SERVER_CODE[server_code]


def test_a_refusal_that_nobody_knows() -> None:
    error = PowerAuthError(PowerAuthErrorCode.RESPONSE_ERROR, "It answered 400.", server_code="ERR_OTHER")
    assert advice_on(error) == ADVICE[PowerAuthErrorCode.RESPONSE_ERROR]


def test_a_keychain_that_refuses_and_one_that_is_damaged() -> None:
    assert advice_on(KeychainError("It is locked.")) == OF_KEYCHAINS[PowerAuthErrorCode.UNKNOWN_ERROR]
    damaged = ADVICE[PowerAuthErrorCode.INVALID_ACTIVATION_DATA]
    assert advice_on(CorruptedEntryError("It is damaged.")) == damaged
    whole_file = KeychainError("It does not open.", PowerAuthErrorCode.INVALID_ACTIVATION_DATA)
    assert advice_on(whole_file) == OF_KEYCHAINS[PowerAuthErrorCode.INVALID_ACTIVATION_DATA]
    readable = KeychainError("Others read it.", PowerAuthErrorCode.INSUFFICIENT_KEYCHAIN_PROTECTION)
    assert advice_on(readable) == ADVICE[PowerAuthErrorCode.INSUFFICIENT_KEYCHAIN_PROTECTION]


def test_what_the_server_may_have_done_all_the_same() -> None:
    error = PowerAuthError(PowerAuthErrorCode.NETWORK_ERROR, "No answer.", is_outcome_unknown=True)
    assert report_of(error).splitlines()[-2] == OF_AN_UNKNOWN_OUTCOME


def test_what_was_behind_it() -> None:
    cause = PowerAuthError(PowerAuthErrorCode.NETWORK_ERROR, "No route.")
    error = PowerAuthError(PowerAuthErrorCode.CANNOT_GENERATE_TOKEN, "No time.")
    error.__cause__ = cause
    assert report_of(error).splitlines()[:2] == ["error: No time.", "because: No route. (NETWORK_ERROR)"]
    # What helps is what helps there.
    assert advice_on(error) == ADVICE[PowerAuthErrorCode.NETWORK_ERROR]

    said_already = PowerAuthError(PowerAuthErrorCode.CANNOT_GENERATE_TOKEN, "No time: No route.")
    said_already.__cause__ = cause
    assert "because" not in report_of(said_already)


def test_nothing_that_a_terminal_would_obey() -> None:
    error = PowerAuthError(PowerAuthErrorCode.RESPONSE_ERROR, "It said \x1b[2Jthis\nand\r that.")
    assert report_of(error).splitlines()[0] == "error: It said ?[2Jthis and that."

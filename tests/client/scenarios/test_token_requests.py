"""A token is made, and kept under its name; what it authorizes is what the server lets through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.client.program import (
    BIOMETRY,
    BIOMETRY_KEY,
    CREATE,
    KNOWLEDGE,
    PIN,
    POSSESSION,
    WRONG,
    new_code,
    parsed,
    stored,
)
from tokenauth.client import PowerAuthActivation, PowerAuthAuthentication, PowerAuthError, PowerAuthErrorCode
from tokenauth.devices.models import DeviceToken
from tokenauth.devices.protocol.signatures import SignatureType

if TYPE_CHECKING:
    from testproject.accounts.models import User
    from tests.client.program import Program
    from tokenauth.client import PowerAuth


def test_04_25_28_a_token_is_made_and_kept(program: Program, power_auth: PowerAuth) -> None:
    tokens = power_auth.token_store
    token = tokens.request_access_token("sites", POSSESSION)
    assert (token.token_name, token.token_identifier) == ("sites", str(DeviceToken.objects.get().pk))
    assert token.is_valid() is token.can_generate_header() is True
    assert tokens.has_local_token("sites") is True
    assert tokens.get_local_token("sites") == token
    assert program.get(tokens.generate_header_for_token("sites")) == 200


def test_05_16_26_it_says_whose_it_is(program: Program, power_auth: PowerAuth) -> None:
    tokens = power_auth.token_store
    token = tokens.request_access_token("sites", POSSESSION)
    again, kept = tokens.request_access_token("sites", POSSESSION), tokens.get_local_token("sites")
    assert again == kept == token
    assert again.token_identifier == kept.token_identifier == token.token_identifier
    assert program.wire.paths.count(CREATE) == 1
    for each in (token, again, kept):
        header = each.generate_header()
        assert parsed(header).token_id == token.token_identifier
        assert parsed(header).version == program.version
        assert program.get(header) == 200
    row = DeviceToken.objects.get()
    assert row.signature_type == SignatureType.POSSESSION
    assert str(row.activation_id) == power_auth.get_activation_identifier()
    assert row.activation.application == program.release.application
    assert row.activation.version == program.release


def test_06_31_it_has_the_factors_that_it_was_made_with(program: Program, alice: User) -> None:
    power_auth = program.start()
    new = PowerAuthActivation.with_activation_code(new_code(alice, program.release), "Petra's tablet")
    power_auth.create_activation(new)
    power_auth.persist_activation(
        PowerAuthAuthentication.persist_with_password_and_biometry(PIN, BIOMETRY_KEY)
    )
    asked = {"weak": POSSESSION, "strong": KNOWLEDGE, "by finger": BIOMETRY}
    for name, factors in asked.items():
        token = power_auth.token_store.request_access_token(name, factors)
        row = DeviceToken.objects.get(pk=token.token_identifier)
        assert row.signature_type == factors.signature_type
        assert str(row.activation_id) == power_auth.get_activation_identifier()
        assert program.get(power_auth.token_store.generate_header_for_token(name)) == 200
    assert DeviceToken.objects.count() == 3


def test_06_31_and_opens_what_is_for_them_alone(
    program: Program, power_auth: PowerAuth, tokenauth_settings: object
) -> None:
    weak = power_auth.token_store.request_access_token("weak", POSSESSION)
    strong = power_auth.token_store.request_access_token("strong", KNOWLEDGE)
    tokenauth_settings(DEVICE_TOKEN_SCOPES={"possession_knowledge": ["read:sites"]})  # type: ignore[operator]
    assert program.get(weak.generate_header()) == 403
    assert program.get(strong.generate_header()) == 200


def test_08_38_a_wrong_password_makes_none(program: Program, power_auth: PowerAuth) -> None:
    with pytest.raises(PowerAuthError) as refused:
        power_auth.token_store.request_access_token("sites", WRONG)
    error = refused.value
    assert (error.code, error.http_status) == (PowerAuthErrorCode.AUTHENTICATION_ERROR, 401)
    assert (error.server_code, error.server_message) == ("ERR_AUTHENTICATION", "POWER_AUTH_SIGNATURE_INVALID")
    assert error.is_outcome_unknown is False
    assert power_auth.token_store.has_local_token("sites") is False
    assert not DeviceToken.objects.exists()
    assert stored().failed_attempts == 1
    # The name is free for whoever knows it.
    assert (
        program.get(power_auth.token_store.request_access_token("sites", KNOWLEDGE).generate_header()) == 200
    )
    assert stored().failed_attempts == 0


@pytest.mark.parametrize("factors", [None, "possession", PowerAuthAuthentication.persist_with_password(PIN)])
def test_what_are_no_factors_of_a_token(program: Program, power_auth: PowerAuth, factors: object) -> None:
    with pytest.raises(PowerAuthError) as refused:
        power_auth.token_store.request_access_token("sites", factors)  # type: ignore[arg-type]
    assert refused.value.code == PowerAuthErrorCode.WRONG_PARAMETER
    assert CREATE not in program.wire.paths


def test_15_21_27_other_factors_are_a_mistake(program: Program, power_auth: PowerAuth) -> None:
    tokens = power_auth.token_store
    made = {name: tokens.request_access_token(name, factors) for name, factors in NAMES.items()}
    before = list(program.wire.paths)
    for name, factors in (("weak", KNOWLEDGE), ("strong", POSSESSION), ("strong", BIOMETRY)):
        with pytest.raises(PowerAuthError) as refused:
            tokens.request_access_token(name, factors)
        assert refused.value.code == PowerAuthErrorCode.WRONG_PARAMETER
    assert program.wire.paths == before
    # Of what is there, nobody asks for the password.
    assert tokens.request_access_token("strong", WRONG) == made["strong"]
    for name, token in made.items():
        assert tokens.get_local_token(name) == token
        assert program.get(tokens.generate_header_for_token(name)) == 200


NAMES = {"weak": POSSESSION, "strong": KNOWLEDGE}

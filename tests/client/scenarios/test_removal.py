"""The end of a token, on the server and here, and of an activation with all that it had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.client.program import CREATE, KNOWLEDGE, PIN, POSSESSION, REMOVE, new_code, stored
from tokenauth.client import PowerAuthError, PowerAuthErrorCode
from tokenauth.devices.models import Activation, DeviceToken

if TYPE_CHECKING:
    from testproject.accounts.models import User
    from tests.client.program import Program
    from tokenauth.client import PowerAuth, TokenStore


def assert_gone(tokens: TokenStore, name: str) -> None:
    assert tokens.has_local_token(name) is False
    with pytest.raises(PowerAuthError) as refused:
        tokens.generate_header_for_token(name)
    assert refused.value.code == PowerAuthErrorCode.LOCAL_TOKEN_NOT_AVAILABLE


def test_09_19_30_a_token_is_removed_on_both_sides(program: Program, power_auth: PowerAuth) -> None:
    tokens = power_auth.token_store
    kept = tokens.request_access_token("weak", POSSESSION)
    tokens.request_access_token("strong", KNOWLEDGE)
    last = tokens.generate_header_for_token("strong")
    tokens.remove_access_token("strong")
    assert_gone(tokens, "strong")
    assert program.get(last) == 401
    assert str(DeviceToken.objects.get().pk) == kept.token_identifier
    assert program.get(kept.generate_header()) == 200
    tokens.remove_access_token("weak")
    assert_gone(tokens, "weak")
    assert not DeviceToken.objects.exists()


def test_19_then_the_activation_is(program: Program, power_auth: PowerAuth) -> None:
    tokens = power_auth.token_store
    token = tokens.request_access_token("sites", POSSESSION)
    last = token.generate_header()
    power_auth.remove_activation_with_authentication(KNOWLEDGE)
    assert stored().status == Activation.Status.REMOVED
    assert tokens.can_request_for_access_token() is token.can_generate_header() is False
    assert_gone(tokens, "sites")
    assert program.get(last) == 401
    assert program.start().has_valid_activation() is False


def test_10_of_an_activation_that_was_removed_here(
    program: Program, power_auth: PowerAuth, alice: User
) -> None:
    tokens = power_auth.token_store
    held = [tokens.request_access_token("weak", POSSESSION), tokens.request_access_token("strong", KNOWLEDGE)]
    power_auth.remove_activation_local()
    assert tokens.can_request_for_access_token() is False
    assert [token.can_generate_header() for token in held] == [False, False]
    for token in held:
        assert_gone(tokens, token.token_name)
        with pytest.raises(PowerAuthError) as refused:
            token.generate_header()
        assert refused.value.code in (
            PowerAuthErrorCode.MISSING_ACTIVATION,
            PowerAuthErrorCode.CANNOT_GENERATE_TOKEN,
        )
    # The server was not asked, and has them still.
    assert stored().status == Activation.Status.ACTIVE
    assert DeviceToken.objects.count() == 2
    # Nor does another activation make them good again.
    power_auth.activate(new_code(alice, program.release), PIN)
    assert [token.can_generate_header() for token in held] == [False, False]
    assert_gone(tokens, "weak")
    assert program.get(tokens.request_access_token("weak", POSSESSION).generate_header()) == 200


def test_29_a_token_that_was_removed_here_alone(program: Program, power_auth: PowerAuth) -> None:
    tokens = power_auth.token_store
    token = tokens.request_access_token("sites", POSSESSION)
    last = token.generate_header()
    tokens.remove_local_token("sites")
    tokens.remove_local_token("sites")
    assert_gone(tokens, "sites")
    assert REMOVE not in program.wire.paths
    # The server has lost nothing.
    assert program.get(last) == 200
    another = tokens.request_access_token("sites", POSSESSION)
    assert another != token
    assert DeviceToken.objects.count() == program.wire.paths.count(CREATE) == 2
    tokens.request_access_token("events", KNOWLEDGE)
    tokens.remove_all_local_tokens()
    tokens.remove_all_local_tokens()
    assert tokens.local_token_names() == []
    assert DeviceToken.objects.count() == 3


def test_30_of_a_name_that_is_not_there(program: Program, power_auth: PowerAuth) -> None:
    before = list(program.wire.paths)
    with pytest.raises(PowerAuthError) as refused:
        power_auth.token_store.remove_access_token("sites")
    assert refused.value.code == PowerAuthErrorCode.INVALID_TOKEN
    assert program.wire.paths == before

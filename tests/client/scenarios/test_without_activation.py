"""Of a device that is not activated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.client.program import KNOWLEDGE, POSSESSION, stored
from tokenauth.client import PowerAuthError, PowerAuthErrorCode
from tokenauth.devices.models import Activation, DeviceToken

if TYPE_CHECKING:
    from testproject.accounts.models import User
    from tests.client.program import Program


def test_01_it_has_no_token(program: Program) -> None:
    assert program.start().token_store.has_local_token("sites") is False
    assert program.wire.paths == []


def test_02_it_gets_none(program: Program) -> None:
    for factors in (POSSESSION, KNOWLEDGE):
        with pytest.raises(PowerAuthError) as refused:
            program.start().token_store.request_access_token("sites", factors)
        assert refused.value.code == PowerAuthErrorCode.MISSING_ACTIVATION
    assert program.wire.paths == []
    assert not DeviceToken.objects.exists()


def test_03_it_may_ask_once_it_is_activated(program: Program, alice: User) -> None:
    power_auth = program.start()
    assert power_auth.token_store.can_request_for_access_token() is False
    activated = program.activated(alice)
    assert activated.token_store.can_request_for_access_token() is True
    assert activated.get_activation_identifier() == str(stored().pk)
    assert stored().status == Activation.Status.ACTIVE
    # The one that was there before has not kept what it knew.
    assert power_auth.token_store.can_request_for_access_token() is True


def test_24_of_what_is_not_there_each_method_says_so(program: Program, alice: User) -> None:
    for power_auth in (program.start("another"), program.activated(alice)):
        tokens = power_auth.token_store
        before = len(program.wire.paths)
        assert tokens.has_local_token("sites") is False
        for method in (tokens.generate_header_for_token, tokens.get_local_token):
            with pytest.raises(PowerAuthError) as refused:
                method("sites")
            assert refused.value.code == PowerAuthErrorCode.LOCAL_TOKEN_NOT_AVAILABLE
        assert len(program.wire.paths) == before

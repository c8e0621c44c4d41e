"""What a server holds of its devices, as this client is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.client.program import CREATE, KNOWLEDGE, PIN, POSSESSION, parsed, reasons, refused_token, stored
from tests.devices.device import now_ms
from tokenauth.client import PowerAuthActivationState, PowerAuthErrorCode
from tokenauth.devices import lifecycle, tokens
from tokenauth.devices.models import ApplicationVersion, DeviceToken
from tokenauth.devices.protocol.headers import TOKEN_HEADER, TokenHeader
from tokenauth.devices.protocol.token_digest import new_nonce, token_digest
from tokenauth.exceptions import DeviceReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.client.program import Program
    from tokenauth.client import PowerAuth
    from tokenauth.devices.protocol.versions import Version


def test_37_a_token_opens_what_its_scopes_are_for(program: Program, power_auth: PowerAuth) -> None:
    token = power_auth.token_store.request_access_token("sites", KNOWLEDGE)
    header = token.generate_header()
    assert program.get(header) == 200
    # Once.
    assert program.get(header) == 401
    assert reasons() == [DeviceReason.REPLAYED]
    assert program.get(token.generate_header()) == 200


@pytest.mark.parametrize(
    ("token_id", "reason"),
    [("test", DeviceReason.MALFORMED), ("5f0c1ad2-90f7-4d7a-8f0e-2b9f2a3c7d11", DeviceReason.UNKNOWN)],
    ids=["no id", "an id"],
)
def test_39_a_token_that_there_is_not(
    program: Program, power_auth: PowerAuth, token_id: str, reason: DeviceReason
) -> None:
    assert program.get(made_up(token_id, program.version)) == 401
    assert reasons() == [reason]


def made_up(token_id: str, version: Version) -> str:
    nonce, now = new_nonce(), now_ms()
    digest = token_digest(b"test".ljust(16, b"\x00"), nonce, now, version)
    return TokenHeader(token_id, digest, nonce, now, version).render()


def test_40_a_token_that_an_operator_has_removed(program: Program, power_auth: PowerAuth) -> None:
    store = power_auth.token_store
    token = store.request_access_token("sites", KNOWLEDGE)
    tokens.remove(stored(), token.token_identifier)
    assert program.get(token.generate_header()) == 401
    assert reasons() == [DeviceReason.UNKNOWN]
    # What the API answers, the client does not see. Whoever removes it may ask for another.
    assert store.has_local_token("sites") is True
    store.remove_access_token("sites")
    assert program.get(store.request_access_token("sites", KNOWLEDGE).generate_header()) == 200


def test_41_a_blocked_activation(program: Program, power_auth: PowerAuth) -> None:
    token = power_auth.token_store.request_access_token("sites", KNOWLEDGE)
    lifecycle.block(stored())
    error = refused_token(power_auth, "another")
    assert (error.code, error.http_status) == (PowerAuthErrorCode.AUTHENTICATION_ERROR, 401)
    assert program.get(token.generate_header()) == 401
    assert reasons(2) == [DeviceReason.BLOCKED] * 2
    assert power_auth.fetch_activation_status().state == PowerAuthActivationState.BLOCKED
    lifecycle.unblock(stored())
    assert power_auth.fetch_activation_status().state == PowerAuthActivationState.ACTIVE
    assert (
        program.get(power_auth.token_store.request_access_token("another", KNOWLEDGE).generate_header())
        == 200
    )
    assert program.get(token.generate_header()) == 200


def test_42_a_release_that_is_not_supported(program: Program, power_auth: PowerAuth) -> None:
    ApplicationVersion.objects.update(is_supported=False)
    # With no temporary key of before.
    restarted = program.start()
    error = refused_token(restarted)
    if program.version.has_temporary_keys:
        assert (error.code, error.http_status) == (PowerAuthErrorCode.RESPONSE_ERROR, 400)
        assert error.server_code == "ERR_TEMPORARY_KEY"
        assert CREATE not in program.wire.paths
    else:
        assert (error.code, error.http_status) == (PowerAuthErrorCode.AUTHENTICATION_ERROR, 401)
        assert error.server_code == "ERR_AUTHENTICATION"
    assert error.is_outcome_unknown is False
    assert reasons() == [DeviceReason.VERSION]
    ApplicationVersion.objects.update(is_supported=True)
    token = restarted.token_store.request_access_token("sites", KNOWLEDGE)
    assert program.get(token.generate_header()) == 200


def test_43_a_token_costs_one_step_of_the_counter(program: Program, power_auth: PowerAuth) -> None:
    counted = stored().counter
    power_auth.token_store.request_access_token("sites", KNOWLEDGE)
    assert stored().counter == counted + 1
    # Where the client were ahead, the server would catch up with it now.
    power_auth.validate_password(PIN)
    assert stored().counter == counted + 2
    # Headers cost none.
    assert program.get(power_auth.token_store.generate_header_for_token("sites")) == 200
    assert stored().counter == counted + 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda value: f"{TOKEN_HEADER}: {value}", DeviceReason.MALFORMED),
        (lambda value: value.replace('version="3.', 'version="2.'), DeviceReason.VERSION),
    ],
    ids=["the name of the header before the scheme", "version 2"],
)
def test_44_a_malformed_header(
    program: Program, power_auth: PowerAuth, change: Callable[[str], str], reason: DeviceReason
) -> None:
    header = power_auth.token_store.request_access_token("sites", POSSESSION).generate_header()
    assert program.get(change(header.value)) == 401
    assert reasons() == [reason]
    # As it was made, it is good.
    assert program.get(header) == 200


def test_45_a_digest_of_each_version(program: Program, power_auth: PowerAuth) -> None:
    header = power_auth.token_store.request_access_token("sites", POSSESSION).generate_header()
    stamped, secret = parsed(header), DeviceToken.objects.get().secret
    assert stamped.version == program.version
    expected = token_digest(secret, stamped.nonce, stamped.timestamp_ms, program.version)
    assert stamped.token_digest == expected
    assert program.get(header) == 200

"""What a server has encrypted, and what of it nobody is shown."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tokenauth.client import PowerAuthError, PowerAuthErrorCode
from tokenauth.client.encrypted_requests import opened
from tokenauth.devices.protocol import ecies, elliptic_curve
from tokenauth.devices.protocol.octets import encoded
from tokenauth.devices.protocol.versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = encoded(bytes(16))


@pytest.fixture
def exchange() -> ecies.Exchange:
    scope = ecies.application_scope(
        Version.V3_2, "/pa/token/create", application_key=KEY, application_secret=KEY, temporary_key_id=""
    )
    server = elliptic_curve.new_private_key().public_key()
    return ecies.encrypt_request(b"{}", server, scope, time.time_ns() // 10**6)[1]


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def test_what_is_an_object(exchange: ecies.Exchange) -> None:
    assert opened(exchange, exchange.encrypt_response(b'{"a": 1}', 1).render()) == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [b'{"tokenSecret": "c2VjcmV0"', b'["c2VjcmV0"]', b'"c2VjcmV0" \xff', b"[" * 100_000 + b'"c2VjcmV0"'],
)
def test_what_is_none_is_not_shown(exchange: ecies.Exchange, text: bytes) -> None:
    with pytest.raises(PowerAuthError) as error:
        opened(exchange, exchange.encrypt_response(text, 1).render())
    assert (error.value.code, error.value.is_outcome_unknown) == (PowerAuthErrorCode.ENCRYPTION_ERROR, True)
    for each in chain(error.value):
        attributes = [getattr(each, name) for name in dir(each) if not name.startswith("__")]
        assert "c2VjcmV0" not in f"{each!r} {each.args} {attributes}"

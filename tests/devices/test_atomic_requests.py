"""What is spent and counted stays so, whatever becomes of the request and of its transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import AsyncClient, Client

from tests.devices.requests import SCOPES, URI_ID, ask, by_signature, refusal_of
from tokenauth.devices.models import Activation, DeviceToken, UsedNonce
from tokenauth.devices.protocol.headers import SIGNATURE_HEADER, TOKEN_HEADER
from tokenauth.exceptions import DeviceReason
from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.devices.device import Device

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.devices.door_urls")]

WRONG_PIN = (b"p" * 16, b"k" * 16)
BODY = b"{}"


@pytest.fixture(autouse=True)
def scopes(tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(DEVICE_TOKEN_SCOPES=SCOPES)


@pytest.fixture(params=[False, True], ids=["autocommit", "ATOMIC_REQUESTS"])
def is_atomic(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", request.param)
    return bool(request.param)


def raising(kind: type[Client | AsyncClient] = Client) -> Client | AsyncClient:
    return kind(raise_request_exception=False)


@pytest.mark.parametrize("path", ["raising", "plain-raising"])
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_nonce_stays_spent_where_the_view_raises(
    path: str, kind: type[Client | AsyncClient], device: Device, token: DeviceToken, *, is_atomic: bool
) -> None:
    headers = {TOKEN_HEADER: device.token_header(token)}
    assert ask(path, headers, client=raising(kind)).status_code == 500
    # The view's own work is undone where there is a transaction.
    assert DeviceToken.objects.exists() is is_atomic
    assert UsedNonce.objects.count() == 1
    if is_atomic:
        assert refusal_of(ask("reading", headers)) == (401, "unknown")
        assert TokenLogin.objects.get().reason == DeviceReason.REPLAYED


@pytest.mark.parametrize("path", ["raising", "plain-raising"])
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_counter_stays_moved_where_the_view_raises(
    path: str, kind: type[Client | AsyncClient], device: Device, token: DeviceToken, *, is_atomic: bool
) -> None:
    headers = {SIGNATURE_HEADER: device.signature(URI_ID, BODY)}
    assert ask(path, headers, "POST", BODY, client=raising(kind)).status_code == 500
    assert DeviceToken.objects.exists() is is_atomic
    activation = Activation.objects.get()
    assert (activation.counter, activation.counter_data) == (1, device.counter.hex())
    assert activation.last_used_at is not None
    assert refusal_of(ask("signed", headers, "POST", BODY)) == (401, "unknown")
    assert TokenLogin.objects.get().reason == DeviceReason.SIGNATURE


@pytest.mark.parametrize("path", ["signed", "plain-function", "raising"])
@pytest.mark.usefixtures("is_atomic")
def test_failed_attempts_stay_counted_though_the_answer_is_a_401(path: str, device: Device) -> None:
    for count in range(1, 6):
        assert by_signature(device, path, keys=WRONG_PIN).status_code == 401
        assert Activation.objects.get().failed_attempts == count
    activation = Activation.objects.get()
    assert activation.status == Activation.Status.BLOCKED
    assert activation.blocked_reason == Activation.TOO_MANY_FAILURES
    reasons = list(TokenLogin.objects.values_list("reason", flat=True))
    assert reasons == [DeviceReason.SIGNATURE] * 5


@pytest.mark.usefixtures("is_atomic")
def test_what_is_spent_stays_so_though_the_scope_is_missing(
    device: Device, token: DeviceToken, tokenauth_settings: Any
) -> None:
    tokenauth_settings(DEVICE_TOKEN_SCOPES={})
    for headers in (
        {TOKEN_HEADER: device.token_header(token)},
        {SIGNATURE_HEADER: device.signature(URI_ID, method="GET")},
    ):
        assert refusal_of(ask("signed", headers)) == (403, "insufficient_scope")
        assert refusal_of(ask("signed", headers)) == (401, "unknown")


@pytest.mark.usefixtures("is_atomic")
def test_a_nonce_is_spent_for_what_a_token_may_not_do(device: Device, token: DeviceToken) -> None:
    headers = {TOKEN_HEADER: device.token_header(token)}
    assert refusal_of(ask("reading", headers, "POST")) == (403, "read_only")
    assert refusal_of(ask("reading", headers)) == (401, "unknown")


def test_without_the_middleware_nothing_is_let_in_that_could_be_undone(
    device: Device, token: DeviceToken, settings: Any, *, is_atomic: bool
) -> None:
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if not one.startswith("tokenauth.")]
    headers = {TOKEN_HEADER: device.token_header(token)}
    first = ask("reading", headers, client=raising())
    assert first.status_code == (500 if is_atomic else 200)
    assert by_signature(device, "signed", keys=WRONG_PIN, client=raising()).status_code == (
        500 if is_atomic else 401
    )
    assert UsedNonce.objects.exists() is not is_atomic


@pytest.mark.parametrize("path", ["reading", "signed"])
def test_nothing_is_let_in_where_a_project_commits_by_itself(
    path: str, device: Device, token: DeviceToken
) -> None:
    connection.set_autocommit(False)
    try:
        headers = {
            "reading": {TOKEN_HEADER: device.token_header(token)},
            "signed": {SIGNATURE_HEADER: device.signature(URI_ID, method="GET")},
        }
        with pytest.raises(RuntimeError, match="Without autocommit"):
            ask(path, headers[path])
    finally:
        connection.rollback()
        connection.set_autocommit(True)
    assert not UsedNonce.objects.exists()
    assert Activation.objects.get().counter == 0

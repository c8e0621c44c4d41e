"""Requests of a device to the views of ``door_urls``, and what becomes of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from tests.devices.door_urls import URI_ID
from tokenauth.devices.protocol.headers import SIGNATURE_HEADER, TOKEN_HEADER
from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.devices.device import Device
    from tokenauth.devices.models import DeviceToken

SCOPES = {"possession": ["read:sites"], "possession_knowledge": ["read:sites", "write:sites"]}


def ask(
    path: str, headers: Mapping[str, str], method: str = "GET", body: bytes = b"", *, client: Any = None
) -> Any:
    """The answer to a request with these headers."""
    client = client or (AsyncClient() if "asynchronous" in path else Client())
    send = partial(client.generic, method, f"/{path}", body, "application/json", headers=headers)

    async def run() -> Any:
        return await send()

    return async_to_sync(run)() if isinstance(client, AsyncClient) else send()


def by_token(
    device: Device, token: DeviceToken, path: str = "reading", method: str = "GET", **facts: Any
) -> Any:
    """The answer to a request with a new header of ``token``."""
    return ask(path, {TOKEN_HEADER: device.token_header(token, **facts)}, method)


def by_signature(
    device: Device,
    path: str = "signed",
    body: bytes = b'{"amount": 1}',
    *,
    method: str = "POST",
    uri_id: str = URI_ID,
    client: Any = None,
    **facts: Any,
) -> Any:
    """The answer to a request that ``device`` signs."""
    signature = device.signature(uri_id, body, method=method, **facts)
    return ask(path, {SIGNATURE_HEADER: signature}, method, body, client=client)


def refusal_of(response: Any) -> tuple[int, str]:
    """What the device is told: the status and the reason."""
    return response.status_code, response.json()["error"]["reason"]


def log() -> TokenLogin:
    """The one row of the login log."""
    return TokenLogin.objects.get()

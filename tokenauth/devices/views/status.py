"""``/pa/v3/status``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from tokenauth.devices import clock
from tokenauth.devices.views.endpoint import DeviceEndpoint, okay

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest


class ServerStatusView(DeviceEndpoint):
    """The server's time, by which a device sets its own."""

    def answer(self, request: HttpRequest) -> Mapping[str, Any]:
        # Whoever asks is anybody: they need not know which version of what has which holes.
        return okay(
            {
                "serverTime": clock.milliseconds(timezone.now()),
                "application": {"name": "tokenauth", "version": ""},
            }
        )

"""``/pa/v3/keystore/create``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokenauth.devices import json_objects, keystore
from tokenauth.devices.views.endpoint import DeviceEndpoint, Failure, okay, request_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest


class KeystoreCreateView(DeviceEndpoint):
    """A key for which a device may encrypt for the next few minutes."""

    refused_as = malformed_as = Failure.TEMPORARY_KEY

    def answer(self, request: HttpRequest) -> Mapping[str, Any]:
        return okay({"jwt": keystore.create(json_objects.text_member(request_object(request), "jwt"))})

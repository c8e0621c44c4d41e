"""The header of the protocol that a request has."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tokenauth.conf import conf
from tokenauth.core.headers import meta_key
from tokenauth.devices.exceptions import DeviceError
from tokenauth.devices.protocol.exceptions import ProtocolError, UnknownVersionError
from tokenauth.devices.protocol.headers import SIGNATURE_HEADER, TOKEN_HEADER
from tokenauth.exceptions import DeviceReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from tokenauth.devices.protocol.versions import Version

# What a device authenticates by.
HEADERS = (TOKEN_HEADER, SIGNATURE_HEADER)

Header = TypeVar("Header")


def value_of(request: HttpRequest, name: str) -> str:
    """The value of the header ``name``; "" without it."""
    value: str = request.META.get(meta_key(name), "")
    return value


def parsed(request: HttpRequest, name: str, parse: Callable[[str], Header]) -> Header:
    """The header ``name`` of ``request``, which has no other that a device authenticates by.

    Where one is sent twice, servers join the two, and what comes of it is malformed.

    :raises DeviceError: it is missing, malformed or not alone, or of a version that is not known.
    """
    if any(value_of(request, other) for other in HEADERS if other != name):
        raise DeviceError(DeviceReason.MALFORMED)
    try:
        return parse(value_of(request, name))
    except UnknownVersionError as error:
        raise DeviceError(DeviceReason.VERSION) from error
    except ProtocolError as error:
        raise DeviceError(DeviceReason.MALFORMED) from error


def check_version(version: Version, subject: str) -> None:
    """Do nothing, where ``DEVICE_PROTOCOL_VERSIONS`` has ``version``.

    :raises DeviceError: it has not. ``subject`` is that of the error.
    """
    if version not in conf.DEVICE_PROTOCOL_VERSIONS:
        raise DeviceError(DeviceReason.VERSION, subject=subject)

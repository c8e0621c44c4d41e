"""What a device puts on a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tokenauth.client.exceptions import PowerAuthError, PowerAuthErrorCode
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.request_data import normalized_query

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class PowerAuthHeader:
    """A header for one request: its name and its value."""

    key: str
    value: str = field(repr=False)


def normalized_parameters(parameters: Mapping[str, str]) -> bytes:
    """The parameters of a query, as they are signed."""
    return normalized(urlencode(parameters))


def normalized(query: str) -> bytes:
    """A query as it is signed.

    :raises PowerAuthError: ``WRONG_PARAMETER``: it is malformed.
    """
    try:
        return normalized_query(query)
    except ProtocolError as error:
        raise PowerAuthError(PowerAuthErrorCode.WRONG_PARAMETER, f"{error}.") from None

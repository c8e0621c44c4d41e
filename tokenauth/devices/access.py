"""What a device may do, by the factors that it has proved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tokenauth.conf import conf
from tokenauth.core.access import Access

if TYPE_CHECKING:
    from tokenauth.devices.models import Activation, DeviceToken
    from tokenauth.devices.protocol.signatures import SignatureType


@dataclass(frozen=True, slots=True)
class DeviceAccess(Access):
    """``request.auth`` of a request that a device has signed, or that a token of it authorizes.

    Its scopes are those that ``DEVICE_TOKEN_SCOPES`` has for ``signature_type``: none without them.
    """

    # It acts for its user, wherever that one belongs.
    organization: ClassVar[str] = ""

    activation: Activation
    # None: the request itself is signed.
    token: DeviceToken | None
    signature_type: SignatureType
    scopes: tuple[str, ...]

    @classmethod
    def of(
        cls, activation: Activation, token: DeviceToken | None, signature_type: SignatureType
    ) -> DeviceAccess:
        """What these factors grant by now."""
        scopes = tuple(conf.DEVICE_TOKEN_SCOPES.get(signature_type, ()))
        return cls(activation, token, signature_type, scopes)

    @property
    def family(self) -> str:
        """What a throttle counts by: all that one device asks for."""
        return f"device {self.activation.pk}"

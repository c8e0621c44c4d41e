"""What a device may do, by the factors that it has proved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from django.core.exceptions import ImproperlyConfigured

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
        """What these factors grant by now.

        :raises ImproperlyConfigured: ``DEVICE_TOKEN_SCOPES`` has a text for them.
        """
        scopes = conf.DEVICE_TOKEN_SCOPES.get(signature_type, ())
        if isinstance(scopes, str):
            # Each letter would be one, and "*" among them all.
            raise ImproperlyConfigured(
                f"TOKENAUTH['DEVICE_TOKEN_SCOPES'] must have lists of scopes, not the text {scopes!r}."
            )
        return cls(activation, token, signature_type, tuple(scopes))

    @property
    def family(self) -> str:
        """What a throttle counts by: all that one device asks for."""
        return f"device {self.activation.pk}"

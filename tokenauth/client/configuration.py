"""What an installation of an application knows of its server."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tokenauth.client.exceptions import PowerAuthError, PowerAuthErrorCode
from tokenauth.devices.protocol import elliptic_curve
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.octets import KEY_LENGTH, decoded, encoded
from tokenauth.devices.protocol.sdk_configuration import SdkConfiguration
from tokenauth.devices.protocol.versions import Version

if TYPE_CHECKING:
    from urllib.parse import SplitResult


@dataclass(frozen=True)
class PowerAuthConfiguration:
    """The three values that ``createdeviceapplication`` prints, and where the server is.

    :param app_key: ``APPLICATION_KEY``, 16 bytes in Base64.
    :param app_secret: ``APPLICATION_SECRET``, likewise.
    :param master_server_public_key: ``MASTER_PUBLIC_KEY``, a point of P-256 in Base64.
    :param base_endpoint_url: what comes before ``/pa/v3/…``.
    :param enable_unsecure_traffic: whether it may be ``http://``: for tests and for this machine alone.
    :param protocol_version: ``3.1``, ``3.2`` or ``3.3``.
    :raises PowerAuthError: ``WRONG_PARAMETER``.
    """

    app_key: str
    app_secret: str = field(repr=False)
    master_server_public_key: str
    base_endpoint_url: str
    enable_unsecure_traffic: bool = False
    protocol_version: str = Version.V3_3

    def __post_init__(self) -> None:
        try:
            decoded(self.app_key, "app_key", KEY_LENGTH)
            decoded(self.app_secret, "app_secret", KEY_LENGTH)
            _ = self.master_key
            version = self.version
        except ProtocolError as error:
            raise _wrong(f"{error}.") from None
        except TypeError:
            # As of a variable of the environment that is not set.
            raise _wrong("app_key, app_secret and master_server_public_key are texts.") from None
        if version is Version.V3_0:
            raise _wrong("protocol_version is 3.1, 3.2 or 3.3: 3.0 is not spoken any more.")
        parts = _address(self.base_endpoint_url)
        # Not frozen yet: a slash at its end is not the caller's mistake.
        object.__setattr__(self, "base_endpoint_url", self.base_endpoint_url.rstrip("/"))
        if parts.username or parts.password:
            raise _wrong("base_endpoint_url must not hold a password: it is shown in messages.")
        if parts.scheme == "http" and not self.enable_unsecure_traffic:
            raise _wrong("base_endpoint_url is not https. For tests, set enable_unsecure_traffic.")

    @classmethod
    def from_sdk_configuration(
        cls,
        sdk_configuration: str,
        base_endpoint_url: str,
        *,
        enable_unsecure_traffic: bool = False,
        protocol_version: str = Version.V3_3,
    ) -> PowerAuthConfiguration:
        """From the one text that ``SDK_CONFIGURATION`` is.

        :raises PowerAuthError: ``WRONG_PARAMETER``.
        """
        try:
            parsed = SdkConfiguration.parse(sdk_configuration)
        except ProtocolError as error:
            raise _wrong(f"{error}.") from None
        return cls(
            parsed.application_key,
            parsed.application_secret,
            encoded(elliptic_curve.public_octets(parsed.master_public_key)),
            base_endpoint_url,
            enable_unsecure_traffic,
            protocol_version,
        )

    def __getstate__(self) -> dict[str, Any]:
        # For another process; it has no use for the key that was read, which cannot be pickled.
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @cached_property
    def master_key(self) -> elliptic_curve.PublicKey:
        """``master_server_public_key`` as a key."""
        octets = decoded(self.master_server_public_key, "master_server_public_key", 33, 65)
        return elliptic_curve.public_key(octets)

    @cached_property
    def version(self) -> Version:
        """``protocol_version``, and what sets it apart."""
        return Version.of(self.protocol_version)


def _address(url: str) -> SplitResult:
    # What urlsplit and httpx read in two ways is not looked at; nor where there is a query, though empty: it
    # would take the path of each request.
    is_plain = isinstance(url, str) and url.isprintable() and not set(url) & set(" ?#\\")
    try:
        parts = urlsplit(url if is_plain else "")
        # Looked at when it is asked for.
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise _wrong("base_endpoint_url is the address before /pa/v3: https://api.example.com")
    return parts


def _wrong(message: str) -> PowerAuthError:
    return PowerAuthError(PowerAuthErrorCode.WRONG_PARAMETER, message)

"""The keys that an activation has in common with its device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured
from django.views.decorators.debug import sensitive_variables

from tokenauth.devices.protocol import elliptic_curve, key_derivation
from tokenauth.devices.protocol.octets import decoded

if TYPE_CHECKING:
    from tokenauth.devices.models import Activation, ApplicationVersion


@sensitive_variables()
def keys_of(activation: Activation) -> key_derivation.DeviceKeys | None:
    """All of them; None where no device has sent its key yet, and where they were destroyed (removed).

    :raises ImproperlyConfigured: what is encrypted cannot be read (see :mod:`tokenauth.devices.encryption`).
    """
    if not activation.device_public_key or not activation.encrypted_server_private_key:
        return None
    device = elliptic_curve.public_key(decoded(activation.device_public_key, "the device's public key"))
    server = elliptic_curve.private_key(activation.server_private_key)
    return key_derivation.device_keys(key_derivation.master_secret(server, device))


@sensitive_variables()
def server_key(version: ApplicationVersion, activation: Activation | None) -> elliptic_curve.PrivateKey:
    """The server's own lasting key: that of the application or, where there is one, of the activation."""
    octets = version.application.master_private_key if activation is None else activation.server_private_key
    return elliptic_curve.private_key(octets)


@sensitive_variables()
def transport_key_of(activation: Activation) -> bytes | None:
    """That with which a device is told of its activation, also of a removed one: see :func:`keys_of`."""
    if activation.encrypted_transport_key:
        return activation.transport_key
    keys = keys_of(activation)
    return None if keys is None else keys.transport


@sensitive_variables("keys")
def destroy(activation: Activation) -> None:
    """Leave of the keys of ``activation``, which is not saved, what tells the device that it is over."""
    try:
        keys = keys_of(activation)
    except ImproperlyConfigured:
        # What cannot be read can be destroyed all the same; the device is told nothing then.
        keys = None
    if keys is not None:
        activation.transport_key = keys.transport
    activation.encrypted_server_private_key = ""

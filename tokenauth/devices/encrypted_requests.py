"""What devices encrypt: opened, and answered in the same way.

Nobody is authenticated by it: whoever has the application can encrypt in its scope. That a request is the
first of its kind is not asked either. What is asked for with it is good once by itself: an activation code is
used up, and the counter of a signature has moved on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from tokenauth.devices import clock, json_objects, keystore
from tokenauth.devices.exceptions import DeviceError
from tokenauth.devices.keys import keys_of, server_key
from tokenauth.devices.protocol import ecies
from tokenauth.devices.protocol.encrypted_messages import EncryptedRequest
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.octets import encoded
from tokenauth.exceptions import DeviceReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from tokenauth.devices.json_objects import JsonObject
    from tokenauth.devices.models import Activation, ApplicationVersion
    from tokenauth.devices.protocol.versions import Version


@dataclass(frozen=True, slots=True)
class OpenedRequest:
    """What a device has sent, and what seals the answer. Its ``repr`` shows neither."""

    members: JsonObject = field(repr=False)
    exchange: ecies.Exchange = field(repr=False)

    @sensitive_variables()
    def seal(self, members: JsonObject) -> dict[str, str | int]:
        """``members``, encrypted for the device alone."""
        octets = json.dumps(members).encode()
        return self.exchange.encrypt_response(octets, clock.milliseconds(timezone.now())).render()


@sensitive_variables()
def open_for_application(
    message: object, purpose: str, protocol: Version, version: ApplicationVersion
) -> OpenedRequest:
    """What any installation of ``version`` may send.

    :param purpose: what both sides call the request: ``/pa/generic/application`` and its like.
    :raises DeviceError: it cannot be opened, or is not of now.
    """
    scope_with = partial(
        ecies.application_scope,
        protocol,
        purpose,
        application_key=version.key,
        application_secret=encoded(version.secret),
    )
    return _open(message, scope_with, version, None)


@sensitive_variables()
def open_for_activation(
    message: object, purpose: str, protocol: Version, version: ApplicationVersion, activation: Activation
) -> OpenedRequest:
    """What the device of ``activation`` may send: see :func:`open_for_application`."""
    keys = keys_of(activation)
    if keys is None:
        raise DeviceError(DeviceReason.ENCRYPTION, activation, str(activation.pk))
    scope_with = partial(
        ecies.activation_scope,
        protocol,
        purpose,
        application_key=version.key,
        application_secret=encoded(version.secret),
        activation_id=str(activation.pk),
        transport_key=keys.transport,
    )
    return _open(message, scope_with, version, activation)


@sensitive_variables()
def _open(
    message: object,
    scope_with: Callable[..., ecies.Scope],
    version: ApplicationVersion,
    activation: Activation | None,
) -> OpenedRequest:
    subject = "" if activation is None else str(activation.pk)
    try:
        request = EncryptedRequest.parse(message)
        scope = scope_with(temporary_key_id=request.temporary_key_id)
        if scope.version.has_temporary_keys:
            private = keystore.private_key(scope.temporary_key_id, version, activation)
        else:
            private = server_key(version, activation)
        plaintext, exchange = ecies.decrypt_request(request, private, scope)
        members = json_objects.parse(plaintext)
    except ProtocolError:
        raise DeviceError(DeviceReason.ENCRYPTION, activation, subject) from None
    timestamp_ms = request.timestamp_ms
    if timestamp_ms is not None and not clock.is_acceptable(timestamp_ms, scope.version, timezone.now()):
        raise DeviceError(DeviceReason.CLOCK, activation, subject)
    return OpenedRequest(members, exchange)

"""The keys for which devices encrypt in version 3.3: for a few minutes, and for one release or one device."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import router
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from tokenauth.conf import conf
from tokenauth.devices import clock
from tokenauth.devices.applications import version_of
from tokenauth.devices.exceptions import DeviceError
from tokenauth.devices.keys import keys_of, server_key
from tokenauth.devices.models import Activation, TemporaryKey
from tokenauth.devices.protocol import elliptic_curve, temporary_keys
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.octets import encoded
from tokenauth.devices.protocol.versions import Version
from tokenauth.devices.request_headers import check_version
from tokenauth.exceptions import DeviceReason

if TYPE_CHECKING:
    from datetime import datetime

    from tokenauth.devices.models import ApplicationVersion


class TemporaryKeyError(DeviceError):
    """No key is given, or the one that was used has ended: the device may ask for another."""


@sensitive_variables()
def create(text: str) -> str:
    """The signed answer, with a new key, to what a device asks for in ``text``, which it has signed.

    :raises TemporaryKeyError: it is malformed, not signed as it should be, or of nobody who may have a key.
    """
    try:
        request = temporary_keys.unverified_request(text)
    except ProtocolError:
        raise TemporaryKeyError(DeviceReason.MALFORMED) from None
    check_version(Version.V3_3, request.activation_id)
    version = version_of(request.application_key)
    activation = _activation(request.activation_id, version) if request.activation_id else None
    keys = None if activation is None else keys_of(activation)
    key = temporary_keys.request_key(encoded(version.secret), None if keys is None else keys.transport)
    try:
        temporary_keys.verify_request(text, key)
    except ProtocolError:
        raise TemporaryKeyError(DeviceReason.SIGNATURE, activation, request.activation_id) from None
    given = _new_key(version, activation, timezone.now())
    return temporary_keys.sign_response(given, request, server_key(version, activation))


@sensitive_variables()
def private_key(
    key_id: str, version: ApplicationVersion, activation: Activation | None
) -> elliptic_curve.PrivateKey:
    """The key that was given to this release or, where there is one, to this activation.

    :raises TemporaryKeyError: it was not, or not any more.
    """
    # Where it was written just now.
    rows = TemporaryKey.objects.using(router.db_for_write(TemporaryKey)).filter(
        version=version, activation=activation, expires_at__gt=timezone.now()
    )
    row = rows.filter(pk=UUID(key_id)).first()
    if row is None:
        raise TemporaryKeyError(
            DeviceReason.ENCRYPTION, activation, "" if activation is None else str(activation.pk)
        )
    return elliptic_curve.private_key(row.private_key)


@sensitive_variables("private")
def _new_key(
    version: ApplicationVersion, activation: Activation | None, now: datetime
) -> temporary_keys.TemporaryKey:
    private = elliptic_curve.new_private_key()
    # No longer than a request is accepted: once the key is gone, it could not be opened anyway.
    row = TemporaryKey(version=version, activation=activation, expires_at=now + conf.DEVICE_CLOCK_TOLERANCE)
    row.private_key = elliptic_curve.private_octets(private)
    row.save(force_insert=True)
    _delete_some(before=now)
    return temporary_keys.TemporaryKey(
        str(row.pk), private.public_key(), clock.milliseconds(now), clock.milliseconds(row.expires_at)
    )


def _delete_some(before: datetime) -> None:
    # Two for each that is made: whoever has the application may ask for as many as they like, and there are
    # soon no more than are good.
    rows = TemporaryKey.objects.using(router.db_for_write(TemporaryKey))
    expired = rows.filter(expires_at__lte=before).order_by("expires_at").values_list("pk", flat=True)
    rows.filter(pk__in=list(expired[:2])).delete()


def _activation(activation_id: str, version: ApplicationVersion) -> Activation:
    """One that has keys. A blocked one as well: what it then sends is refused as all that it sends."""
    rows = Activation.objects.using(router.db_for_write(Activation))
    row = rows.filter(pk=UUID(activation_id), application=version.application_id).first()
    if row is None or keys_of(row) is None:
        raise TemporaryKeyError(DeviceReason.UNKNOWN, row, activation_id)
    return row

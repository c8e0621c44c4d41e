"""A device takes an activation, by its code: it sends its public key, and is told the server's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import router
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from tokenauth.conf import conf
from tokenauth.devices import json_objects
from tokenauth.devices.exceptions import DeviceError
from tokenauth.devices.lifecycle import digest_of_code
from tokenauth.devices.models import Activation
from tokenauth.devices.protocol import activation_code, elliptic_curve
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.octets import decoded, encoded
from tokenauth.devices.statuses import has_expired
from tokenauth.exceptions import DeviceReason

if TYPE_CHECKING:
    from tokenauth.devices.json_objects import JsonObject
    from tokenauth.devices.models import ApplicationVersion

Status = Activation.Status

# What a device says of itself, and the lengths of the columns.
_DESCRIBED = (("activationName", 255), ("platform", 64), ("deviceInfo", 255))


@dataclass(frozen=True, slots=True)
class NewDevice:
    """What a device says of itself."""

    public_key: elliptic_curve.PublicKey
    name: str
    platform: str
    device_info: str

    @classmethod
    def parse(cls, members: JsonObject) -> NewDevice:
        """The device that a decrypted message describes.

        :raises ProtocolError: a member is missing or malformed, the key is no point of the curve, or there is
            an ``activationOtp``: nobody has asked for one, so that it would be checked by nobody.
        """
        if json_objects.text_member(members, "activationOtp", required=False):
            raise ProtocolError("activationOtp is superfluous")
        octets = decoded(json_objects.text_member(members, "devicePublicKey"), "devicePublicKey", 33, 65)
        return cls(
            elliptic_curve.public_key(octets),
            *(json_objects.described(members, name, length) for name, length in _DESCRIBED),
        )


@sensitive_variables("code")
def find(code: str, version: ApplicationVersion) -> Activation:
    """The activation, with its user, that a device with this release may take by ``code``.

    :raises DeviceError: there is none, or not any more.
    """
    try:
        activation_code.parse(code)
    except ProtocolError:
        raise DeviceError(DeviceReason.MALFORMED) from None
    rows = Activation.objects.using(router.db_for_write(Activation)).select_related("user")
    row = rows.filter(code_digest=digest_of_code(code)).first()
    if row is None:
        raise DeviceError(DeviceReason.UNKNOWN)
    reason = None
    if row.application_id != version.application_id:
        reason = DeviceReason.UNKNOWN
    elif row.status != Status.CREATED or has_expired(row):
        reason = DeviceReason.REMOVED
    elif not row.user.is_active:
        reason = DeviceReason.USER_INACTIVE
    if reason is not None:
        raise DeviceError(reason, row, str(row.pk))
    return row


def take(activation: Activation, device: NewDevice, version: ApplicationVersion) -> Activation:
    """Let ``device`` have what was found. It then waits to be committed, unless that is done at once.

    :raises DeviceError: another device was quicker, or it has ended meanwhile.
    """
    now = timezone.now()
    values: dict[str, Any] = {
        "version": version,
        "device_public_key": encoded(elliptic_curve.public_octets(device.public_key, compressed=True)),
        "name": device.name,
        "platform": device.platform,
        "device_info": device.device_info,
        "code_digest": None,
    }
    if activation.commit_at_once:
        values |= {"status": Status.ACTIVE, "committed_at": now}
    else:
        values |= {
            "status": Status.PENDING_COMMIT,
            "expires_at": now + conf.DEVICE_ACTIVATION_LIFETIME,
        }
    rows = Activation.objects.using(router.db_for_write(Activation)).filter(
        pk=activation.pk, status=Status.CREATED, code_digest=activation.code_digest
    )
    # One statement, in which the code is used up: of two devices, one has it.
    if not rows.update(**values):
        raise DeviceError(DeviceReason.UNKNOWN, activation, str(activation.pk))
    for name, value in values.items():
        setattr(activation, name, value)
    return activation

from tokenauth.devices.models.activation import Activation
from tokenauth.devices.models.application import ApplicationVersion, DeviceApplication
from tokenauth.devices.models.temporary_key import TemporaryKey
from tokenauth.devices.models.token import DeviceToken, UsedNonce

__all__ = [
    "Activation",
    "ApplicationVersion",
    "DeviceApplication",
    "DeviceToken",
    "TemporaryKey",
    "UsedNonce",
]

from tokenauth.devices.admin.activation import ActivationAdmin
from tokenauth.devices.admin.application import DeviceApplicationAdmin

__all__ = ["ActivationAdmin", "DeviceApplicationAdmin"]

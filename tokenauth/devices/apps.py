from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TokenAuthDevicesConfig(AppConfig):
    name = "tokenauth.devices"
    label = "tokenauth_devices"
    verbose_name = _("Devices")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.core.checks import Tags, register

        from tokenauth.core import password_change
        from tokenauth.devices import checks, lifecycle

        password_change.also_end(lifecycle.remove_all_of)
        register(checks.check_devices, Tags.security)
        register(checks.check_devices_deployment, Tags.security, deploy=True)

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TokenAuthDevicesConfig(AppConfig):
    name = "tokenauth.devices"
    label = "tokenauth_devices"
    verbose_name = _("Devices")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tokenauth.core import password_change
        from tokenauth.devices import lifecycle

        password_change.also_end(lifecycle.remove_all_of)

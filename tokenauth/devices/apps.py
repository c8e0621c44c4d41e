from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _


class TokenAuthDevicesConfig(AppConfig):
    name = "tokenauth.devices"
    label = "tokenauth_devices"
    verbose_name = _("Devices")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.core.checks import Tags, register

        from tokenauth.core import credential, password_change
        from tokenauth.devices import checks, lifecycle, request_headers, verification

        credential.register_headers(verification.SHAPE, request_headers.HEADERS, verification.authenticate)
        password_change.also_end(lifecycle.remove_all_of)
        if apps.is_installed("drf_spectacular"):
            # It finds extensions by their being imported.
            from tokenauth.devices import openapi  # noqa: F401
        register(checks.check_devices, Tags.security)
        register(checks.check_devices_deployment, Tags.security, deploy=True)

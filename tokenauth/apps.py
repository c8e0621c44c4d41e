from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TokenAuthConfig(AppConfig):
    name = "tokenauth"
    verbose_name = _("Access tokens")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.apps import apps
        from django.core.checks import Tags, register

        from tokenauth import checks
        from tokenauth.core import lookup_cache, password_change, reauthentication

        register(checks.check_settings, Tags.security)
        register(checks.check_middleware, Tags.security)
        register(checks.check_rest_framework, Tags.security)
        register(checks.check_deployment, Tags.security, deploy=True)
        register(checks.check_views, Tags.urls)
        lookup_cache.connect()
        password_change.connect()
        reauthentication.connect()
        if apps.is_installed("drf_spectacular"):
            # It finds extensions by their being imported.
            from tokenauth.rest import openapi, openapi_views  # noqa: F401

import logging

from django.apps import AppConfig, apps
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _


class TokenAuthOAuthConfig(AppConfig):
    name = "tokenauth.oauth"
    label = "tokenauth_oauth"
    verbose_name = _("OAuth 2.0 and JWT")
    default_auto_field = "django.db.models.BigAutoField"

    def import_models(self) -> None:
        # Before anything imports the models of django-oauth-toolkit, which would say so less clearly.
        if not apps.is_installed("oauth2_provider"):
            raise ImproperlyConfigured(
                "tokenauth.oauth is installed without django-oauth-toolkit: add 'oauth2_provider' to "
                "INSTALLED_APPS."
            )
        super().import_models()

    def ready(self) -> None:
        from django.core.checks import Tags, register

        from tokenauth.core import challenges, credential, password_change
        from tokenauth.oauth import authorizations, checks, client_secrets, issuer, jwt, verification

        # Below that, it writes codes and tokens into the log as they are.
        oauthlib = logging.getLogger("oauthlib")
        oauthlib.setLevel(max(oauthlib.level, logging.INFO))
        credential.register_shape(verification.SHAPE, jwt.is_ours, verification.authenticate)
        challenges.register_uri("resource_metadata", issuer.resource_metadata)
        password_change.also_end(authorizations.end_all_of)
        authorizations.connect()
        client_secrets.connect()
        if apps.is_installed("drf_spectacular"):
            # It finds extensions by their being imported.
            from tokenauth.oauth import openapi, openapi_views  # noqa: F401
        register(checks.check_oauth, Tags.security)
        register(checks.check_oauth_deployment, Tags.security, deploy=True)

"""What this app keeps beside django-oauth-toolkit's own tables."""

from datetime import datetime
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from oauth2_provider.settings import oauth2_settings

from tokenauth.conf import conf
from tokenauth.core import network, scopes


class Grant(models.TextChoices):
    """How an application may come by a token; a refresh token comes with the first two."""

    AUTHORIZATION_CODE = "authorization_code", pgettext_lazy("grant", "authorization code")
    PASSWORD = "password", pgettext_lazy("grant", "password")
    CLIENT_CREDENTIALS = "client_credentials", pgettext_lazy("grant", "client credentials")


class ApplicationPolicy(models.Model):
    """What an application may do. One that has none may do nothing."""

    application = models.OneToOneField(
        oauth2_settings.APPLICATION_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        # By its name: not every project has the setting by which Django would refer to it.
        swappable=False,
        related_name="tokenauth_policy",
        verbose_name=_("application"),
    )
    grants = models.JSONField(_("grants"), default=list, blank=True)
    scopes = models.JSONField(
        _("scopes"),
        default=list,
        blank=True,
        help_text=_("All that it may have, and what it asks for where it names none."),
    )
    first_party = models.BooleanField(
        _("first-party"),
        default=False,
        help_text=_("It is ours: people may be asked for their password by it."),
    )
    may_introspect = models.BooleanField(
        _("may introspect"), default=False, help_text=_("It may ask about the tokens of other applications.")
    )
    organization = models.CharField(
        _("organization"),
        max_length=255,
        blank=True,
        default="",
        help_text=_("Its tokens reach this organization alone; only its members can let it in."),
    )
    allowed_networks = models.JSONField(
        _("allowed networks"), default=list, blank=True, help_text=_("Empty: any address.")
    )
    disabled_at = models.DateTimeField(_("disabled"), null=True, blank=True)
    # A wrong secret is told by it, without the memory that Argon2 takes.
    secret_fingerprint = models.CharField(max_length=64, blank=True, default="", editable=False)

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")

    def __str__(self) -> str:
        return str(self.application)

    def clean(self) -> None:
        errors: dict[str, str] = {}
        if not isinstance(self.grants, list) or not set(map(str, self.grants)) <= set(Grant.values):
            errors["grants"] = gettext("A list out of: %(grants)s.") % {"grants": ", ".join(Grant.values)}
        if not isinstance(self.scopes, list) or not all(map(_may_be_held, self.scopes)):
            errors["scopes"] = gettext("A list of registered scopes; no “*”, and no “tokens:manage”.")
        if not isinstance(self.allowed_networks, list) or not all(map(_is_network, self.allowed_networks)):
            errors["allowed_networks"] = gettext("A list of networks, as “192.0.2.0/24”.")
        if errors:
            raise ValidationError(errors)

    @property
    def is_disabled(self) -> bool:
        """Whether it may do nothing for now."""
        return self.disabled_at is not None

    def allows(self, grant: str) -> bool:
        """Whether it may come by tokens by ``grant``, or by the refresh tokens of another that it has."""
        granted = self.grants if isinstance(self.grants, list) else []
        if grant == "refresh_token":
            return Grant.AUTHORIZATION_CODE in granted or Grant.PASSWORD in granted
        return grant in granted

    def allows_tokens_of(self, user: object) -> bool:
        """Whether its tokens for ``user`` are good; for None, those that it has for itself."""
        return not self.is_disabled and self.allows(
            Grant.CLIENT_CREDENTIALS if user is None else "refresh_token"
        )


class SigningKey(models.Model):
    """A key that JWTs are signed by. The private half is encrypted under ``SECRET_KEY``."""

    kid = models.CharField(_("key id"), max_length=64, primary_key=True)
    private_key = models.TextField(_("private key, encrypted"), editable=False)
    public_key = models.JSONField(_("public key"), editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True, editable=False)
    # The last token that it has signed has expired by then.
    published_until = models.DateTimeField(_("published until"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("signing key")
        verbose_name_plural = _("signing keys")
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.kid


class Authorization(models.Model):
    """What a user let an application do: every token of one family."""

    family = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="oauth_authorizations",
        verbose_name=_("user"),
    )
    application = models.ForeignKey(
        oauth2_settings.APPLICATION_MODEL,
        on_delete=models.CASCADE,
        swappable=False,
        verbose_name=_("application"),
    )
    # As they were let in: one refresh may ask for fewer, and the next for all of them again.
    scopes = models.JSONField(_("scopes"), default=list)
    # The only one that it was let into; "": whichever its user may reach.
    organization = models.CharField(_("organization"), max_length=255, blank=True, default="", editable=False)
    # Of the code that it began with: one that comes a second time ends it.
    code_digest = models.CharField(max_length=64, null=True, blank=True, editable=False)  # noqa: DJ001
    # Indexed, as is the other by which it is pruned.
    created_at = models.DateTimeField(_("since"), default=timezone.now, editable=False, db_index=True)
    refreshed_at = models.DateTimeField(_("last refreshed"), null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True, editable=False, db_index=True)
    ended_reason = models.CharField(_("why it ended"), max_length=255, blank=True, default="", editable=False)

    class Meta:
        verbose_name = _("authorization")
        verbose_name_plural = _("authorizations")
        ordering = ("-created_at",)
        permissions = [("end_authorization", "Can end authorization")]
        constraints = [models.UniqueConstraint(fields=["code_digest"], name="tokenauth_oauth_code_digest")]

    def __str__(self) -> str:
        return f"{self.application} ({', '.join(map(str, self.scopes))})"

    @property
    def ends_at(self) -> datetime | None:
        """When it ends, however often it is refreshed (``OAUTH_AUTHORIZATION_LIFETIME``); None: never."""
        lifetime = conf.OAUTH_AUTHORIZATION_LIFETIME
        # To the second, as the tokens of it.
        return None if lifetime is None else (self.created_at + lifetime).replace(microsecond=0)

    @property
    def over_since(self) -> datetime | None:
        """When it was ended, or reached its end; None: it lives."""
        if self.ended_at is not None:
            return self.ended_at
        ends_at = self.ends_at
        return ends_at if ends_at is not None and ends_at <= timezone.now() else None

    @property
    def is_over(self) -> bool:
        """Whether it was ended, or has reached its end."""
        return self.over_since is not None


def _may_be_held(scope: object) -> bool:
    return (
        isinstance(scope, str)
        and scope not in (scopes.ALL, scopes.TOKENS_MANAGE)
        and scopes.is_registered(scope)
    )


def _is_network(text: object) -> bool:
    try:
        network.parse_network(text)
    except ValueError:
        return False
    return True

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from tokenauth.exceptions import DeviceReason, Reason


class TokenLoginManager(models.Manager["TokenLogin"]):
    """``TokenLogin.objects``."""

    @sensitive_variables("raw")
    def refused_with(self, raw: str) -> models.QuerySet["TokenLogin"]:
        """The refused attempts that presented ``raw``: those of a leaked token, for example."""
        from tokenauth.core.attempts import identifier_of

        return self.filter(identifier=identifier_of(raw))


class TokenLogin(models.Model):
    """A request that presented a credential: by default, one that was refused."""

    class IdType(models.TextChoices):
        ACCESS_TOKEN = "access_token", _("access token")
        API_KEY = "api_key", _("API key")
        JWT = "jwt", _("JWT")
        DEVICE = "device", _("device token")

    # The reason of the one row into which a flood of attempts is counted.
    REPEATED: ClassVar[str] = "repeated"

    id_type = models.CharField(_("type"), max_length=16, choices=IdType.choices)
    # Of a success the token's name; of a failure a keyed digest of what was presented.
    identifier = models.CharField(_("identifier"), max_length=255, blank=True, default="")
    hint = models.CharField(_("hint"), max_length=64, blank=True, default="")
    # The log outlives the user and the token. Either is indexed with the date: of a client that was forgotten
    # there are very many rows.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        verbose_name=_("user"),
    )
    token = models.ForeignKey(
        "tokenauth.AccessToken",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        db_index=False,
        related_name="logins",
        verbose_name=_("token"),
    )
    ip_address = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    user_agent = models.CharField(_("user agent"), max_length=255, blank=True, default="")
    request_id = models.CharField(_("request id"), max_length=64, blank=True, default="")
    client_version = models.CharField(_("client version"), max_length=64, blank=True, default="")
    date = models.DateTimeField(_("date"), default=timezone.now)
    success = models.BooleanField(_("success"))
    reason = models.CharField(
        _("reason"),
        max_length=32,
        blank=True,
        default="",
        # By the word that the answer had: the log and the client's report speak of the same thing.
        choices=[(word, word) for word in (*Reason.values, *DeviceReason.values, REPEATED)],
    )
    count = models.PositiveIntegerField(
        _("attempts"), default=1, help_text=_("How many attempts the row stands for.")
    )

    objects = TokenLoginManager()

    class Meta:
        verbose_name = _("token login")
        verbose_name_plural = _("token logins")
        ordering = ("-date", "-pk")
        indexes = [
            # In the order of the log, with what it is filtered by: what is rare is found by the index alone.
            models.Index(fields=["date", "id", "reason", "id_type", "success"], name="tokenauth_login_date"),
            models.Index(fields=["user", "date"], name="tokenauth_login_user_date"),
            models.Index(fields=["token", "date"], name="tokenauth_login_token_date"),
            models.Index(fields=["ip_address", "date"], name="tokenauth_login_address_date"),
            models.Index(fields=["identifier"], name="tokenauth_login_identifier"),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(id_type=""), name="tokenauth_tokenlogin_id_type"),
            models.CheckConstraint(
                condition=Q(success=False) | Q(reason=""), name="tokenauth_tokenlogin_success_has_no_reason"
            ),
            models.CheckConstraint(condition=Q(count__gte=1), name="tokenauth_tokenlogin_counts_one"),
        ]

    def __str__(self) -> str:
        return f"{self.get_id_type_display()} {self.hint or self.identifier[:12]} {self.reason}".rstrip()

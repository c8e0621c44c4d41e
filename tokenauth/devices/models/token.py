from uuid import uuid4

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tokenauth.devices.encryption import EncryptedColumn
from tokenauth.devices.models.activation import Activation
from tokenauth.devices.protocol.signatures import SignatureType


class DeviceToken(models.Model):
    """What authorizes requests of a device, by a digest and a time, while its activation is active."""

    id = models.UUIDField(_("token id"), primary_key=True, default=uuid4, editable=False)
    activation = models.ForeignKey(
        Activation, on_delete=models.CASCADE, related_name="tokens", verbose_name=_("activation")
    )
    encrypted_secret = models.TextField(editable=False)
    secret = EncryptedColumn("encrypted_secret")
    # The factors that it was made with.
    signature_type = models.CharField(
        _("factors"),
        max_length=32,
        choices=[(each.value, each.value) for each in SignatureType],
        editable=False,
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    # Within LAST_USED_INTERVAL.
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)

    class Meta:
        verbose_name = _("device token")
        verbose_name_plural = _("device tokens")
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return str(self.id)


class UsedNonce(models.Model):
    """A nonce that a token was used with: never again, until its time would be refused anyway."""

    # No foreign key: what is gone with its token is refused without this row.
    token_id = models.UUIDField()
    # In hexadecimal: no database takes two of them for the same.
    nonce = models.CharField(max_length=32)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["token_id", "nonce"], name="tokenauth_devices_used_nonce")
        ]
        indexes = [models.Index(fields=["expires_at"], name="tokenauth_devices_nonce_expiry")]

    def __str__(self) -> str:
        return f"{self.token_id} {self.nonce}"

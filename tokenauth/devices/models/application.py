from uuid import uuid4

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tokenauth.devices.encryption import EncryptedColumn


class DeviceApplication(models.Model):
    """What is installed on devices. Its master key signs activation codes."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(_("name"), max_length=255)
    encrypted_master_private_key = models.TextField(editable=False)
    master_private_key = EncryptedColumn("encrypted_master_private_key")
    # A compressed point in Base64, as every public key here.
    master_public_key = models.CharField(_("master public key"), max_length=44, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("device application")
        verbose_name_plural = _("device applications")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class ApplicationVersion(models.Model):
    """One release of an application: the key and the secret that every installation of it has."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    application = models.ForeignKey(
        DeviceApplication, on_delete=models.CASCADE, related_name="versions", verbose_name=_("application")
    )
    name = models.CharField(_("version"), max_length=64)
    # 16 bytes in Base64, as it is sent. A database may look it up without regard to case.
    key = models.CharField(_("application key"), max_length=24, editable=False)
    # 16 bytes; the protocol uses their Base64 in some places.
    encrypted_secret = models.TextField(editable=False)
    secret = EncryptedColumn("encrypted_secret")
    is_supported = models.BooleanField(
        _("supported"), default=True, help_text=_("Without it, nothing that this release signs is accepted.")
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("application version")
        verbose_name_plural = _("application versions")
        ordering = ("created_at",)
        constraints = [
            models.UniqueConstraint(fields=["key"], name="tokenauth_devices_version_key"),
            # Whoever takes one out of use is to know which.
            models.UniqueConstraint(fields=["application", "name"], name="tokenauth_devices_version_name"),
        ]

    def __str__(self) -> str:
        return f"{self.application} {self.name}"

from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from tokenauth.devices.encryption import EncryptedColumn
from tokenauth.devices.models.application import ApplicationVersion, DeviceApplication
from tokenauth.devices.protocol import status_blob


class Activation(models.Model):
    """One device of one user, from the code with which it is activated until it is removed.

    What has ended stays for the audit until it is pruned.
    """

    class Status(models.IntegerChoices):
        """Numbered as the protocol does."""

        CREATED = status_blob.ActivationStatus.CREATED, pgettext_lazy("status of an activation", "created")
        PENDING_COMMIT = (
            status_blob.ActivationStatus.PENDING_COMMIT,
            pgettext_lazy("status of an activation", "waiting to be committed"),
        )
        ACTIVE = status_blob.ActivationStatus.ACTIVE, pgettext_lazy("status of an activation", "active")
        BLOCKED = status_blob.ActivationStatus.BLOCKED, pgettext_lazy("status of an activation", "blocked")
        REMOVED = status_blob.ActivationStatus.REMOVED, pgettext_lazy("status of an activation", "removed")

    # Why one is blocked, where nobody did it.
    TOO_MANY_FAILURES: ClassVar[str] = "MAX_FAILED_ATTEMPTS"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    application = models.ForeignKey(
        DeviceApplication, on_delete=models.CASCADE, related_name="activations", verbose_name=_("application")
    )
    # The release that the device was activated with.
    version = models.ForeignKey(
        ApplicationVersion,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("version"),
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="device_activations",
        verbose_name=_("user"),
    )
    status = models.PositiveSmallIntegerField(
        _("status"), choices=Status.choices, default=Status.CREATED, editable=False
    )
    # A keyed digest of the code, until it was used. NULL is not unique.
    code_digest = models.CharField(max_length=64, null=True, editable=False)  # noqa: DJ001
    # What was not activated by then, or not committed, never is.
    expires_at = models.DateTimeField(_("expires"), editable=False)
    commit_at_once = models.BooleanField(
        _("commit at once"),
        default=False,
        editable=False,
        help_text=_("Whoever has the code has the device: nobody commits it afterwards."),
    )
    encrypted_server_private_key = models.TextField(editable=False)
    server_private_key = EncryptedColumn("encrypted_server_private_key")
    server_public_key = models.CharField(max_length=44, editable=False)
    # All that is kept of its keys once it is removed, so that the device alone can be told. Empty before.
    encrypted_transport_key = models.TextField(blank=True, default="", editable=False)
    transport_key = EncryptedColumn("encrypted_transport_key")
    # "" until the device has sent its own.
    device_public_key = models.CharField(max_length=44, blank=True, default="", editable=False)
    # 16 bytes in hexadecimal, and how many signatures it has seen.
    counter_data = models.CharField(max_length=32, editable=False)
    counter = models.PositiveBigIntegerField(_("signatures"), default=0, editable=False)
    failed_attempts = models.PositiveSmallIntegerField(_("failed attempts"), default=0, editable=False)
    max_failed_attempts = models.PositiveSmallIntegerField(
        _("failed attempts at most"), default=5, editable=False
    )
    # What the device says of itself.
    name = models.CharField(_("name"), max_length=255, blank=True, default="", editable=False)
    platform = models.CharField(_("platform"), max_length=64, blank=True, default="", editable=False)
    device_info = models.CharField(_("device"), max_length=255, blank=True, default="", editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("created by"),
    )
    committed_at = models.DateTimeField(_("committed"), null=True, editable=False)
    blocked_at = models.DateTimeField(_("blocked"), null=True, editable=False)
    blocked_reason = models.CharField(
        _("why it is blocked"), max_length=255, blank=True, default="", editable=False
    )
    removed_at = models.DateTimeField(_("removed"), null=True, editable=False)
    # The last signature that was right, or token that was used, within LAST_USED_INTERVAL.
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)

    class Meta:
        verbose_name = _("activation")
        verbose_name_plural = _("activations")
        ordering = ("-created_at",)
        permissions = [
            ("commit_activation", "Can commit activation"),
            ("block_activation", "Can block and unblock activation"),
            ("remove_activation", "Can remove activation"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["code_digest"], name="tokenauth_devices_code_digest"),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="tokenauth_devices_created"),
            models.Index(fields=["status", "expires_at"], name="tokenauth_devices_status"),
            models.Index(fields=["removed_at"], name="tokenauth_devices_removed"),
        ]

    def __str__(self) -> str:
        return self.name or str(self.id)

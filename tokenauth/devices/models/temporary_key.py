from uuid import uuid4

from django.db import models

from tokenauth.devices.encryption import EncryptedColumn
from tokenauth.devices.models.activation import Activation
from tokenauth.devices.models.application import ApplicationVersion


class TemporaryKey(models.Model):
    """For which a device encrypts from version 3.3 on. Once it is deleted, what was sent stays shut."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    version = models.ForeignKey(ApplicationVersion, on_delete=models.CASCADE, related_name="+")
    # None: it is for what any installation may send.
    activation = models.ForeignKey(Activation, on_delete=models.CASCADE, null=True, related_name="+")
    encrypted_private_key = models.TextField(editable=False)
    private_key = EncryptedColumn("encrypted_private_key")
    expires_at = models.DateTimeField(editable=False)

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="tokenauth_devices_key_expiry")]

    def __str__(self) -> str:
        return str(self.id)

"""How the commands show what an SDK is configured with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.views.decorators.debug import sensitive_variables

from tokenauth.devices.applications import sdk_configuration
from tokenauth.devices.protocol import elliptic_curve
from tokenauth.devices.protocol.octets import encoded
from tokenauth.devices.protocol.sdk_configuration import SdkConfiguration

if TYPE_CHECKING:
    from django.core.management.base import BaseCommand

    from tokenauth.devices.models import ApplicationVersion


@sensitive_variables()
def show(command: BaseCommand, version: ApplicationVersion) -> None:
    """Write to standard output what each kind of SDK is configured with: one text, or its three parts."""
    text = sdk_configuration(version)
    parts = SdkConfiguration.parse(text)
    command.stdout.write(f"APPLICATION_ID={version.application_id}")
    command.stdout.write(f"APPLICATION_KEY={parts.application_key}")
    command.stdout.write(f"APPLICATION_SECRET={parts.application_secret}")
    command.stdout.write(
        f"MASTER_PUBLIC_KEY={encoded(elliptic_curve.public_octets(parts.master_public_key))}"
    )
    command.stdout.write(f"SDK_CONFIGURATION={text}")

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.devices.device import Device, active_device
from tokenauth.devices import tokens
from tokenauth.devices.models import Activation, DeviceToken
from tokenauth.devices.protocol.signatures import SignatureType

if TYPE_CHECKING:
    from testproject.accounts.models import User


@pytest.fixture
def device(alice: User) -> Device:
    return active_device(alice)[0]


@pytest.fixture
def token(device: Device) -> DeviceToken:
    """Made with possession and knowledge."""
    return token_of(device)


def token_of(
    device: Device, signature_type: SignatureType = SignatureType.POSSESSION_KNOWLEDGE
) -> DeviceToken:
    """A new token of ``device``."""
    return tokens.issue(Activation.objects.get(pk=device.activation_id), signature_type)

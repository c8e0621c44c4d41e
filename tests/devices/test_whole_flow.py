"""From the code to the end of a device, as an SDK goes through it: over HTTP, on each version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.devices.device import application_version
from tests.devices.installation import UNAUTHENTICATED, Installation, over_network
from tokenauth.devices import lifecycle
from tokenauth.devices.models import DeviceToken
from tokenauth.devices.protocol.status_blob import ActivationStatus
from tokenauth.devices.protocol.versions import Version

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

    from testproject.accounts.models import User

VERSIONS = [Version.V3_1, Version.V3_2, Version.V3_3]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("version", VERSIONS)
def test_whole_flow(live_server: LiveServer, alice: User, version: Version) -> None:
    release = application_version()
    installed = Installation.of(release, version, send=over_network(live_server.url))
    new = lifecycle.create(alice, release.application)

    device = installed.activate(new.code)
    assert device.status().status is ActivationStatus.PENDING_COMMIT
    assert device.try_to_create_token().refusal() == UNAUTHENTICATED
    lifecycle.commit(new.activation)
    assert device.status().status is ActivationStatus.ACTIVE

    token = device.create_token()
    assert DeviceToken.objects.get().secret == token.secret

"""From the code to the end of a device, as an SDK goes through it: with a server that listens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from testproject.inventory.models import Site
from tests.devices.device import application_version, now_ms
from tests.devices.installation import UNAUTHENTICATED, Answer, Installation, over_network
from tokenauth.devices import lifecycle
from tokenauth.devices.applications import sdk_configuration
from tokenauth.devices.models import Activation, DeviceToken
from tokenauth.devices.protocol import activation_code, elliptic_curve
from tokenauth.devices.protocol.fingerprint import fingerprint
from tokenauth.devices.protocol.headers import SIGNATURE_HEADER, TOKEN_HEADER
from tokenauth.devices.protocol.octets import decoded
from tokenauth.devices.protocol.sdk_configuration import SdkConfiguration
from tokenauth.devices.protocol.signatures import SignatureType
from tokenauth.devices.protocol.status_blob import ActivationStatus
from tokenauth.devices.protocol.versions import Version

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django.live_server_helper import LiveServer

    from testproject.accounts.models import User

SITES = "/inventory-service/sites"
WRONG_PIN = (b"p" * 16, b"k" * 16)


def reason(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json()["error"]["reason"]


def names(answer: Answer) -> list[str]:
    assert answer.status == 200, answer
    members: Any = answer.json()
    return [site["name"] for site in (members["results"] if isinstance(members, dict) else members)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("version", [Version.V3_1, Version.V3_2, Version.V3_3])
def test_whole_flow(
    live_server: LiveServer, alice: User, version: Version, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(
        DEVICE_TOKEN_SCOPES={"possession": ["read:events"], "possession_knowledge": ["read:sites"]}
    )
    Site.objects.create(name="Harbour", organization="northwind")
    release = application_version()

    # What the application is built with, and what the person reads from the picture.
    configuration = SdkConfiguration.parse(sdk_configuration(release))
    installed = Installation(configuration, version, over_network(live_server.url))
    assert abs(installed.server_time_ms() - now_ms()) < 60_000
    new = lifecycle.create(alice, release.application)
    code, _, signature = new.qr_text.partition("#")
    activation_code.verify(decoded(signature, "the signature"), code, configuration.master_public_key)

    # Both show the same digits, and somebody commits it.
    device = installed.activate(code)
    row = Activation.objects.get()
    server, its = (
        elliptic_curve.public_key(decoded(text, "the public key"))
        for text in (row.server_public_key, row.device_public_key)
    )
    assert fingerprint(its, device.server_public_key, device.activation_id) == fingerprint(
        its, server, str(row.pk)
    )
    assert device.status().status is ActivationStatus.PENDING_COMMIT
    assert device.try_to_create_token().refusal() == UNAUTHENTICATED
    lifecycle.commit(new.activation)
    assert device.status().status is ActivationStatus.ACTIVE

    # A token of two factors reads sites, once with each header.
    token, weaker = device.create_token(), device.create_token(SignatureType.POSSESSION)
    header = {TOKEN_HEADER: device.token_header(token)}
    assert names(installed.send("GET", SITES, b"", header)) == ["Harbour"]
    assert reason(installed.send("GET", SITES, b"", header)) == (401, "unknown")
    assert names(device.get(SITES, token)) == ["Harbour"]
    assert reason(device.get(SITES, weaker)) == (403, "insufficient_scope")
    sent = {TOKEN_HEADER: device.token_header(token)}
    assert reason(installed.send("POST", SITES, b'{"name": "x"}', sent)) == (403, "read_only")
    assert reason(device.get(SITES, token, secret=b"x" * 16)) == (401, "unknown")

    # What never arrived is caught up with; what was sent is not good again.
    for _ in range(7):
        device.signature("/pa/signature/validate", b"{}")
    assert not device.is_at(device.status())
    signed = {SIGNATURE_HEADER: device.signature("/pa/signature/validate", b"{}")}
    assert installed.send("POST", "/pa/v3/signature/validate", b"{}", signed).status == 200
    assert installed.send("POST", "/pa/v3/signature/validate", b"{}", signed).refusal() == UNAUTHENTICATED
    assert device.is_at(device.status())

    # A mistyped PIN, and then too many of them.
    assert device.validate(keys=WRONG_PIN).refusal() == UNAUTHENTICATED
    assert device.validate().status == 200
    assert device.status().failed_attempts == 0
    for _ in range(5):
        assert device.validate(keys=WRONG_PIN).refusal() == UNAUTHENTICATED
    assert device.status().status is ActivationStatus.BLOCKED
    assert reason(device.get(SITES, token)) == (401, "unknown")
    lifecycle.unblock(row)
    assert names(device.get(SITES, token)) == ["Harbour"]

    # One token ends, and then all of it.
    assert device.remove_token(weaker.id).status == 200
    assert [str(each.pk) for each in DeviceToken.objects.all()] == [token.id]
    assert device.send("/pa/v3/activation/remove", b"{}").okay() == {"activationId": device.activation_id}
    assert device.status().status is ActivationStatus.REMOVED
    assert reason(device.get(SITES, token)) == (401, "unknown")
    assert device.validate().refusal() == UNAUTHENTICATED
    assert installed.try_to_activate(code).status == 400

"""An operator lets a device in, blocks and unblocks it, and ends it; the device is asked each time."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from tests.devices.device import active_device, application_version
from tests.devices.installation import Installation, over_network
from tests.e2e.browser.accessibility import assert_accessible
from tests.e2e.browser.looks import Look, assert_fits, in_every_look, without_javascript
from tests.e2e.browser.navigation import follow
from tests.e2e.browser.secrecy import assert_secret_is_nowhere
from tokenauth.devices.lifecycle import digest_of_code
from tokenauth.devices.models import Activation, DeviceToken
from tokenauth.devices.protocol import elliptic_curve
from tokenauth.devices.protocol.fingerprint import fingerprint
from tokenauth.devices.protocol.sdk_configuration import SdkConfiguration
from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer

    from testproject.accounts.models import User
    from tests.devices.installation import ActivatedDevice
    from tests.e2e.browser.middleware import Answer

LIST = "/admin/tokenauth_devices/activation/"
ADD = f"{LIST}add/"
APPLICATIONS = "/admin/tokenauth_devices/deviceapplication/"
ONCE = "The activation code, shown this once:"
SITES = "/inventory-service/sites"

Status = Activation.Status


def look_at(page: Page) -> None:
    assert_fits(page)
    assert_accessible(page)


def make_activation(page: Page) -> str:
    """Fill and send the form; the code that the answer shows."""
    page.get_by_label("User:", exact=True).fill("alice")
    page.get_by_label("Application:").select_option(label="Field app")
    follow(page.get_by_role("button", name="Show the code"))
    return page.get_by_label(ONCE).input_value()


def read_picture(page: Page) -> str:
    """What a camera reads off the screen."""
    image = pytest.importorskip("PIL.Image", reason="to read the picture: pip install pillow")
    zxing = pytest.importorskip("zxingcpp", reason="to read the picture: pip install zxing-cpp")
    picture = page.get_by_role("img", name="The code as a QR picture, for the device to read")
    (found,) = zxing.read_barcodes(image.open(io.BytesIO(picture.screenshot())))
    return str(found.text)


def new_application(page: Page) -> SdkConfiguration:
    """Make one, and read what the SDK is configured with."""
    page.goto(f"{APPLICATIONS}add/")
    page.get_by_label("Name:").fill("Field app")
    page.get_by_role("textbox", name="Version:").fill("1.0")
    look_at(page)
    follow(page.get_by_role("button", name="Save and continue editing"))
    look_at(page)
    return SdkConfiguration.parse(page.locator(".tokenauth-facts code").first.inner_text())


def fingerprint_on(device: ActivatedDevice) -> str:
    """The digits that the device itself shows."""
    row = Activation.objects.get(pk=device.activation_id)
    own = elliptic_curve.public_key(_octets(row.device_public_key))
    return fingerprint(own, device.server_public_key, device.activation_id)


def _octets(text: str) -> bytes:
    from tokenauth.devices.protocol.octets import decoded

    return decoded(text, "a public key")


@in_every_look
def test_a_device_from_its_code_to_its_end(
    page: Page,
    root: User,
    alice: User,
    sign_in: Callable[[User], None],
    live_server: LiveServer,
    answers: list[Answer],
    screenshot: Callable[[Page, str], Path],
    tokenauth_settings: Callable[..., None],
) -> None:
    tokenauth_settings(DEVICE_TOKEN_SCOPES={"possession_knowledge": ["read:sites"]})
    sign_in(root)
    configuration = new_application(page)
    screenshot(page, "admin-device-application")
    installation = Installation(configuration, send=over_network(live_server.url))

    page.goto(ADD)
    look_at(page)
    code = make_activation(page)
    look_at(page)
    screenshot(page, "admin-device-code")
    assert read_picture(page).startswith(f"{code}#")
    page.get_by_role("button", name="Copy").click()
    assert page.evaluate("navigator.clipboard.readText()") == code
    device = installation.activate(code, activationName="Alice’s tablet", platform="android")

    follow(page.get_by_role("link", name="its page"))
    expect(page.get_by_text(fingerprint_on(device))).to_be_visible()
    assert_secret_is_nowhere(page, code)
    look_at(page)
    screenshot(page, "admin-device")
    assert device.try_to_create_token().status == 401
    follow(page.get_by_role("button", name="Commit"))
    expect(page.get_by_text("1 device was committed.")).to_be_visible()
    look_at(page)
    token = device.create_token()
    assert device.get(SITES, token).status == 200

    follow(page.get_by_role("link", name="Alice’s tablet"))
    expect(page.get_by_text(token.id)).to_be_visible()
    look_at(page)
    follow(page.get_by_role("button", name="Block"))
    expect(page.get_by_role("row", name="Alice’s tablet")).to_contain_text("alice")
    look_at(page)
    screenshot(page, "admin-device-block")
    page.get_by_label("Reason").fill("left on a train")
    follow(page.get_by_role("button", name="Block"))
    expect(page.get_by_text("1 device was blocked.")).to_be_visible()
    assert device.get(SITES, token).status == 401

    follow(page.get_by_role("link", name="Alice’s tablet"))
    expect(page.get_by_text("left on a train")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("device_blocked"))).to_be_visible()
    look_at(page)
    follow(page.get_by_role("button", name="Unblock"))
    assert device.get(SITES, token).status == 200

    follow(page.get_by_role("link", name="Alice’s tablet"))
    follow(page.get_by_role("button", name="Remove"))
    look_at(page)
    screenshot(page, "admin-device-remove")
    follow(page.get_by_role("button", name="Remove"))
    expect(page.get_by_text("1 device was removed.")).to_be_visible()
    assert device.get(SITES, token).status == 401
    assert not DeviceToken.objects.exists()
    shown = [(answer.method, answer.path) for answer in answers if code in answer.text]
    assert shown == [("POST", ADD)]


@without_javascript
def test_without_javascript(page: Page, root: User, alice: User, sign_in: Callable[[User], None]) -> None:
    application_version()
    sign_in(root)
    page.goto(ADD)
    code = make_activation(page)
    assert Activation.objects.get().code_digest == digest_of_code(code)
    expect(page.locator(".tokenauth-picture svg")).to_be_visible()
    expect(page.get_by_role("button", name="Copy")).to_be_hidden()


def many_devices(alice: User, bob: User) -> None:
    """One of each status, with names as long as they come, and what was refused of one."""
    release = application_version()
    now = timezone.now()
    for number, status in enumerate(Status):
        _, activation = active_device(
            (alice, bob)[number % 2],
            release,
            status=status,
            name="A tablet of the northern maintenance team, the second one" if number % 2 else "Phone",
            platform="android",
            failed_attempts=number,
            blocked_at=now - timedelta(days=2) if status == Status.BLOCKED else None,
            removed_at=now if status == Status.REMOVED else None,
            last_used_at=now - timedelta(hours=number),
        )
        hint = f"activation {str(activation.pk)[:8]}…"
        TokenLogin.objects.create(
            id_type="device", hint=hint, reason="device_signature", user=activation.user, success=False
        )
    active_device(alice, release, status=Status.CREATED, name="", expires_at=now - timedelta(minutes=1))


@in_every_look
def test_the_lists(
    page: Page,
    root: User,
    alice: User,
    bob: User,
    sign_in: Callable[[User], None],
    screenshot: Callable[[Page, str], Path],
) -> None:
    many_devices(alice, bob)
    sign_in(root)
    for path, name in ((LIST, "admin-devices"), (APPLICATIONS, "admin-device-applications")):
        page.goto(path)
        look_at(page)
        screenshot(page, name)


@pytest.mark.parametrize("look", [Look(width="phone")], ids=str, indirect=True)
def test_german_fits_a_phone(
    page: Page,
    root: User,
    alice: User,
    bob: User,
    sign_in: Callable[[User], None],
    screenshot: Callable[[Page, str], Path],
    settings: Any,
) -> None:
    settings.LANGUAGE_CODE = "de"
    many_devices(alice, bob)
    sign_in(root)
    waiting = Activation.objects.get(status=Status.PENDING_COMMIT)
    for path, heading in ((LIST, "Aktivierung"), (f"{LIST}{waiting.pk}/change/", "Token des Geräts")):
        page.goto(path)
        expect(page.get_by_role("heading", name=heading).first).to_be_visible()
        look_at(page)
    screenshot(page, "german-admin-device")
    page.goto(ADD)
    page.get_by_label("Benutzer:", exact=True).fill("alice")
    follow(page.get_by_role("button", name="Code anzeigen"))
    expect(page.get_by_label("Der Aktivierungscode, nur dieses eine Mal angezeigt:")).to_be_visible()
    look_at(page)
    screenshot(page, "german-admin-device-code")

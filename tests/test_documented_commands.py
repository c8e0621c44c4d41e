"""Each line of the pages that calls a command of this app, as it is printed."""

from __future__ import annotations

import re
import shlex
import sys
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command, get_commands

from testproject.accounts.models import User
from tests.devices.device import active_device
from tests.oauth.requests import of_service
from tests.test_documentation import DEVICES, MANAGING, OAUTH, OPERATING, REFERENCE, ROTATING
from tokenauth.devices.models import Activation
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.django_db

COMMANDS = {name for name, app in get_commands().items() if app.split(".")[0] == "tokenauth"}
# What stands in the pages for the id of a token and that of its family.
AN_ID, A_FAMILY = "17", "0b5c1c2e-8f9e-4d55-9d3a-2f1f1a4e6c11"
# And for that of an activation, which has the status that the command is for.
A_DEVICE = "5f0c1ad2-90f7-4d7a-8f0e-2b9f2a3c7d11"
BEFORE = {"commitdevice": Activation.Status.PENDING_COMMIT, "unblockdevice": Activation.Status.BLOCKED}


def lines(page: Path) -> list[list[str]]:
    """The words of each line of a page that calls a command of ours, without what follows a pipe."""
    found = re.findall(r"python manage\.py ([a-z]+[^|`\n]*)", page.read_text())
    words = [shlex.split(line, comments=True) for line in found]
    return [line for line in words if line[0] in COMMANDS]


@pytest.fixture
def run(
    alice: User, tokenauth_settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> Callable[[list[str]], tuple[AccessToken, str]]:
    """Run a line on a key that it may name; the key as it is then, and what is printed."""
    scopes = {"read:reports": "Read reports", "write:reports": "Write reports", "read:sites": "Read sites"}
    tokenauth_settings(SCOPES=scopes)
    # Somebody sits there, and says yes.
    monkeypatch.setattr(sys, "stdin", type("Terminal", (StringIO,), {"isatty": lambda self: True})("y\n"))
    alice.email = "alice@example.com"
    alice.save()
    User.objects.create_user("billing").generate_access_token("Billing", [])

    def run(line: list[str]) -> tuple[AccessToken, str]:
        key = alice.generate_access_token("Billing", ["read:reports"], kind="api_key", environment="live")
        _, device = active_device(alice, status=BEFORE.get(line[0], Activation.Status.ACTIVE))
        stands_for = {AN_ID: str(key.pk), A_FAMILY: str(key.family), A_DEVICE: str(device.pk)}
        out = StringIO()
        call_command(*(stands_for.get(word, word) for word in line), stdout=out, stderr=StringIO())
        key.refresh_from_db()
        return key, out.getvalue()

    return run


@pytest.mark.parametrize(
    "line",
    [line for page in (DEVICES, MANAGING, OAUTH, OPERATING, REFERENCE, ROTATING) for line in lines(page)],
    ids=" ".join,
)
def test_a_line_of_the_pages(line: list[str], run: Callable[[list[str]], tuple[AccessToken, str]]) -> None:
    key, out = run(line)
    if line[0] == "createtoken":
        assert "read:reports" in AccessToken.objects.verify(out.strip()).scopes
    if line[0] == "rotatetoken":
        assert AccessToken.objects.verify(out.strip()).rotated_from == key
    if line[0] == "registerapplication" and "--public" not in line:
        of_it = {name.lower(): value for name, value in (one.split("=") for one in out.split())}
        assert of_service(**of_it).status_code == 200
    if line[0] == "revoketokens":
        assert out.endswith("Revoked 1 token.\n")
        assert key.status == "revoked"
    assert out.strip()


def test_every_command_has_an_example_in_the_reference() -> None:
    assert {line[0] for line in lines(REFERENCE)} == COMMANDS

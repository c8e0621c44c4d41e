"""The page on devices: its settings are right, and its views take what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import clear_url_caches, include, path

from tests.devices.device import active_device
from tests.test_documentation import DEVICES, ROOT, example, run, serving
from tokenauth.checks import check_settings, check_views
from tokenauth.devices.checks import check_devices, check_devices_deployment
from tokenauth.devices.models import DeviceToken
from tokenauth.devices.protocol.headers import SIGNATURE_HEADER, TOKEN_HEADER
from tokenauth.devices.protocol.signatures import SignatureType

if TYPE_CHECKING:
    from testproject.accounts.models import User

# What devices spend is committed, in a transaction of its own.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def configured(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVICE_ENCRYPTION_KEY", "d" * 48)
    # What it is added to is what the README has made.
    before = run(example(ROOT / "README.md", "settings.py"), INSTALLED_APPS=[], MIDDLEWARE=[])
    names = ("INSTALLED_APPS", "REST_FRAMEWORK", "TOKENAUTH")
    given = run(example(DEVICES, "settings.py: devices"), **{name: before[name] for name in names})
    assert set(given["INSTALLED_APPS"]) <= set(settings.INSTALLED_APPS)
    classes = given["REST_FRAMEWORK"]["DEFAULT_AUTHENTICATION_CLASSES"]
    assert set(classes) <= set(settings.REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"])
    settings.TOKENAUTH = given["TOKENAUTH"]
    assert check_settings(None) == check_devices(None) == check_devices_deployment(None) == []


def test_urls(configured: None) -> None:
    urls = run(example(DEVICES, "urls.py: devices"), urlpatterns=[], path=path, include=include)
    with serving(*urls["urlpatterns"]):
        assert check_devices_deployment(None) == []
        assert Client().post("/pa/v3/status").status_code == 200
    clear_url_caches()


def test_views(configured: None, alice: User) -> None:
    views = run(example(DEVICES, "views.py: devices"))
    names = ("visits", "new_visit", "plain_visits")
    device, activation = active_device(alice)
    token = DeviceToken(activation=activation, signature_type=SignatureType.POSSESSION)
    token.secret = b"s" * 16
    token.save()
    client = Client()

    def by_token() -> dict[str, str]:
        return {TOKEN_HEADER: device.token_header(token)}

    with serving(*(path(name, views[name]) for name in names)):
        assert check_views(None) == []
        assert client.get("/visits", headers=by_token()).json() == {"for": "alice", "on": "Tablet"}
        assert client.get("/plain_visits", headers=by_token()).json() == {"for": "alice"}
        body = b'{"site": 1}'
        signed = {SIGNATURE_HEADER: device.signature("/visits", body)}
        answer = client.post("/new_visit", body, content_type="application/json", headers=signed)
        assert answer.json() == {"by": "possession_knowledge"}
        for headers in ({}, by_token(), signed):
            answer = client.post("/new_visit", body, content_type="application/json", headers=headers)
            assert answer.status_code in (401, 403)

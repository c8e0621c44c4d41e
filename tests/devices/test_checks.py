"""What ``manage.py check`` says of a project's settings for devices."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.urls import path

from tokenauth.devices.checks import check_devices, check_devices_deployment

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "x" * 32
SCOPES = {"possession": ["read:sites"]}


def ids(messages: Any) -> list[str]:
    return [message.id.removeprefix("tokenauth.") for message in messages]


def test_the_sample_project_is_set_up() -> None:
    assert check_devices(None) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"DEVICE_ENCRYPTION_KEYS": {1: KEY, 2: KEY * 2}}, []),
        ({"DEVICE_ENCRYPTION_KEYS": {0: KEY}}, ["E018"]),
        ({"DEVICE_ENCRYPTION_KEYS": {"1": KEY}}, ["E018"]),
        ({"DEVICE_ENCRYPTION_KEYS": {True: KEY}}, ["E018"]),
        ({"DEVICE_ENCRYPTION_KEYS": {1: KEY[1:]}}, ["E018"]),
        ({"DEVICE_ENCRYPTION_KEYS": {1: KEY.encode()}}, ["E018"]),
        ({"DEVICE_TOKEN_SCOPES": {"possession_knowledge": ["read:sites"], "possession": []}}, []),
        ({"DEVICE_TOKEN_SCOPES": {"possession": ["*"]}}, []),
        ({"DEVICE_TOKEN_SCOPES": {"knowledge_possession": ["read:sites"]}}, ["E019"]),
        ({"DEVICE_TOKEN_SCOPES": {"possession": ["reed:sites"]}}, ["E019"]),
        ({"DEVICE_TOKEN_SCOPES": {"possession": ["tokens:manage"]}}, ["E019"]),
        ({"DEVICE_CLOCK_TOLERANCE": timedelta(hours=2)}, []),
        ({"DEVICE_CLOCK_TOLERANCE": timedelta(hours=2, seconds=1)}, ["W016"]),
        ({"DEVICE_ACTIVATION_LIFETIME": timedelta(days=1)}, []),
        ({"DEVICE_ACTIVATION_LIFETIME": timedelta(days=1, seconds=1)}, ["W017"]),
        # What has not its shape is said once, where that is checked.
        ({"DEVICE_ENCRYPTION_KEYS": [KEY]}, []),
        ({"DEVICE_TOKEN_SCOPES": 7, "DEVICE_ENCRYPTION_KEYS": {0: KEY}}, []),
    ],
)
def test_settings(
    changed: dict[str, Any], expected: list[str], tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(**changed)
    assert ids(check_devices(None)) == expected


def test_a_weak_key_is_not_printed(tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(DEVICE_ENCRYPTION_KEYS={1: "hunter2"})
    (message,) = check_devices(None)
    assert "hunter2" not in str(message)


def test_nothing_is_spent_without_the_middleware(settings: Any) -> None:
    settings.MIDDLEWARE = [path for path in settings.MIDDLEWARE if "tokenauth" not in path]
    assert ids(check_devices(None)) == ["E020"]


def test_the_times_of_nonces_do_not_change_with_the_clocks(settings: Any) -> None:
    settings.USE_TZ = False
    assert ids(check_devices(None)) == ["E021"]
    settings.USE_TZ = True
    assert check_devices(None) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, ["W015", "W020"]),
        ({"DEVICE_TOKEN_SCOPES": SCOPES}, ["W015"]),
        ({"DEVICE_ENCRYPTION_KEYS": {1: KEY}}, ["W020"]),
        ({"DEVICE_ENCRYPTION_KEYS": {1: KEY}, "DEVICE_TOKEN_SCOPES": SCOPES}, []),
        ({"DEVICE_ENCRYPTION_KEYS": {1: KEY}, "DEVICE_TOKEN_SCOPES": {"possession": []}}, ["W020"]),
        (
            {
                "DEVICE_ENCRYPTION_KEYS": {1: KEY},
                "DEVICE_PROTOCOL_VERSIONS": ["3.0", "3.3"],
                "DEVICE_TOKEN_SCOPES": SCOPES,
            },
            ["W018"],
        ),
        ({"DEVICE_ENCRYPTION_KEYS": 7}, []),
        ({"DEVICE_ENCRYPTION_KEYS": {1: KEY}, "DEVICE_TOKEN_SCOPES": 7}, []),
    ],
)
def test_what_a_deployment_lacks(
    changed: dict[str, Any], expected: list[str], tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(**changed)
    assert ids(check_devices_deployment(None)) == expected


def test_what_3_0_costs_is_said(tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(
        DEVICE_ENCRYPTION_KEYS={1: KEY}, DEVICE_PROTOCOL_VERSIONS=["3.0"], DEVICE_TOKEN_SCOPES=SCOPES
    )
    (message,) = check_devices_deployment(None)
    assert "of possession alone may be guessed: wrong ones of it are not counted" in message.msg


def test_a_deployment_answers_devices(tokenauth_settings: Callable[..., None], settings: Any) -> None:
    tokenauth_settings(DEVICE_ENCRYPTION_KEYS={1: KEY}, DEVICE_TOKEN_SCOPES=SCOPES)
    settings.ROOT_URLCONF = type(pytest)("without")
    settings.ROOT_URLCONF.urlpatterns = [path("x", lambda request: None)]
    assert ids(check_devices_deployment(None)) == ["W019"]


def test_the_sample_project_has_no_warning_and_is_told_of_its_scopes_when_it_is_deployed() -> None:
    call_command("check", "--fail-level", "WARNING", stdout=StringIO(), stderr=StringIO())
    with pytest.raises(SystemCheckError, match=r"tokenauth\.W020"):
        call_command("check", "--deploy", "--fail-level", "WARNING", stdout=StringIO(), stderr=StringIO())

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.devices.device import active_device
from tokenauth.devices.models import DeviceToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User


@pytest.fixture
def token(alice: User) -> DeviceToken:
    _, activation = active_device(alice)
    return DeviceToken.objects.create(activation=activation, secret=b"0123456789abcdef")


def test_what_is_kept_is_not_what_is_stored(token: DeviceToken) -> None:
    stored = DeviceToken.objects.get().encrypted_secret
    assert DeviceToken.objects.get().secret == b"0123456789abcdef"
    assert stored.startswith("0$")
    assert "0123456789abcdef" not in stored


def test_it_is_of_no_use_in_another_row(token: DeviceToken) -> None:
    moved = DeviceToken(activation=token.activation, encrypted_secret=token.encrypted_secret)
    with pytest.raises(ImproperlyConfigured, match="cannot be read"):
        _ = moved.secret


def test_the_highest_key_encrypts_and_the_others_open(
    token: DeviceToken, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(DEVICE_ENCRYPTION_KEYS={1: "k" * 32, 3: "l" * 32})
    assert token.secret == b"0123456789abcdef"
    token.secret = token.secret
    assert token.encrypted_secret.startswith("3$")


def test_another_secret_key_opens_it_as_a_fallback_alone(token: DeviceToken, settings: Any) -> None:
    before, settings.SECRET_KEY = settings.SECRET_KEY, "another" * 8
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY_FALLBACKS"):
        _ = token.secret
    settings.SECRET_KEY_FALLBACKS = [before]
    assert token.secret == b"0123456789abcdef"


def test_a_row_without_a_key_takes_no_secret(token: DeviceToken) -> None:
    token.pk = None
    with pytest.raises(ValueError, match="has no key yet"):
        token.secret = b"0123456789abcdef"

"""What a configuration may be, before anything is asked of a server."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from tokenauth.client import PowerAuthConfiguration, PowerAuthError, PowerAuthErrorCode
from tokenauth.devices.protocol import elliptic_curve
from tokenauth.devices.protocol.octets import encoded

KEY = encoded(bytes(16))
SECRET = encoded(bytes(range(16)))
PUBLIC_KEY = encoded(elliptic_curve.public_octets(elliptic_curve.private_key(b"\x07").public_key()))


def configuration(url: Any = "https://api.example.com", **others: Any) -> PowerAuthConfiguration:
    given = {"app_key": KEY, "app_secret": SECRET, "master_server_public_key": PUBLIC_KEY, **others}
    return PowerAuthConfiguration(base_endpoint_url=url, **given)


def refusal(url: Any = "https://api.example.com", **others: Any) -> str:
    with pytest.raises(PowerAuthError) as error:
        configuration(url, **others)
    assert error.value.code is PowerAuthErrorCode.WRONG_PARAMETER
    return error.value.message


@pytest.mark.parametrize(
    "url",
    [
        *("https://api.example.com", "https://api.example.com:8443/app", "HTTPS://API.example.com"),
        *(
            "https://[2001:db8::1]",
            "https://[2001:db8::1]:8443",
            "https://192.0.2.1",
            "https://bücher.example",
        ),
    ],
)
def test_an_address(url: str) -> None:
    assert configuration(url).base_endpoint_url == url
    assert configuration(f"{url}//").base_endpoint_url == url


@pytest.mark.parametrize(
    "url",
    [
        *("", "api.example.com", "//api.example.com", "ftp://api.example.com", "https://", "https:///app"),
        *(
            "https://api.example.com?",
            "https://api.example.com?a=1",
            "https://api.example.com#",
            "https://h#a",
        ),
        *("https://[2001:db8::1", "https://h:port", "https://h:65536", "https://h:-1"),
        *(" https://h", "https://h ", "https://a b", "https://h\n", "https://h\x00", "https://h\\@other"),
        *(None, 5, b"https://api.example.com"),
    ],
)
def test_what_is_no_address(url: Any) -> None:
    assert "https://api.example.com" in refusal(url)


@pytest.mark.parametrize("url", ["https://a:secret@h", "https://secret@h", "https://:secret@h"])
def test_an_address_with_a_password_is_not_repeated(url: str) -> None:
    assert "secret" not in refusal(url)


def test_without_tls_for_whoever_says_so() -> None:
    assert "enable_unsecure_traffic" in refusal("http://api.example.com")
    assert configuration("http://api.example.com", enable_unsecure_traffic=True)


@pytest.mark.parametrize("parameter", ["app_key", "app_secret", "master_server_public_key"])
@pytest.mark.parametrize("value", [None, "", KEY[1:], "é" * 24, encoded(bytes(17)), encoded(b"\x04" * 65)])
def test_what_is_no_key(parameter: str, value: Any) -> None:
    assert SECRET not in refusal(**{parameter: value})


@pytest.mark.parametrize("version", ["3.0", "4.0", "", None, 3.3])
def test_a_version_that_is_not_spoken(version: Any) -> None:
    assert refusal(protocol_version=version)


def test_another_process_is_given_one() -> None:
    given = configuration()
    for other in (pickle.loads(pickle.dumps(given)), copy.deepcopy(given)):  # noqa: S301 - made here
        assert other == given
        assert other.master_key.public_numbers() == given.master_key.public_numbers()


def test_none_shows_the_secret() -> None:
    assert SECRET not in repr(configuration())

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import bearer
from tokenauth.core import network

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.test import APIClient

    from testproject.accounts.models import User


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("192.0.2.1:443", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", None),
        ("unknown", None),
        ("192.0.2.256", None),
        ("192.0.2.1\0", None),
        ("localhost", None),
    ],
)
def test_an_address_as_servers_write_it(text: str, address: str | None) -> None:
    assert network.client_address({"REMOTE_ADDR": text}) == address


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.9", "10.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", None),
        (1, None, None),
        (1, "", None),
        (1, "203.0.113.9, nonsense", None),
    ],
)
def test_the_client_is_counted_from_the_right(
    tokenauth_settings: Callable[..., None], proxies: int, forwarded: str | None, address: str | None
) -> None:
    tokenauth_settings(TRUSTED_PROXIES=proxies)
    meta = {"REMOTE_ADDR": "10.0.0.1"}
    if forwarded is not None:
        meta["HTTP_X_FORWARDED_FOR"] = forwarded
    assert network.client_address(meta) == address


@pytest.mark.parametrize(
    ("text", "network_"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
    ],
)
def test_a_network(text: str, network_: str) -> None:
    assert str(network.parse_network(text)) == network_


@pytest.mark.parametrize("text", ["192.0.2.1/24", "192.0.2.0/33", "", "anywhere", 1, None, b"192.0.2.0/24"])
def test_no_network(text: object) -> None:
    with pytest.raises(ValueError, match=r"network|IPv|permit|host bits"):
        network.parse_network(text)


@pytest.mark.parametrize(
    ("address", "networks", "allowed"),
    [
        ("192.0.2.1", [], True),
        (None, [], True),
        ("192.0.2.1", ["192.0.2.0/24"], True),
        ("192.0.3.1", ["192.0.2.0/24"], False),
        ("192.0.3.1", ["192.0.2.0/24", "192.0.3.0/24"], True),
        ("::ffff:192.0.2.1", ["192.0.2.0/24"], True),
        ("192.0.2.1", ["::ffff:192.0.2.0/120"], True),
        ("2001:db8::1", ["192.0.2.0/24"], False),
        ("2001:db8::1", ["2001:db8::/32"], True),
        (None, ["192.0.2.0/24"], False),
        ("nonsense", ["192.0.2.0/24"], False),
        # What cannot be read, lets nobody in.
        ("192.0.2.1", ["nonsense"], False),
        ("192.0.2.1", "192.0.2.0/24", False),
        ("192.0.2.1", None, False),
    ],
)
def test_an_allowlist(address: str | None, networks: object, allowed: bool) -> None:
    assert network.is_allowed(address, networks) is allowed


@pytest.mark.urls("tests.urls")
def test_a_token_is_refused_from_elsewhere(api: APIClient, alice: User) -> None:
    token = alice.generate_access_token("office", ["read:sites"], allowed_networks=["192.0.2.0/24"])
    assert api.get("/who", **bearer(token), REMOTE_ADDR="192.0.2.77").status_code == 200
    answer = api.get("/who", **bearer(token), REMOTE_ADDR="198.51.100.1")
    assert (answer.status_code, answer.json()["error"]["reason"]) == (403, "ip_address")
    assert answer.json()["error"]["code"] == "FORBIDDEN"
    assert "WWW-Authenticate" not in answer


@pytest.mark.urls("tests.urls")
def test_behind_a_proxy_the_forged_address_is_not_believed(
    api: APIClient, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    token = alice.generate_access_token("office", ["read:sites"], allowed_networks=["192.0.2.0/24"])
    forged = {"HTTP_X_FORWARDED_FOR": "192.0.2.77, 198.51.100.1", "REMOTE_ADDR": "10.0.0.1"}
    tokenauth_settings(TRUSTED_PROXIES=1)
    assert api.get("/who", **bearer(token), **forged).status_code == 403
    forwarded = {"HTTP_X_FORWARDED_FOR": "198.51.100.1, 192.0.2.77", "REMOTE_ADDR": "10.0.0.1"}
    assert api.get("/who", **bearer(token), **forwarded).status_code == 200

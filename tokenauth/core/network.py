"""The client's address behind proxies, and address allowlists."""

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from tokenauth.conf import conf

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


def client_address(meta: Mapping[str, Any]) -> str | None:
    """The address of the client of a request, or None where it is not known.

    With ``TRUSTED_PROXIES`` N, it is the N-th entry of ``X-Forwarded-For`` from the right: what
    stands further left was written by the client. Fewer entries than proxies: unknown.
    """
    proxies = conf.TRUSTED_PROXIES
    if proxies == 0:
        presented = meta.get("REMOTE_ADDR", "")
    else:
        entries = meta.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(entries) < proxies:
            return None
        presented = entries[-proxies]
    return _normalized(presented)


# The same clients ask again and again, and each of their requests asks more than once.
@lru_cache(maxsize=1024)
def _normalized(presented: str) -> str | None:
    address = parse_address(presented)
    return None if address is None else str(address)


def parse_address(text: object) -> Address | None:
    """An address as proxies write it (a port, brackets and a zone are dropped), or None."""
    if not isinstance(text, str):
        return None
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def parse_network(text: object) -> Network:
    """The network that a CIDR text (or one address) names.

    :raises ValueError: no network, or one with host bits set.
    """
    if not isinstance(text, str):
        # ipaddress reads a number as an address: 1 would be 0.0.0.1.
        raise ValueError(f"{text!r} is not a network")  # noqa: TRY004
    network = ipaddress.ip_network(text.strip())
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        mapped = int(network.network_address) & 0xFFFFFFFF
        return ipaddress.IPv4Network((mapped, network.prefixlen - 96))
    return network


def around(text: object) -> str | None:
    """The network in which the address of a CIDR text with host bits lies; None where it names none."""
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False)) if isinstance(text, str) else None
    except ValueError:
        return None


def is_within(networks: list[str], others: list[str]) -> bool:
    """Whether each of ``networks`` lies in one of ``others``; an empty list is every address there is."""
    if not networks or not others:
        return not others
    outer = [parse_network(other) for other in others]
    return all(any(_is_subnet(parse_network(one), other) for other in outer) for one in networks)


def _is_subnet(one: Network, other: Network) -> bool:
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]


def is_allowed(address: str | None, networks: object) -> bool:
    """Whether ``address`` lies in one of ``networks``; an empty list allows every address.

    Where there is a list, an unknown address is refused, and so is everything where the list
    cannot be read.
    """
    if networks == []:
        return True
    if address is None or not isinstance(networks, list):
        return False
    parsed = parse_address(address)
    if parsed is None:
        return False
    try:
        return any(parsed in parse_network(network) for network in networks)
    except ValueError:
        return False

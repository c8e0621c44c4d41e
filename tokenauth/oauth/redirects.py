"""Where a person is sent back to: exactly an address that the application has registered."""

import ipaddress
from collections.abc import Iterable
from urllib.parse import SplitResult, parse_qsl, unquote_plus, urlencode, urlsplit


def is_registered(uri: str, registered: Iterable[str]) -> bool:
    """Whether ``uri`` is one of ``registered``, character by character.

    But for the port of a loopback address, which no app on a device knows before (RFC 8252, section 7.3).
    """
    # However it came to be registered, nobody is sent to a script.
    is_address = scheme(uri) in ("http", "https") or "." in scheme(uri)
    return is_address and any(uri == one or _is_same_loopback(uri, one) for one in registered)


def is_safe(uri: str) -> bool:
    """Whether a code may be sent there: https, the person's own machine, or an app's own scheme."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    if parts.fragment or uri.endswith("#") or "*" in parts.netloc:
        return False
    if parts.scheme == "http":
        return is_on_device(uri)
    # RFC 8252, section 7.1: an app's own is a domain name, back to front.
    return (parts.scheme == "https" and bool(parts.hostname)) or "." in parts.scheme


def with_answer(uri: str, from_oauthlib: str, issuer: str) -> str:
    """``uri`` with what oauthlib has added to it, and the one ``iss`` of RFC 9207.

    As it is registered, which oauthlib's is not: that one writes anew the query that there was.
    """
    base, mark, fragment = uri.partition("#")
    address, _, query = base.partition("?")
    kept = [part for part in query.split("&") if unquote_plus(part.partition("=")[0]) != "iss"]
    if not kept[-1:] or not kept[-1]:
        # Nothing stands behind the last "&", or the "?".
        kept = kept[:-1]
    added = _without_issuer(urlsplit(from_oauthlib).query)[len(_without_issuer(query)) :]
    return f"{address}?{'&'.join([*kept, urlencode([*added, ('iss', issuer)])])}{mark}{fragment}"


def _without_issuer(query: str) -> list[tuple[str, str]]:
    return [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name != "iss"]


def scheme(uri: str) -> str:
    """The scheme of ``uri``; "" where it has none, or is no URI."""
    try:
        return urlsplit(uri).scheme
    except ValueError:
        return ""


def host(uri: str) -> str:
    """Where ``uri`` leads, for a person to read: its host, or its scheme where it has none."""
    parts = urlsplit(uri)
    return parts.hostname or f"{parts.scheme}:"


def is_on_device(uri: str) -> bool:
    """Whether a program on the person's own machine is there: by a loopback address, or its own scheme."""
    parts = urlsplit(uri)
    if parts.scheme == "http":
        return _is_loopback(parts) or parts.hostname == "localhost"
    return parts.scheme != "https"


def _is_same_loopback(uri: str, registered: str) -> bool:
    try:
        one, other = urlsplit(uri), urlsplit(registered)
        if not (_is_loopback(one) and _is_loopback(other)) or one.port == 0:
            return False
    except ValueError:
        return False
    return one.hostname == other.hostname and one._replace(netloc="") == other._replace(netloc="")


def _is_loopback(parts: SplitResult) -> bool:
    if parts.scheme != "http" or "@" in parts.netloc or not parts.hostname:
        return False
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        # "localhost" is a name like any other: RFC 8252, section 8.3.
        return False

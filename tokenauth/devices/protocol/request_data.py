"""What of a request is signed.

Source: "Computing and Validating Signatures", on normalized data.
"""

from __future__ import annotations

import re
from urllib.parse import quote_plus, unquote_plus

from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.octets import KEY_LENGTH, encoded, of_length

_MALFORMED_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def signed_octets(method: str, uri_id: str, nonce: bytes, body: bytes, application_secret: str) -> bytes:
    """What is signed of a request.

    :param uri_id: what both sides agreed to call the address, such as ``/pa/token/create``.
    :param nonce: 16 bytes, those of the header.
    :param body: as it is sent: encrypted, where it is encrypted before it is signed. Of a request that has
        none, ``normalized_query``.
    :param application_secret: as it is written, in Base64.
    :raises ProtocolError: the nonce has not 16 bytes.
    """
    parts = (
        method.upper(),
        encoded(uri_id.encode()),
        encoded(of_length(nonce, "the nonce", KEY_LENGTH)),
        encoded(body),
        application_secret,
    )
    return "&".join(parts).encode()


def normalized_query(query: str) -> bytes:
    """The parameters of an address in the one order and the one way of writing them: Java's ``URLEncoder``.

    What has no ``=`` is left out, and so is not signed.

    :param query: what follows ``?``, as it is sent.
    :raises ProtocolError: an escape in it is malformed, or stands for no UTF-8.
    """
    if _MALFORMED_ESCAPE.search(query):
        raise ProtocolError("the query has a malformed escape")
    pairs = [pair.split("=", 1) for pair in query.split("&") if "=" in pair]
    try:
        decoded = [[unquote_plus(text, errors="strict") for text in pair] for pair in pairs]
        # Java compares texts by their UTF-16.
        decoded.sort(key=lambda pair: [text.encode("utf-16-be") for text in pair])
    except UnicodeError:
        raise ProtocolError("the query is not UTF-8") from None
    return "&".join(f"{_escaped(name)}={_escaped(value)}" for name, value in decoded).encode("ascii")


def is_normalized_query(body: bytes) -> bool:
    """Whether ``body`` could as well be the ``normalized_query`` of a request without one."""
    try:
        return bool(body) and normalized_query(body.decode("ascii")) == body
    except (ProtocolError, UnicodeDecodeError):
        return False


def _escaped(text: str) -> str:
    return quote_plus(text, safe="*").replace("~", "%7E")

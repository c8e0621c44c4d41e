"""What a request presents in its headers. A query string or a body is never read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from tokenauth.conf import conf
from tokenauth.core import credential
from tokenauth.core.credential import Kind

# A token of RFC 9110, which a scheme is. One with other bytes in it is nobody's: malformed.
_SCHEME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


# Nobody writes to it; but of each request, what is frozen takes twice as long to make.
@dataclass(slots=True)
class Presented:
    """The text of one header. ``misplaced``: it is not where, or not how, a credential is sent.

    ``shape``: it is left to the app that registered this one with :mod:`tokenauth.core.credential`.
    """

    text: str = field(repr=False)
    kind: Kind
    misplaced: bool = False
    shape: str = ""


def presented(meta: Mapping[str, Any]) -> list[Presented]:
    """What the headers of a request present to this app; a foreign scheme is not ours to judge."""
    found = []
    if authorization := meta.get(meta_key(conf.AUTH_HEADER), "").strip(" \t"):
        # Some clients part the two by a tab, and their scheme is as foreign as with a space.
        scheme = authorization.partition(" ")[0].partition("\t")[0]
        if scheme.lower() == "bearer":
            text = authorization[len(scheme) :].strip(" ")
            if shape := credential.shape_of(text):
                found.append(Presented(text, Kind.PERSONAL, shape=shape))
            elif conf.FOREIGN_BEARER != "pass" or credential.has_prefix(text.lstrip()):
                found.append(Presented(text, Kind.PERSONAL))
        elif _SCHEME.fullmatch(scheme) is None or _is_credential(authorization):
            found.append(Presented(authorization, Kind.PERSONAL, misplaced=True))
    if key := meta.get(meta_key(conf.API_KEY_HEADER), "").strip(" \t"):
        found.append(Presented(key, Kind.API_KEY))
    return found + in_registered_headers(meta)


def in_registered_headers(meta: Mapping[str, Any]) -> list[Presented]:
    """What is left to the apps that have registered a header of their own."""
    return [
        Presented(value, Kind.PERSONAL, shape=id_type)
        for id_type, header in credential.registered_headers()
        if (value := meta.get(meta_key(header), "").strip(" \t"))
    ]


@lru_cache(maxsize=8)
def meta_key(header: str) -> str:
    """The key of a header in ``request.META``."""
    return "HTTP_" + header.upper().replace("-", "_")


def printable(text: str, length: int) -> str:
    """A header's value, fit for a column, a log line and an answer: printable ASCII, cut to ``length``."""
    text = text[:length]
    # Nearly each is as it should be, and need not be looked through character by character.
    if text.isascii() and text.isprintable():
        return text
    return "".join(character for character in text if " " <= character <= "~")


def _is_credential(text: str) -> bool:
    return credential.parsed(text) is not None

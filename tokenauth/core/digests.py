"""Digests at rest.

A credential carries 178 random bits, so one fast digest is right: SHA-256 in lower-case hex,
or, where a pepper is configured, ``"<pepper id>$<HMAC-SHA256 in lower-case hex>"``.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable

from django.views.decorators.debug import sensitive_variables

from tokenauth.conf import conf

_DIGEST = re.compile(r"(?:[0-9]+\$)?[0-9a-f]{64}")


@sensitive_variables("text", "data", "peppers", "pepper")
def candidates(text: str) -> list[str]:
    """The digests under which ``text`` may be stored, the newest scheme first."""
    data = text.encode()
    plain = hashlib.sha256(data).hexdigest()
    peppers = conf.PEPPERS
    if not peppers:
        return [plain]
    peppered = [
        f"{pepper_id}${hmac.new(pepper.encode(), data, hashlib.sha256).hexdigest()}"
        for pepper_id, pepper in sorted(peppers.items(), reverse=True)
    ]
    return [*peppered, plain]


def is_digest(text: object) -> bool:
    """Whether ``text`` has the form of a digest as it is stored."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def newest(text: str) -> str:
    """The digest under which ``text`` is stored when its row is written."""
    return candidates(text)[0]


def is_one_of(stored: str, digests: Iterable[str]) -> bool:
    """Whether ``stored`` is one of ``digests``; the time taken does not tell which, or how nearly."""
    found = False
    for digest in digests:
        found |= hmac.compare_digest(stored.encode(), digest.encode())
    return found

"""The text of a credential: prefix, random part, checksum.

``pat_`` + 30 base62 characters (178 bits) + 6 base62 characters: the CRC32 of all that
precedes them, big-endian and zero-padded. The checksum keeps no secret: it lets a typing
error be told from a wrong credential without asking the database.
"""

from __future__ import annotations

import re
import secrets
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import pgettext_lazy
from django.views.decorators.debug import sensitive_variables

from tokenauth.conf import conf
from tokenauth.exceptions import CredentialError, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from django.http import HttpRequest

    from tokenauth.core.request_state import VerifiedElsewhere

    Authenticate = Callable[[HttpRequest], VerifiedElsewhere | None]
    Prefixes = str | tuple[str, ...]

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
RANDOM_LENGTH = 30
CHECKSUM_LENGTH = 6
BODY_LENGTH = RANDOM_LENGTH + CHECKSUM_LENGTH
# Two digits at a time: each credential that is presented has its checksum made.
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]

# So many characters after a prefix are no word any more, but part of a secret.
_RESEMBLING_LENGTH = 16
_HINT = re.compile(r"[0-9A-Za-z_-]+_[0-9A-Za-z]{4}…[0-9A-Za-z]{4}")


class Kind(models.TextChoices):
    """What a token is for."""

    PERSONAL = "personal", pgettext_lazy("kind of token", "personal token")
    API_KEY = "api_key", pgettext_lazy("kind of token", "API key")


class Environment(models.TextChoices):
    """Where an API key is valid; a personal token has none."""

    LIVE = "live", pgettext_lazy("environment", "live")
    TEST = "test", pgettext_lazy("environment", "test")


# What other apps take for theirs, and how they verify it, by the type that the login log has of it.
_shapes: dict[str, tuple[Callable[[str], bool], Authenticate]] = {}
# The same of what comes in headers of their own.
_headers: dict[str, tuple[tuple[str, ...], Authenticate]] = {}


# Not frozen: each request makes one.
@dataclass(slots=True)
class Credential:
    """A well-formed credential. Its ``repr`` shows no secret."""

    text: str = field(repr=False)
    kind: Kind
    environment: str

    @property
    def hint(self) -> str:
        """What may be shown of it: the prefix, four characters, ``…``, the last four."""
        start = len(self.text) - BODY_LENGTH
        return f"{self.text[: start + 4]}…{self.text[-4:]}"


def prefixes(configured: str | Sequence[str]) -> tuple[str, ...]:
    """The prefixes of a setting that may be one text or a list; the first is for new ones."""
    return (configured,) if isinstance(configured, str) else tuple(configured)


def make(kind: Kind, environment: str = "") -> Credential:
    """A new random credential."""
    if kind is Kind.PERSONAL:
        head = prefixes(conf.TOKEN_PREFIX)[0]
    else:
        head = f"{prefixes(conf.API_KEY_PREFIX)[0]}_{environment}"
    payload = f"{head}_{random_text()}"
    return Credential(payload + checksum(payload), kind, environment)


def random_text() -> str:
    """The random part of a new credential: each of the 62**30 is as likely as another."""
    number = secrets.randbelow(len(_PAIRS) ** (RANDOM_LENGTH // 2))
    pairs = []
    for _ in range(RANDOM_LENGTH // 2):
        number, pair = divmod(number, len(_PAIRS))
        pairs.append(_PAIRS[pair])
    return "".join(pairs)


# Whatever it is, somebody may have taken it for a secret.
@sensitive_variables("text")
def parse(text: object) -> Credential:
    """The credential that ``text`` is.

    :raises CredentialError: ``malformed`` where prefix, length, alphabet or checksum is wrong.
    """
    credential = parsed(text)
    if credential is None:
        raise CredentialError(Reason.MALFORMED)
    return credential


def parsed(text: object) -> Credential | None:
    """The credential that ``text`` is; None where it is malformed."""
    if not isinstance(text, str):
        return None
    found = _configured_heads().get(text[:-BODY_LENGTH])
    if found is None:
        return None
    body = text[-BODY_LENGTH:]
    if not (body.isascii() and body.isalnum()) or not text.endswith(checksum(text[:-CHECKSUM_LENGTH])):
        return None
    kind, environment = found
    return Credential(text, kind, environment)


def has_prefix(text: str) -> bool:
    """Whether ``text`` begins as a credential of this deployment does."""
    return text.startswith(tuple(_configured_heads()))


def resembles(text: str) -> bool:
    """Whether a credential of this deployment, or the beginning of one, is somewhere in ``text``.

    A hint is none, and neither is a name. What this says of is no longer to be shown, kept or searched for.
    """
    return _resembling(*_configured_prefixes()).search(text) is not None


def unwrapped(text: str) -> str:
    """What was pasted, without what may be around a credential: its header, ``Bearer``, quotes, spaces."""
    words = text.split()
    return words[-1].strip("\"'`,;") if words else ""


def hint_in(text: str) -> str:
    """The hint that ``text`` is, where somebody may have typed three dots for ``…``; "" where it is none."""
    hint = text.strip().replace("...", "…")
    return hint if _HINT.fullmatch(hint) else ""


def register_shape(id_type: str, matches: Callable[[str], bool], authenticate: Authenticate) -> None:
    """Leave bearer texts that ``matches`` knows, by their look alone, to another app.

    ``authenticate`` says who makes a request with one, and raises ``CredentialError`` where it is refused. It
    judges a request once, whoever asks: that app's own door of REST framework, or a view of plain Django.
    """
    _shapes[id_type] = matches, authenticate


def register_headers(id_type: str, headers: tuple[str, ...], authenticate: Authenticate) -> None:
    """Leave what comes in ``headers`` to another app: see :func:`register_shape`.

    It is judged before the view, and outside of its transaction: what is spent by it, as a nonce, is spent
    whatever becomes of the request.
    """
    _headers[id_type] = headers, authenticate


def registered_headers() -> Iterator[tuple[str, str]]:
    """Each header that another app has registered, after the type of what is in it."""
    return ((id_type, header) for id_type, (headers, _) in _headers.items() for header in headers)


def shape_of(text: str) -> str:
    """The registered shape that a bearer text has; "" where it has none, and is for this app to judge."""
    for id_type, (matches, _) in _shapes.items():
        if matches(text):
            return id_type
    return ""


def authenticator_of(shape: str) -> Authenticate:
    """How the app that has registered ``shape`` verifies what has it."""
    return (_headers if shape in _headers else _shapes)[shape][1]


def checksum(payload: str) -> str:
    """The CRC32 of an ASCII text, as six base62 characters."""
    rest, last = divmod(zlib.crc32(payload.encode("ascii")), len(_PAIRS))
    first, middle = divmod(rest, len(_PAIRS))
    return _PAIRS[first] + _PAIRS[middle] + _PAIRS[last]


def _configured_prefixes() -> tuple[Prefixes, Prefixes]:
    token, api_key = conf.TOKEN_PREFIX, conf.API_KEY_PREFIX
    # As they are where they can be the key of a cache, which they nearly always can.
    return (
        token if isinstance(token, str) else tuple(token),
        api_key if isinstance(api_key, str) else tuple(api_key),
    )


def _configured_heads() -> Mapping[str, tuple[Kind, str]]:
    return _heads(*_configured_prefixes())


@lru_cache(maxsize=8)
def _heads(token: Prefixes, api_key: Prefixes) -> Mapping[str, tuple[Kind, str]]:
    heads = {f"{prefix}_": (Kind.PERSONAL, "") for prefix in prefixes(token)}
    for prefix in prefixes(api_key):
        for environment in Environment.values:
            heads[f"{prefix}_{environment}_"] = (Kind.API_KEY, environment)
    return heads


@lru_cache(maxsize=8)
def _resembling(token: Prefixes, api_key: Prefixes) -> re.Pattern[str]:
    heads = "|".join(map(re.escape, _heads(token, api_key)))
    return re.compile(rf"(?<![0-9A-Za-z])(?:{heads})[0-9A-Za-z]{{{_RESEMBLING_LENGTH}}}")

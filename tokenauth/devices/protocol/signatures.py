"""Signatures of one to three factors, each of which is a key on the device.

Source: "Computing and Validating Signatures". What is signed is in ``request_data``.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from tokenauth.devices.protocol.counter import LOOK_AHEAD, counters_from, next_counter
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.octets import KEY_LENGTH, decimal, encoded, of_length
from tokenauth.devices.protocol.versions import Version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokenauth.devices.protocol.key_derivation import DeviceKeys


class Factor(StrEnum):
    """What a person proves: to have the device, to know something, or who they are."""

    POSSESSION = "possession"
    KNOWLEDGE = "knowledge"
    BIOMETRY = "biometry"


class SignatureType(StrEnum):
    """The factors of a signature, as its header names them."""

    POSSESSION = "possession"
    KNOWLEDGE = "knowledge"
    BIOMETRY = "biometry"
    POSSESSION_KNOWLEDGE = "possession_knowledge"
    POSSESSION_BIOMETRY = "possession_biometry"
    POSSESSION_KNOWLEDGE_BIOMETRY = "possession_knowledge_biometry"

    @classmethod
    def of(cls, text: str) -> SignatureType:
        """The type that ``text`` names.

        :raises ProtocolError: it names none.
        """
        try:
            return cls(text)
        except ValueError:
            raise ProtocolError("the type of the signature is unknown") from None

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Its factors, in the order of their keys."""
        return tuple(Factor(name) for name in self.split("_"))

    def keys(self, device_keys: DeviceKeys) -> tuple[bytes, ...]:
        """The keys of its factors. They are secret."""
        of_factor = {
            Factor.POSSESSION: device_keys.possession,
            Factor.KNOWLEDGE: device_keys.knowledge,
            Factor.BIOMETRY: device_keys.biometry,
        }
        return tuple(of_factor[factor] for factor in self.factors)


@dataclass(frozen=True, slots=True)
class Match:
    """A signature that was right."""

    steps: int
    """How far ahead of the server's counter the device was."""
    next_counter: bytes = field(repr=False)
    """What the server is to keep, so that this signature is never right again."""


def components(octets: bytes, keys: Sequence[bytes], counter: bytes) -> list[bytes]:
    """32 bytes for each factor, which depend on its own key and on those between the first and it.

    :raises ProtocolError: there are not one to three keys, or a key or the counter has not 16 bytes.
    """
    if not 1 <= len(keys) <= len(Factor):
        raise ProtocolError("a signature has one to three factors")
    of_length(counter, "the counter", KEY_LENGTH)
    of_counter = [
        hmac.digest(of_length(key, "the key of a factor", KEY_LENGTH), counter, "sha256") for key in keys
    ]
    made = []
    for index, derived in enumerate(of_counter):
        signing = derived
        # The pages start from the first key each time; clients and vectors start from the factor's own.
        for key in of_counter[1 : index + 1]:
            signing = hmac.digest(key, signing, "sha256")
        made.append(hmac.digest(signing, octets, "sha256"))
    return made


def sign(octets: bytes, keys: Sequence[bytes], counter: bytes, version: str) -> str:
    """The signature of ``octets``, as a header has it.

    :param keys: of its factors, as ``SignatureType.keys`` gives them.
    :param counter: the device's own. It moves on to ``next_counter`` before anything is sent.
    :param version: of the protocol; 3.0 writes a signature as ``sign_offline`` does.
    :raises ProtocolError: the version is unknown, or a key or the counter has not 16 bytes.
    """
    if not Version.of(version).has_nonces:
        return sign_offline(octets, keys, counter)
    return encoded(b"".join(part[-KEY_LENGTH:] for part in components(octets, keys, counter)))


def sign_offline(octets: bytes, keys: Sequence[bytes], counter: bytes, digits: int = 8) -> str:
    """The signature of ``octets`` as a person copies it: so many digits for each factor, joined by ``-``.

    :param digits: 4 to 8.
    """
    if not 4 <= digits <= 8:
        raise ProtocolError("a factor has 4 to 8 digits")
    return "-".join(decimal(part, digits) for part in components(octets, keys, counter))


def verify(
    signature: str,
    octets: bytes,
    keys: Sequence[bytes],
    counter: bytes,
    version: str,
    look_ahead: int = LOOK_AHEAD,
) -> Match | None:
    """Where ``signature`` is one of ``octets`` at ``counter`` or soon after it; None = nowhere.

    :param counter: the server's own.
    :param look_ahead: how many values are tried.
    :raises ProtocolError: the version is unknown, or a key or the counter has not 16 bytes.
    """
    presented = signature.encode("utf-8", "replace")
    for steps, value in enumerate(islice(counters_from(counter), look_ahead)):
        if hmac.compare_digest(sign(octets, keys, value, version).encode("ascii"), presented):
            return Match(steps, next_counter(value))
    return None

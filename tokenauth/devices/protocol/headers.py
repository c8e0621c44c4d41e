"""The three headers of the protocol: ``PowerAuth``, a space, and fields ``name="value"``.

Sources: "MAC Token Based Authentication", "Computing and Validating Signatures", "End-to-End Encryption".
Fields come in any order, with a comma, blanks or both between them: clients differ. Nothing else is
forgiven. A field that is not known is ignored, so that a newer client is not locked out, but none may be
there twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.octets import DIGEST_LENGTH, KEY_LENGTH, decoded, encoded, identifier
from tokenauth.devices.protocol.signatures import SignatureType
from tokenauth.devices.protocol.versions import Version

TOKEN_HEADER = "X-PowerAuth-Token"  # noqa: S105
SIGNATURE_HEADER = "X-PowerAuth-Authorization"
ENCRYPTION_HEADER = "X-PowerAuth-Encryption"

# Twice what the longest, a signature of three factors, comes to.
LONGEST_VALUE = 1024

_SCHEME = "PowerAuth "
# A header may be folded, in which case what carried it may have left the folds.
_BLANK = r"[ \t\r\n]"
_FIELD = re.compile(r'(\w+)="([ !#-~]+)"', re.ASCII)
_SEPARATOR = re.compile(rf"{_BLANK}*,{_BLANK}*|{_BLANK}+")
# A leading zero would be lost, and the digest with it.
_TIMESTAMP = re.compile(r"[1-9][0-9]{8,14}", re.ASCII)
_DECIMAL_SIGNATURE = re.compile(r"[0-9]{8}(?:-[0-9]{8})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class TokenHeader:
    """``X-PowerAuth-Token``: authorizes a request with a token."""

    token_id: str
    token_digest: bytes = field(repr=False)
    nonce: bytes
    timestamp_ms: int
    version: Version

    @classmethod
    def parse(cls, value: str) -> TokenHeader:
        """The header that ``value`` is.

        :raises ProtocolError: it is malformed, or a field is missing or malformed.
        """
        fields = _Fields(value)
        timestamp = fields["timestamp"]
        if _TIMESTAMP.fullmatch(timestamp) is None:
            raise ProtocolError("timestamp is malformed")
        return cls(
            identifier(fields["token_id"], "token_id"),
            decoded(fields["token_digest"], "token_digest", DIGEST_LENGTH),
            decoded(fields["nonce"], "nonce", KEY_LENGTH),
            int(timestamp),
            Version.of(fields["version"]),
        )

    def render(self) -> str:
        """The header's value."""
        return _rendered(
            version=self.version,
            token_id=self.token_id,
            token_digest=encoded(self.token_digest),
            nonce=encoded(self.nonce),
            timestamp=str(self.timestamp_ms),
        )


@dataclass(frozen=True, slots=True)
class SignatureHeader:
    """``X-PowerAuth-Authorization``: a signature of the request."""

    activation_id: str
    application_key: str
    """As it is written, in Base64."""
    nonce: bytes
    signature_type: SignatureType
    signature: str = field(repr=False)
    """As ``signatures.sign`` writes it for this version."""
    version: Version

    @classmethod
    def parse(cls, value: str) -> SignatureHeader:
        """The header that ``value`` is.

        :raises ProtocolError: it is malformed, a field is missing or malformed, or the signature has another
            length than those of its type and version.
        """
        fields = _Fields(value)
        version = Version.of(fields["pa_version"])
        signature_type = SignatureType.of(fields["pa_signature_type"])
        return cls(
            identifier(fields["pa_activation_id"], "pa_activation_id"),
            _application_key(fields["pa_application_key"], "pa_application_key"),
            decoded(fields["pa_nonce"], "pa_nonce", KEY_LENGTH),
            signature_type,
            _signature(fields["pa_signature"], signature_type, version),
            version,
        )

    def render(self) -> str:
        """The header's value."""
        return _rendered(
            pa_version=self.version,
            pa_activation_id=self.activation_id,
            pa_application_key=self.application_key,
            pa_nonce=encoded(self.nonce),
            pa_signature_type=self.signature_type,
            pa_signature=self.signature,
        )


@dataclass(frozen=True, slots=True)
class EncryptionHeader:
    """``X-PowerAuth-Encryption``: for whom a request is encrypted. A signed request has none."""

    application_key: str
    """As it is written, in Base64."""
    version: Version
    activation_id: str = ""
    """Empty where the request is in the application's scope."""

    @classmethod
    def parse(cls, value: str) -> EncryptionHeader:
        """The header that ``value`` is.

        :raises ProtocolError: it is malformed, or a field is missing or malformed.
        """
        fields = _Fields(value)
        activation_id = fields.get("activation_id", "")
        return cls(
            _application_key(fields["application_key"], "application_key"),
            Version.of(fields["version"]),
            identifier(activation_id, "activation_id") if activation_id else "",
        )

    def render(self) -> str:
        """The header's value."""
        fields: dict[str, str] = {"version": self.version, "application_key": self.application_key}
        if self.activation_id:
            fields["activation_id"] = self.activation_id
        return _rendered(**fields)


class _Fields(dict[str, str]):
    """The fields of a header, by their names."""

    def __init__(self, value: str) -> None:
        super().__init__()
        text = value.strip(" \t\r\n")
        if len(value) > LONGEST_VALUE or not text.startswith(_SCHEME):
            raise ProtocolError("the header is malformed")
        at = len(_SCHEME)
        while found := _FIELD.match(text, at):
            name, content = found.groups()
            if name in self:
                raise ProtocolError("a field of the header is there twice")
            self[name] = content
            if found.end() == len(text):
                return
            separator = _SEPARATOR.match(text, found.end())
            if separator is None:
                break
            at = separator.end()
        raise ProtocolError("the header is malformed")

    def __missing__(self, name: str) -> str:
        raise ProtocolError(f"{name} is missing")


def _rendered(**fields: str) -> str:
    return _SCHEME + ", ".join(f'{name}="{value}"' for name, value in fields.items())


def _application_key(text: str, name: str) -> str:
    decoded(text, name, KEY_LENGTH)
    return text


def _signature(text: str, signature_type: SignatureType, version: Version) -> str:
    factors = len(signature_type.factors)
    if version.has_nonces:
        decoded(text, "pa_signature", KEY_LENGTH * factors)
    elif _DECIMAL_SIGNATURE.fullmatch(text) is None or text.count("-") + 1 != factors:
        raise ProtocolError("pa_signature is malformed")
    return text

"""Requests that a device signs: judged one after the other, since each signature moves the counter."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import router
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from tokenauth.devices.applications import version_of
from tokenauth.devices.durable import committed
from tokenauth.devices.exceptions import DeviceError
from tokenauth.devices.keys import keys_of
from tokenauth.devices.models import Activation
from tokenauth.devices.protocol import request_data, signatures
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.headers import SIGNATURE_HEADER, SignatureHeader
from tokenauth.devices.protocol.octets import encoded
from tokenauth.devices.protocol.signatures import SignatureType
from tokenauth.devices.request_headers import check_version, parsed
from tokenauth.devices.standing import locked, refusal
from tokenauth.exceptions import DeviceReason

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from django.http import HttpRequest

    from tokenauth.devices.models import ApplicationVersion

# Of a request with one of these that has no body, the query is signed.
_WITHOUT_BODY = ("GET", "HEAD", "DELETE")
# More than servers take as an address. To see whether a body could be a query, it is taken apart and sorted,
# before anything is known of who sends it: of megabytes, that is seconds.
_QUERY_LENGTH = 16_384


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request whose signature was right, and is spent."""

    activation: Activation
    """With its user."""
    version: ApplicationVersion
    """With its application."""
    signature_type: SignatureType
    header: SignatureHeader = field(repr=False)


# What is signed has the application's secret in it.
@sensitive_variables("octets")
def verify(request: HttpRequest, uri_id: str, allowed: Collection[SignatureType]) -> SignedRequest:
    """Whose request it is, by ``X-PowerAuth-Authorization``. The signature is good this once.

    What comes of it is committed before this returns or raises: the counter, and the failed attempts, of
    which too many block the activation. So it is called outside of a transaction.

    :param uri_id: what device and server call the address, such as ``/pa/token/create``.
    :param allowed: the factors of which any is enough.
    :raises DeviceError: it is refused.
    :raises RuntimeError: there is a transaction, with which all that would be undone.
    """
    header = parsed(request, SIGNATURE_HEADER, SignatureHeader.parse)
    check_version(header.version, header.activation_id)
    try:
        version = version_of(header.application_key)
        octets = _signed_octets(request, uri_id, header, version)
    except DeviceError as error:
        raise DeviceError(error.reason, subject=header.activation_id) from error
    using = router.db_for_write(Activation)
    with committed(using):
        activation = locked(header.activation_id, using)
        reason = _refusal(activation, version, header, octets, timezone.now())
    if reason is None and header.signature_type not in allowed:
        reason = DeviceReason.FACTORS
    if activation is None or reason is not None:
        raise DeviceError(reason or DeviceReason.UNKNOWN, activation, header.activation_id)
    return SignedRequest(activation, version, header.signature_type, header)


@sensitive_variables("data")
def _signed_octets(
    request: HttpRequest, uri_id: str, header: SignatureHeader, version: ApplicationVersion
) -> bytes:
    try:
        data = _signed_data(request)
    except ProtocolError as error:
        raise DeviceError(DeviceReason.MALFORMED) from error
    return request_data.signed_octets(
        request.method or "", uri_id, header.nonce, data, encoded(version.secret)
    )


@sensitive_variables("body")
def _signed_data(request: HttpRequest) -> bytes:
    """The body or, of a request that may have none, the query.

    :raises ProtocolError: the query is malformed or too long, or the view would read what was not signed.
    """
    body = request.body
    if request.method not in _WITHOUT_BODY:
        return body
    query = request.META.get("QUERY_STRING", "")
    if max(len(body), len(query)) > _QUERY_LENGTH:
        raise ProtocolError("the request is longer than a query could be")
    if body and (query or request_data.is_normalized_query(body)):
        # Nothing says which of the two was signed: moved into the body, a signed query would leave the place
        # free for another.
        raise ProtocolError("the request has a body beside its query, or in place of it")
    if not query.isascii() or (query and not _is_read_as_utf_8(request)):
        # By a header that is not signed, or since servers hand bytes on as they please.
        raise ProtocolError("a view could read another query than was signed")
    if any(pair and "=" not in pair for pair in query.split("&")):
        raise ProtocolError("a part of the query is not signed")
    return body or request_data.normalized_query(query)


def _is_read_as_utf_8(request: HttpRequest) -> bool:
    return codecs.lookup(request.encoding or settings.DEFAULT_CHARSET).name == "utf-8"


@sensitive_variables("octets", "match")
def _refusal(
    activation: Activation | None,
    version: ApplicationVersion,
    header: SignatureHeader,
    octets: bytes,
    now: datetime,
) -> DeviceReason | None:
    """Why the signature is refused; None where it is right. What follows from it is saved."""
    if activation is None:
        return DeviceReason.UNKNOWN
    if activation.application_id != version.application_id:
        return DeviceReason.VERSION
    if reason := refusal(activation):
        return reason
    match = _match(activation, header, octets)
    if match is None:
        _count_failure(activation, header.signature_type, now)
        return DeviceReason.SIGNATURE
    activation.counter_data = match.next_counter.hex()
    activation.counter += match.steps + 1
    activation.last_used_at = now
    changed = ["counter_data", "counter", "last_used_at"]
    if _proves_more_than_possession(header.signature_type):
        activation.failed_attempts = 0
        changed.append("failed_attempts")
    activation.save(update_fields=changed)
    return None


@sensitive_variables()
def _match(activation: Activation, header: SignatureHeader, octets: bytes) -> signatures.Match | None:
    keys = keys_of(activation)
    if keys is None:
        return None
    counter = bytes.fromhex(activation.counter_data)
    of_factors = header.signature_type.keys(keys)
    return signatures.verify(header.signature, octets, of_factors, counter, header.version)


def _proves_more_than_possession(signature_type: SignatureType) -> bool:
    # Whoever has the device alone guesses at nothing, and makes up for no wrong guess: with such a signature
    # in between, PINs could be tried without end.
    return signature_type is not SignatureType.POSSESSION


def _count_failure(activation: Activation, signature_type: SignatureType, now: datetime) -> None:
    if not _proves_more_than_possession(signature_type):
        return
    activation.failed_attempts += 1
    changed = ["failed_attempts"]
    if activation.failed_attempts >= activation.max_failed_attempts:
        activation.status = Activation.Status.BLOCKED
        activation.blocked_at, activation.blocked_reason = now, Activation.TOO_MANY_FAILURES
        changed += ["status", "blocked_at", "blocked_reason"]
    activation.save(update_fields=changed)

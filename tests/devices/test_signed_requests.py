"""Requests that a device signs: the counter, the failed attempts, and what is refused."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from django.test import RequestFactory

from tests.devices.device import Device, active_device, application_version
from tests.services.threads import at_once
from tokenauth.devices.exceptions import DeviceError
from tokenauth.devices.models import Activation
from tokenauth.devices.protocol import request_data
from tokenauth.devices.protocol.headers import SIGNATURE_HEADER, TOKEN_HEADER, SignatureHeader
from tokenauth.devices.protocol.signatures import SignatureType
from tokenauth.devices.protocol.versions import Version
from tokenauth.devices.signed_requests import SignedRequest, verify
from tokenauth.exceptions import DeviceReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

URI_ID = "/transfers"
BODY = b'{"amount": 100}'
WRONG_PIN = (b"p" * 16, b"k" * 16)
ANY = frozenset(SignatureType)
TWO_FACTORS = {SignatureType.POSSESSION_KNOWLEDGE, SignatureType.POSSESSION_BIOMETRY}

VERSIONS = [Version.V3_1, Version.V3_2, Version.V3_3]


def send(
    header: str,
    body: bytes = BODY,
    *,
    uri_id: str = URI_ID,
    method: str = "POST",
    query: str = "",
    content_type: str = "application/json",
) -> Any:
    """What becomes of a request with this header: a signed request, or the reason of its refusal."""
    # Under WSGI, the query is a text of the bytes that were sent.
    facts: Any = {"QUERY_STRING": query, "CONTENT_TYPE": content_type}
    request = RequestFactory().generic(method, "/anything", body, headers={SIGNATURE_HEADER: header}, **facts)
    try:
        return verify(request, uri_id, ANY)
    except DeviceError as error:
        return error.reason


def stored() -> Activation:
    return Activation.objects.get()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("factors", list(SignatureType))
def test_a_signature_is_right_once_and_moves_the_counter(
    device: Device, alice: User, version: Version, factors: SignatureType
) -> None:
    device.version = version
    header = device.signature(URI_ID, BODY, factors=factors)
    signed = send(header)
    assert isinstance(signed, SignedRequest)
    assert (signed.activation.user, signed.signature_type) == (alice, factors)
    assert signed.version.key == device.application_key
    assert signed.header == SignatureHeader.parse(header)
    assert (stored().counter, stored().counter_data) == (1, device.counter.hex())
    assert stored().last_used_at is not None
    # The same again: it is right nowhere any more.
    assert send(header) is DeviceReason.SIGNATURE
    assert stored().counter_data == device.counter.hex()


def test_version_3_0_is_refused_unless_a_setting_allows_it(
    device: Device, tokenauth_settings: Callable[..., None]
) -> None:
    device.version = Version.V3_0
    assert send(device.signature(URI_ID, BODY)) is DeviceReason.VERSION
    assert stored().failed_attempts == 0
    tokenauth_settings(DEVICE_PROTOCOL_VERSIONS=("3.0", "3.3"))
    assert isinstance(send(device.signature(URI_ID, BODY)), SignedRequest)


@pytest.mark.parametrize(
    "changed",
    [
        {"body": b'{"amount": 900}'},
        {"body": b""},
        {"uri_id": "/others"},
        {"method": "PUT"},
    ],
    ids=["body", "no body", "uri_id", "method"],
)
def test_what_is_not_what_was_signed_is_a_failed_attempt(device: Device, changed: dict[str, Any]) -> None:
    header = device.signature(URI_ID, BODY)
    assert send(header, **changed) is DeviceReason.SIGNATURE
    assert stored().failed_attempts == 1
    # The counter stays: what was signed is still good.
    assert isinstance(send(header), SignedRequest)


def test_another_nonce_than_was_signed(device: Device) -> None:
    header = device.signature(URI_ID, BODY)
    nonce = SignatureHeader.parse(device.signature(URI_ID, BODY)).nonce
    parsed = SignatureHeader.parse(header)
    changed = SignatureHeader(
        *(parsed.activation_id, parsed.application_key, nonce),
        *(parsed.signature_type, parsed.signature, parsed.version),
    )
    assert send(changed.render()) is DeviceReason.SIGNATURE


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_the_query_of_a_request_without_a_body_is_signed(device: Device, method: str) -> None:
    right = device.signature(URI_ID, b"a=1&b=2", method=method)
    assert send(right, b"", method=method, query="b=2&a=2") is DeviceReason.SIGNATURE
    assert isinstance(send(right, b"", method=method, query="b=2&a=1"), SignedRequest)


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.parametrize("query", ["", "a=9", "b=2&a=1", "flag"])
def test_a_signed_query_is_not_moved_into_the_body(device: Device, method: str, query: str) -> None:
    """Or whoever stands between could put another in its place, or none."""
    right = device.signature(URI_ID, b"a=1&b=2", method=method)
    assert send(right, b"a=1&b=2", method=method, query=query) is DeviceReason.MALFORMED
    assert stored().failed_attempts == 0
    assert isinstance(send(right, b"", method=method, query="a=1&b=2"), SignedRequest)


@pytest.mark.parametrize("query", ["a=1&all", "all&a=1", "a=1&all&", "a=1&%3D"])
def test_what_of_a_query_is_not_signed_is_refused(device: Device, query: str) -> None:
    right = device.signature(URI_ID, b"a=1", method="DELETE")
    assert send(right, b"", method="DELETE", query=query) is DeviceReason.MALFORMED
    # Of this, no view reads anything.
    assert isinstance(send(right, b"", method="DELETE", query="&a=1&&"), SignedRequest)


def test_a_body_that_is_no_query_may_be_signed_whatever_the_method(device: Device) -> None:
    right = device.signature(URI_ID, BODY, method="DELETE")
    assert send(right, BODY, method="DELETE", query="a=1") is DeviceReason.MALFORMED
    assert isinstance(send(right, BODY, method="DELETE"), SignedRequest)


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_a_query_is_read_as_it_was_signed(device: Device, method: str) -> None:
    """Or whoever stands between could say by a header, which is not signed, how a view decodes it."""
    right = device.signature(URI_ID, b"to=%2BAGI-", method=method)
    for charset in ("utf-7", "latin-1", "utf-16"):
        sent = {"query": "to=%2BAGI-", "content_type": f"text/plain; charset={charset}"}
        assert send(right, b"", method=method, **sent) is DeviceReason.MALFORMED
    assert stored().failed_attempts == 0
    for content_type in ("text/plain; charset=UTF-8", "text/plain; charset=utf8", "text/plain", ""):
        signed = device.signature(URI_ID, b"to=%2BAGI-", method=method)
        sent = {"query": "to=%2BAGI-", "content_type": content_type}
        assert isinstance(send(signed, b"", method=method, **sent), SignedRequest)


def test_a_project_whose_queries_are_not_read_as_utf_8(device: Device, settings: Any) -> None:
    settings.DEFAULT_CHARSET = "latin-1"
    right = device.signature(URI_ID, b"to=%C3%A9", method="GET")
    assert send(right, b"", method="GET", query="to=%C3%A9") is DeviceReason.MALFORMED
    said = {"query": "to=%C3%A9", "content_type": "text/plain; charset=utf-8"}
    assert isinstance(send(right, b"", method="GET", **said), SignedRequest)


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_a_query_is_ascii(device: Device, method: str) -> None:
    """WSGI has bytes as Latin-1, in which other texts are signed than views read."""
    right = device.signature(URI_ID, b"to=%C3%A9", method=method)
    as_latin_1 = device.signature(URI_ID, b"to=%C3%83%C2%A9", method=method)
    for header in (right, as_latin_1):
        assert send(header, b"", method=method, query="to=Ã©") is DeviceReason.MALFORMED
        assert send(header, b"", method=method, query="to=é") is DeviceReason.MALFORMED
    assert stored().failed_attempts == 0
    assert isinstance(send(right, b"", method=method, query="to=%C3%A9"), SignedRequest)


def test_of_other_methods_the_charset_is_the_views_own_matter(device: Device) -> None:
    right = device.signature(URI_ID, BODY)
    assert isinstance(send(right, query="é", content_type="text/csv; charset=latin-1"), SignedRequest)


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.parametrize("place", ["body", "query"])
def test_what_is_longer_than_a_query_is_refused_unread(
    device: Device, method: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever knows an application's key could have megabytes of it taken apart, and sorted."""

    def sent(length: int) -> Any:
        signed = b"a=" + b"1" * (length - 2) if place == "query" else b"1" * length
        right = device.signature(URI_ID, signed, method=method)
        if place == "query":
            return send(right, b"", method=method, query=signed.decode())
        return send(right, signed, method=method)

    assert isinstance(sent(16_384), SignedRequest)
    monkeypatch.delattr(request_data, "normalized_query")
    monkeypatch.delattr(request_data, "is_normalized_query")
    assert sent(16_385) is DeviceReason.MALFORMED
    assert stored().failed_attempts == 0


def test_a_body_of_another_method_may_be_as_long_as_it_is(device: Device) -> None:
    body = b"1" * 16_385
    assert isinstance(send(device.signature(URI_ID, body), body), SignedRequest)


def test_a_query_that_is_none(device: Device) -> None:
    header = device.signature(URI_ID, b"", method="GET")
    assert send(header, b"", method="GET", query="a=%ZZ") is DeviceReason.MALFORMED
    assert stored().failed_attempts == 0


def test_the_fifth_wrong_pin_blocks(device: Device, alice: User) -> None:
    for count in range(1, 6):
        wrong = device.signature(URI_ID, BODY, keys=WRONG_PIN)
        assert send(wrong) is DeviceReason.SIGNATURE
        assert stored().failed_attempts == count
        assert (stored().status == Activation.Status.BLOCKED) is (count == 5)
    assert stored().blocked_reason == Activation.TOO_MANY_FAILURES
    assert stored().blocked_at is not None
    assert send(device.signature(URI_ID, BODY)) is DeviceReason.BLOCKED
    assert (stored().failed_attempts, stored().counter) == (5, 0)


def test_a_right_signature_forgets_the_wrong_ones(device: Device) -> None:
    for _ in range(4):
        send(device.signature(URI_ID, BODY, keys=WRONG_PIN))
    assert isinstance(send(device.signature(URI_ID, BODY)), SignedRequest)
    # The device counted each of the five.
    assert (stored().failed_attempts, stored().counter) == (0, 5)


def test_a_signature_by_possession_alone_makes_up_for_no_wrong_pin(device: Device) -> None:
    """Or whoever has found the device tries four, signs with what it has, and tries the next four."""
    for count in range(1, 5):
        assert send(device.signature(URI_ID, BODY, keys=WRONG_PIN)) is DeviceReason.SIGNATURE
        possession = device.signature(URI_ID, BODY, factors=SignatureType.POSSESSION)
        assert isinstance(send(possession), SignedRequest)
        assert (stored().failed_attempts, stored().counter_data) == (count, device.counter.hex())
    assert send(device.signature(URI_ID, BODY, keys=WRONG_PIN)) is DeviceReason.SIGNATURE
    assert stored().status == Activation.Status.BLOCKED


@pytest.mark.parametrize("factors", [each for each in SignatureType if each is not SignatureType.POSSESSION])
def test_one_by_more_than_possession_does(device: Device, factors: SignatureType) -> None:
    send(device.signature(URI_ID, BODY, keys=WRONG_PIN))
    assert isinstance(send(device.signature(URI_ID, BODY, factors=factors)), SignedRequest)
    assert stored().failed_attempts == 0


def test_wrong_signatures_by_possession_alone_are_not_counted(device: Device) -> None:
    for _ in range(6):
        wrong = device.signature(URI_ID, BODY, factors=SignatureType.POSSESSION, keys=(b"p" * 16,))
        assert send(wrong) is DeviceReason.SIGNATURE
    assert (stored().failed_attempts, stored().status) == (0, Activation.Status.ACTIVE)


@pytest.mark.parametrize(("lost", "is_right"), [(0, True), (19, True), (20, False)])
def test_signatures_that_never_arrived(device: Device, lost: int, *, is_right: bool) -> None:
    before = stored()
    for _ in range(lost):
        device.signature(URI_ID, BODY)
    assert isinstance(send(device.signature(URI_ID, BODY)), SignedRequest) is is_right
    if is_right:
        assert (stored().counter, stored().counter_data) == (lost + 1, device.counter.hex())
    else:
        assert (stored().counter_data, stored().failed_attempts) == (before.counter_data, 1)


def test_signatures_in_another_order(device: Device) -> None:
    first, second = device.signature(URI_ID, BODY), device.signature(URI_ID, BODY)
    assert isinstance(send(second), SignedRequest)
    assert send(first) is DeviceReason.SIGNATURE
    assert stored().counter_data == device.counter.hex()


def test_factors_that_are_not_enough_are_refused_after_the_signature_was_right(device: Device) -> None:
    def verified(factors: SignatureType) -> Any:
        header = device.signature(URI_ID, BODY, factors=factors)
        request = RequestFactory().post(
            "/", BODY, content_type="application/json", headers={SIGNATURE_HEADER: header}
        )
        try:
            return verify(request, URI_ID, TWO_FACTORS)
        except DeviceError as error:
            return error.reason

    assert verified(SignatureType.POSSESSION) is DeviceReason.FACTORS
    assert (stored().counter, stored().counter_data) == (1, device.counter.hex())
    assert verified(SignatureType.KNOWLEDGE) is DeviceReason.FACTORS
    assert isinstance(verified(SignatureType.POSSESSION_BIOMETRY), SignedRequest)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Activation.Status.CREATED, DeviceReason.INACTIVE),
        (Activation.Status.PENDING_COMMIT, DeviceReason.INACTIVE),
        (Activation.Status.BLOCKED, DeviceReason.BLOCKED),
        (Activation.Status.REMOVED, DeviceReason.REMOVED),
    ],
)
def test_an_activation_that_is_not_active(alice: User, status: int, reason: DeviceReason) -> None:
    device, _ = active_device(alice, status=status)
    assert send(device.signature(URI_ID, BODY, keys=WRONG_PIN)) is reason
    assert send(device.signature(URI_ID, BODY)) is reason
    assert (stored().failed_attempts, stored().counter) == (0, 0)


def test_a_user_who_is_inactive(device: Device, alice: User) -> None:
    alice.is_active = False
    alice.save()
    assert send(device.signature(URI_ID, BODY)) is DeviceReason.USER_INACTIVE
    assert stored().counter == 0


def test_a_release_that_is_not_supported_any_more(device: Device) -> None:
    version = stored().version
    assert version is not None
    version.is_supported = False
    version.save()
    header = device.signature(URI_ID, BODY)
    assert send(header) is DeviceReason.VERSION
    version.is_supported = True
    version.save()
    assert isinstance(send(header), SignedRequest)


def test_the_key_of_another_application(device: Device) -> None:
    other = application_version()
    device.application_key = other.key
    assert send(device.signature(URI_ID, BODY)) is DeviceReason.VERSION
    # Nobody has that one.
    device.application_key = "A" * 22 + "=="
    assert send(device.signature(URI_ID, BODY)) is DeviceReason.VERSION
    assert stored().failed_attempts == 0


def test_an_activation_that_is_unknown(device: Device) -> None:
    device.activation_id = "11111111-1111-4111-8111-111111111111"
    assert send(device.signature(URI_ID, BODY)) is DeviceReason.UNKNOWN


def test_what_is_known_of_a_refused_one_is_told_to_the_log(device: Device) -> None:
    request = RequestFactory().post(
        "/", headers={SIGNATURE_HEADER: device.signature(URI_ID, BODY, keys=WRONG_PIN)}
    )
    with pytest.raises(DeviceError) as caught:
        verify(request, URI_ID, ANY)
    assert (caught.value.activation, caught.value.subject) == (stored(), device.activation_id)


@pytest.mark.parametrize("version", ["2.1", "4.0", "3.4"])
def test_a_version_that_is_not_known(device: Device, version: str) -> None:
    header = device.signature(URI_ID, BODY).replace('pa_version="3.3"', f'pa_version="{version}"')
    assert send(header) is DeviceReason.VERSION


def test_it_is_not_sent_twice_and_not_beside_a_token(device: Device) -> None:
    header = device.signature(URI_ID, BODY)
    assert send(f"{header},{header}") is DeviceReason.MALFORMED
    assert send(f"{header}, {header}") is DeviceReason.MALFORMED
    request = RequestFactory().post("/", headers={SIGNATURE_HEADER: header, TOKEN_HEADER: "anything"})
    with pytest.raises(DeviceError) as caught:
        verify(request, URI_ID, ANY)
    assert caught.value.reason is DeviceReason.MALFORMED
    assert stored().failed_attempts == 0
    assert isinstance(send(header), SignedRequest)


def test_without_the_header() -> None:
    with pytest.raises(DeviceError) as caught:
        verify(RequestFactory().post("/"), URI_ID, ANY)
    assert caught.value.reason is DeviceReason.MALFORMED


@pytest.mark.django_db(transaction=True)
def test_a_transaction_around_it_is_no_place_for_it(device: Device) -> None:
    """What it counts would be undone with the rest."""
    header = device.signature(URI_ID, BODY, keys=WRONG_PIN)
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        send(header)
    assert send(header) is DeviceReason.SIGNATURE
    assert stored().failed_attempts == 1


@pytest.mark.django_db(transaction=True)
def test_of_one_signature_sent_by_many_at_once_one_is_right(device: Device) -> None:
    header = device.signature(URI_ID, BODY)
    outcomes, _ = at_once([partial(send, header)] * 8)
    right = [one for one in outcomes if isinstance(one, SignedRequest)]
    assert len(right) == 1
    assert stored().counter_data == device.counter.hex()
    # What came after it was wrong, until there were five.
    assert set(outcomes) - set(right) <= {DeviceReason.SIGNATURE, DeviceReason.BLOCKED}
    assert (stored().counter, stored().failed_attempts) == (1, 5)


@pytest.mark.django_db(transaction=True)
def test_wrong_pins_at_once_are_counted_each(alice: User) -> None:
    device, _ = active_device(alice, max_failed_attempts=64)
    wrong = [device.signature(URI_ID, BODY, keys=WRONG_PIN) for _ in range(8)]
    outcomes, _ = at_once([partial(send, one) for one in wrong])
    assert outcomes == [DeviceReason.SIGNATURE] * 8
    assert stored().failed_attempts == 8


@pytest.mark.django_db(transaction=True)
def test_of_signatures_at_once_the_counter_follows_the_last_that_is_right(device: Device) -> None:
    headers = [device.signature(URI_ID, BODY) for _ in range(8)]
    outcomes, _ = at_once([partial(send, one) for one in headers])
    right = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, SignedRequest)]
    assert stored().counter == right[-1] + 1

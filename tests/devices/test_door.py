"""What devices open: views of REST framework and of plain Django, as far as their factors go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, RequestFactory
from rest_framework.request import Request

from tests.devices.conftest import token_of
from tests.devices.device import active_device
from tests.devices.door_urls import Reading
from tests.devices.requests import SCOPES, ask, by_signature, by_token, log, refusal_of
from tokenauth import signals
from tokenauth.core.attempts import identifier_of
from tokenauth.devices.access import DeviceAccess
from tokenauth.devices.models import Activation, DeviceToken, UsedNonce
from tokenauth.devices.protocol.headers import SIGNATURE_HEADER, TOKEN_HEADER
from tokenauth.devices.protocol.signatures import SignatureType
from tokenauth.exceptions import DeviceReason, Reason
from tokenauth.models import TokenLogin
from tokenauth.throttling import TokenRateThrottle

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User
    from tests.devices.device import Device

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.devices.door_urls")]

ALL_BY_TOKEN = ["reading", "by-token-alone", "function", "plain", "plain-asynchronous", "plain-class"]
WRITING_BY_TOKEN = ["writing", "function", "plain-class", "plain-function"]
READING_BY_TOKEN = ["reading", "signed", "by-token-alone", "plain", "plain-asynchronous"]
ALL_BY_SIGNATURE = ["signed", "by-signature-alone", "plain-class", "plain-function"]
WRONG_PIN = (b"p" * 16, b"k" * 16)


@pytest.fixture(autouse=True)
def scopes(tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(DEVICE_TOKEN_SCOPES=SCOPES, RECORD_LOGIN_ATTEMPTS="all")


@pytest.mark.parametrize("path", ALL_BY_TOKEN)
def test_a_token_opens_a_view_for_reading(path: str, device: Device, token: DeviceToken, alice: User) -> None:
    response = by_token(device, token, path)
    assert response.json() == {
        "user": "alice",
        "token": str(token.pk),
        "activation": device.activation_id,
        "factors": "possession_knowledge",
        "same": True,
    }
    row = log()
    assert (row.success, row.id_type, row.user) == (True, "device", alice)
    assert (row.identifier, row.hint) == ("Tablet", f"token {str(token.pk)[:8]}…")
    assert TOKEN_HEADER in response["Vary"]


@pytest.mark.parametrize("path", READING_BY_TOKEN)
def test_nothing_is_done_by_a_token(path: str, device: Device, token: DeviceToken) -> None:
    """Its header says nothing of what is to be done: to do something, a device signs."""
    response = by_token(device, token, path, "POST")
    assert refusal_of(response) == (403, "read_only")
    assert "WWW-Authenticate" not in response
    row = log()
    assert (row.success, row.reason) == (False, "read_only")
    assert row.identifier == identifier_of(str(token.pk))
    assert row.user is not None


@pytest.mark.parametrize("path", WRITING_BY_TOKEN)
def test_unless_the_view_says_so(path: str, device: Device, token: DeviceToken) -> None:
    assert by_token(device, token, path, "POST").status_code == 200
    assert by_token(device, token, path, "GET").status_code == 200


def test_for_the_methods_that_it_says(device: Device, token: DeviceToken) -> None:
    assert refusal_of(by_token(device, token, "writing", "DELETE")) == (403, "read_only")


def test_that_it_is_for_reading_alone_is_told_to_whoever_has_the_secret(
    device: Device, token: DeviceToken
) -> None:
    forged = by_token(device, token, "reading", "POST", secret=b"x" * 16)
    assert refusal_of(forged) == (401, "unknown")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_other_safe_methods(device: Device, token: DeviceToken, method: str) -> None:
    assert by_token(device, token, "reading", method).status_code == 200


@pytest.mark.parametrize("path", ALL_BY_SIGNATURE)
def test_a_signature_opens_a_view(path: str, device: Device) -> None:
    response = by_signature(device, path)
    assert response.json() == {
        "user": "alice",
        "token": None,
        "activation": device.activation_id,
        "factors": "possession_knowledge",
        "same": True,
    }
    row = log()
    assert (row.success, row.hint) == (True, f"activation {device.activation_id[:8]}…")
    assert Activation.objects.get().counter == 1
    assert SIGNATURE_HEADER in response["Vary"]


@pytest.mark.parametrize("path", ALL_BY_SIGNATURE)
def test_a_wrong_signature_does_not(path: str, device: Device) -> None:
    response = by_signature(device, path, keys=WRONG_PIN)
    assert refusal_of(response) == (401, "unknown")
    assert 'error="invalid_token"' in response["WWW-Authenticate"]
    assert log().reason == DeviceReason.SIGNATURE
    assert Activation.objects.get().failed_attempts == 1


def test_one_address_is_not_another(device: Device) -> None:
    assert refusal_of(by_signature(device, "signed", uri_id="/others")) == (401, "unknown")


@pytest.mark.parametrize("path", ["reading", "writing", "without-devices", "plain", "unmarked"])
def test_a_view_that_names_no_address_takes_no_signature(path: str, device: Device) -> None:
    before = Activation.objects.values().get()
    response = by_signature(device, path)
    assert response.status_code == 401 or path == "unmarked"
    assert (log().reason, log().success) == (DeviceReason.SIGNATURE, False)
    assert log().identifier == identifier_of(device.activation_id)
    assert Activation.objects.values().get() == before


def test_factors_that_are_not_enough(device: Device) -> None:
    """Two or more, where the view says nothing."""
    possession = by_signature(device, "signed", factors=SignatureType.POSSESSION)
    assert refusal_of(possession) == (401, "unknown")
    assert log().reason == DeviceReason.FACTORS
    assert by_signature(device, "signed-by-possession", factors=SignatureType.POSSESSION).status_code == 403
    two = by_signature(device, "signed-by-possession")
    assert refusal_of(two) == (401, "unknown")
    assert by_signature(device, "function", factors=SignatureType.POSSESSION).status_code == 200


@pytest.mark.parametrize("factors", [SignatureType.POSSESSION, SignatureType.POSSESSION_KNOWLEDGE])
def test_factors_are_a_list(device: Device, token: DeviceToken, factors: SignatureType) -> None:
    """Each part of a text would be in it, and do."""
    with pytest.raises(ImproperlyConfigured, match="signature_types must be a list"):
        by_signature(device, "signed-by-text", factors=factors)
    with pytest.raises(ImproperlyConfigured, match="device_token_methods must be a list"):
        by_token(device, token, "signed-by-text", "POST")


@pytest.mark.parametrize("path", ["reader", "plain-reader"])
def test_what_is_signed_is_what_the_view_reads(path: str, device: Device) -> None:
    body = b'{"amount": 100, "to": "J\xc3\xb6rg"}'
    assert by_signature(device, path, body).json() == {"amount": 100, "to": "J\xf6rg"}
    signature = device.signature("/transfers", body)
    changed = ask(path, {SIGNATURE_HEADER: signature}, "POST", body.replace(b"100", b"900"))
    assert refusal_of(changed) == (401, "unknown")


def test_what_is_signed_of_a_request_for_reading(device: Device) -> None:
    signature = device.signature("/transfers/list", b"page=2&size=10", method="GET")
    headers = {SIGNATURE_HEADER: signature}
    assert refusal_of(ask("transfers?page=3&size=10", headers)) == (401, "unknown")
    assert ask("transfers?size=10&page=2", headers).status_code == 200


def test_an_action_of_a_view_set_has_a_name_of_its_own(device: Device) -> None:
    wrong = by_signature(device, "transfers/confirm", uri_id="/transfers/list")
    assert refusal_of(wrong) == (401, "unknown")
    assert by_signature(device, "transfers/confirm", uri_id="/transfers/confirm").status_code == 200


def test_a_view_takes_what_its_own_doors_take(device: Device, token: DeviceToken) -> None:
    assert refusal_of(by_token(device, token, "by-signature-alone")) == (401, "missing")
    assert refusal_of(by_signature(device, "by-token-alone")) == (401, "missing")
    assert refusal_of(by_token(device, token, "without-devices")) == (401, "missing")


def test_the_scopes_are_those_of_the_factors(device: Device, tokenauth_settings: Any) -> None:
    weak, strong = token_of(device, SignatureType.POSSESSION), token_of(device)
    assert by_token(device, weak, "reading").status_code == 200
    refused = by_token(device, weak, "writing", "POST")
    assert refusal_of(refused) == (403, "insufficient_scope")
    assert 'scope="write:sites"' in refused["WWW-Authenticate"]
    row = TokenLogin.objects.latest("pk")
    assert (row.reason, row.identifier) == ("insufficient_scope", identifier_of(str(weak.pk)))
    signed = by_signature(device, "signed", factors=SignatureType.POSSESSION_BIOMETRY)
    assert refusal_of(signed) == (403, "insufficient_scope")
    row = TokenLogin.objects.latest("pk")
    assert (row.reason, row.identifier) == ("insufficient_scope", identifier_of(device.activation_id))
    assert by_token(device, strong, "writing", "POST").status_code == 200
    # Those of now, not of when it was made; and it makes no difference what is only reported of others.
    tokenauth_settings(DEVICE_TOKEN_SCOPES={"possession": ["read:sites"]}, ENFORCE_SCOPES=False)
    assert refusal_of(by_token(device, strong, "reading")) == (403, "insufficient_scope")
    assert refusal_of(by_token(device, strong, "plain")) == (403, "insufficient_scope")


@pytest.mark.parametrize("text", ["*", "read.*", "read:sites"])
def test_scopes_are_a_list(device: Device, token: DeviceToken, tokenauth_settings: Any, text: str) -> None:
    """Each letter of a text would be one."""
    tokenauth_settings(DEVICE_TOKEN_SCOPES={"possession_knowledge": text})
    with pytest.raises(ImproperlyConfigured, match="must have lists of scopes"):
        by_token(device, token, "writing", "POST")


@pytest.mark.parametrize("path", ["reading", "plain", "plain-asynchronous", "signed"])
@pytest.mark.parametrize("kind", ["personal", "api_key", "jwt", "signature"])
def test_one_thing_at_a_time(path: str, kind: str, device: Device, token: DeviceToken, alice: User) -> None:
    headers = {TOKEN_HEADER: device.token_header(token)}
    others = {
        "personal": {"Authorization": f"Bearer {alice.generate_access_token('t', ['*']).raw_token}"},
        "api_key": {
            "X-API-Key": alice.generate_access_token("k", ["*"], kind="api_key", environment="live").raw_token
        },
        "jwt": {"Authorization": "Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.AAAA"},
        "signature": {SIGNATURE_HEADER: device.signature("/transfers")},
    }
    assert refusal_of(ask(path, {**headers, **others[kind]})) == (401, "ambiguous")
    assert log().reason == "ambiguous"
    assert not UsedNonce.objects.exists()
    assert Activation.objects.get().counter == 0
    # Either is good alone.
    assert ask("plain", headers).status_code == 200


def test_a_foreign_scheme_beside_it_is_nothing_to_us(device: Device, token: DeviceToken) -> None:
    headers = {TOKEN_HEADER: device.token_header(token), "Authorization": "Basic YTpi"}
    assert ask("reading", headers).status_code == 200


def test_no_device_rides_on_a_session(device: Device, token: DeviceToken, bob: User) -> None:
    client = Client()
    client.force_login(bob)
    header = device.token_header(token)
    assert ask("people", {}, client=client).json()["user"] == "bob"
    for path in ("unmarked", "people"):
        response = ask(path, {TOKEN_HEADER: device.token_header(token)}, client=client)
        assert "bob" not in response.content.decode()
        assert "alice" not in response.content.decode()
    assert ask("plain", {TOKEN_HEADER: header}, client=client).json()["user"] == "alice"
    # And what is refused is not made up for.
    for path in ("plain", "reading", "plain-asynchronous"):
        assert ask(path, {TOKEN_HEADER: header}, client=client).status_code == 401


def test_the_views_of_the_protocol_judge_for_themselves(device: Device, token: DeviceToken) -> None:
    headers = {SIGNATURE_HEADER: device.signature("/transfers"), TOKEN_HEADER: device.token_header(token)}
    assert ask("protocol", headers, "POST").json() == {"user": ""}
    assert not UsedNonce.objects.exists()
    assert not TokenLogin.objects.exists()
    assert Activation.objects.get().counter == 0


class OfAnotherTime:
    """A router to replicas that know nothing yet of what was written just now."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        assert model not in (DeviceToken, Activation)
        return None


@pytest.mark.parametrize("path", ["reading", "signed"])
def test_what_is_known_of_a_device_comes_from_where_it_was_written(
    path: str, device: Device, token: DeviceToken, settings: Any
) -> None:
    settings.DATABASE_ROUTERS = [OfAnotherTime()]
    answer = by_token(device, token, path) if path == "reading" else by_signature(device, path)
    assert answer.status_code == 200


def test_no_cache_gives_the_answer_of_a_device_to_anybody_else(
    device: Device, token: DeviceToken, bob: User
) -> None:
    client, header = Client(), device.token_header(token)
    client.force_login(bob)
    assert ask("cached", {TOKEN_HEADER: header}, client=client).json()["user"] == "alice"
    assert ask("cached", {}, client=client).json()["user"] == "bob"
    assert ask("cached", {}).status_code == 401
    assert by_token(device, token, "cached").json()["user"] == "alice"
    # On the session of bob, which is ignored where a device presents itself.
    assert ask("cached", {TOKEN_HEADER: "junk"}, client=client).status_code == 401


@pytest.mark.parametrize("path", ["cached", "cached-framework"])
def test_no_cache_answers_what_is_sent_again(path: str, device: Device, token: DeviceToken) -> None:
    headers = {TOKEN_HEADER: device.token_header(token)}
    first = ask(path, headers)
    assert (first.status_code, first.json()["user"]) == (200, "alice")
    assert refusal_of(ask(path, headers)) == (401, "unknown")
    assert "private" in first["Cache-Control"]


def test_no_cache_answers_a_signature_that_is_sent_again(device: Device) -> None:
    headers = {SIGNATURE_HEADER: device.signature("/transfers", method="GET")}
    assert ask("cached-framework", headers).status_code == 200
    assert refusal_of(ask("cached-framework", headers)) == (401, "unknown")


def test_an_address_that_does_not_exist_spends_nothing(device: Device, token: DeviceToken) -> None:
    header = device.token_header(token)
    assert ask("nowhere", {TOKEN_HEADER: header}).status_code == 404
    assert ask("reading", {TOKEN_HEADER: header}).status_code == 200


def test_whatever_is_wrong_the_answer_is_the_same(device: Device, token: DeviceToken) -> None:
    header = device.token_header(token)
    ask("reading", {TOKEN_HEADER: header})
    unknown = DeviceToken(activation=token.activation)
    answers = [
        ask("reading", {TOKEN_HEADER: header}),
        ask("reading", {TOKEN_HEADER: "junk"}),
        by_token(device, token, secret=b"x" * 16),
        by_token(device, token, timestamp_ms=1_000_000_000),
        by_token(device, unknown, secret=b"x" * 16),
        by_signature(device, "signed", keys=WRONG_PIN),
        by_signature(device, "signed", factors=SignatureType.POSSESSION),
    ]
    Activation.objects.update(status=Activation.Status.BLOCKED)
    answers += [by_token(device, token), by_signature(device, "signed")]
    assert len({(answer.status_code, answer.content, answer["WWW-Authenticate"]) for answer in answers}) == 1
    reasons = list(TokenLogin.objects.filter(success=False).order_by("pk").values_list("reason", flat=True))
    assert reasons == [
        *(DeviceReason.REPLAYED, DeviceReason.MALFORMED, DeviceReason.DIGEST, DeviceReason.CLOCK),
        *(DeviceReason.UNKNOWN, DeviceReason.SIGNATURE, DeviceReason.FACTORS),
        *(DeviceReason.BLOCKED, DeviceReason.BLOCKED),
    ]


def test_what_is_refused_is_told_to_receivers(device: Device, token: DeviceToken) -> None:
    told: list[dict[str, Any]] = []

    def receive(**facts: Any) -> None:
        told.append(facts)

    signals.token_rejected.connect(receive)
    try:
        by_token(device, token, secret=b"x" * 16)
        by_token(device, token, "reading", "POST")
    finally:
        signals.token_rejected.disconnect(receive)
    assert [(facts["reason"], facts["token"]) for facts in told] == [
        (Reason.UNKNOWN, None),
        (Reason.READ_ONLY, None),
    ]
    assert {facts["hint"] for facts in told} == {f"token {str(token.pk)[:8]}…"}


def test_two_doors_judge_once(device: Device, token: DeviceToken) -> None:
    """Without the middleware as well, each door asks."""
    request = RequestFactory().get("/", headers={TOKEN_HEADER: device.token_header(token)})
    doors = [door() for door in Reading.authentication_classes[1:]]
    wrapped = Request(request, authenticators=doors)
    assert wrapped.user.get_username() == "alice"
    assert isinstance(wrapped.auth, DeviceAccess)
    assert Request(request, authenticators=doors).auth is wrapped.auth
    assert UsedNonce.objects.count() == 1


def test_a_throttle_counts_by_the_device(device: Device, token: DeviceToken) -> None:
    request = RequestFactory().get("/", headers={TOKEN_HEADER: device.token_header(token)})
    wrapped = Request(request, authenticators=[door() for door in Reading.authentication_classes[1:]])
    assert TokenRateThrottle().key(wrapped) == f"family device {device.activation_id}"


def test_its_access_shows_no_secret(device: Device, token: DeviceToken) -> None:
    access = DeviceAccess.of(token.activation, token, SignatureType.POSSESSION)
    assert access.can("read:sites")
    assert access.cant("write:sites")
    assert not DeviceAccess.of(token.activation, None, SignatureType.BIOMETRY).can("read:sites")
    assert token.secret.hex() not in repr(access)
    assert token.encrypted_secret not in repr(access)


@pytest.mark.urls("testproject.urls")
def test_the_sample_opens_to_devices(device: Device, token: DeviceToken) -> None:
    sites = "inventory-service/sites"
    assert by_token(device, token, sites).status_code == 200
    assert refusal_of(by_token(device, token, sites, "POST")) == (403, "read_only")
    assert ask("admin/", {TOKEN_HEADER: device.token_header(token)}).status_code == 302


@pytest.mark.urls("testproject.urls")
@pytest.mark.parametrize("path", ["api/tokens/", "api/tokens/current/"])
def test_a_device_manages_no_tokens(
    path: str, device: Device, token: DeviceToken, tokenauth_settings: Any
) -> None:
    tokenauth_settings(DEVICE_TOKEN_SCOPES={"possession_knowledge": ["*"]})
    for method in ("GET", "POST", "DELETE"):
        assert by_token(device, token, path, method).status_code in {401, 403, 404, 405}


def test_a_flood_hides_no_refusal_of_a_known_device(
    device: Device, token: DeviceToken, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(RECORD_LOGIN_ATTEMPTS="failure")
    other, theirs = active_device(alice)[0], token_of(device)
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False):
        for _ in range(75):
            ask("signed", {SIGNATURE_HEADER: "PowerAuth junk"}, "POST")
        for _ in range(3):
            by_signature(device, keys=WRONG_PIN)
            by_signature(other, keys=WRONG_PIN)
            for each in (token, theirs):
                by_token(device, each, method="POST")
    known = TokenLogin.objects.exclude(user=None)
    hints = [f"activation {each.activation_id[:8]}…" for each in (device, other)]
    hints += [f"token {str(each.pk)[:8]}…" for each in (token, theirs)]
    assert sorted(known.values_list("hint", flat=True)) == sorted(hints)
    assert TokenLogin.objects.get(reason="repeated").count == 15 + 4 * 2
    # What names a device that there is not is part of the flood.
    assert TokenLogin.objects.filter(user=None).count() == 60 + 1

"""``X-PowerAuth-Token``: what is accepted of it, and all that is refused, with the reason in the log."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.devices.conftest import token_of
from tests.devices.device import Device, active_device, now_ms
from tests.devices.requests import SCOPES, ask, by_token, log, refusal_of
from tests.services.threads import at_once
from tokenauth.core.attempts import identifier_of
from tokenauth.devices import lifecycle, pruning, tokens
from tokenauth.devices.exceptions import DeviceError
from tokenauth.devices.models import Activation, DeviceToken, UsedNonce
from tokenauth.devices.protocol.headers import TOKEN_HEADER, TokenHeader
from tokenauth.devices.protocol.octets import encoded
from tokenauth.devices.protocol.signatures import SignatureType
from tokenauth.devices.protocol.token_digest import new_nonce, token_digest
from tokenauth.devices.protocol.versions import Version
from tokenauth.exceptions import DeviceReason
from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.devices.door_urls")]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
VERSIONS = [Version.V3_1, Version.V3_2, Version.V3_3]
TOLERANCES = {
    Version.V3_1: timedelta(hours=2),
    Version.V3_2: timedelta(minutes=5),
    Version.V3_3: timedelta(minutes=5),
}


@pytest.fixture(autouse=True)
def scopes(tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(DEVICE_TOKEN_SCOPES=SCOPES)


def send(header: str) -> Any:
    return ask("reading", {TOKEN_HEADER: header})


def assert_refused(response: Any, reason: DeviceReason) -> None:
    """One answer, whatever the reason is that the log has of it."""
    assert refusal_of(response) == (401, "unknown")
    row = TokenLogin.objects.latest("pk")
    assert (row.id_type, row.success, row.reason) == ("device", False, reason.value)


@pytest.mark.parametrize("version", VERSIONS)
def test_it_authorizes_one_request(device: Device, token: DeviceToken, alice: User, version: Version) -> None:
    """Scenario 37."""
    device.version = version
    header = device.token_header(token)
    assert send(header).json() == {
        "user": "alice",
        "token": str(token.pk),
        "activation": device.activation_id,
        "factors": "possession_knowledge",
        "same": True,
    }
    assert_refused(send(header), DeviceReason.REPLAYED)
    row = log()
    assert (row.user, row.hint) == (alice, f"token {str(token.pk)[:8]}…")
    assert row.identifier == identifier_of(str(token.pk))
    # The next is as good as the first.
    assert by_token(device, token).status_code == 200


def test_version_3_0_is_refused_unless_a_setting_allows_it(
    device: Device, token: DeviceToken, tokenauth_settings: Callable[..., None]
) -> None:
    device.version = Version.V3_0
    assert_refused(by_token(device, token), DeviceReason.VERSION)
    assert log().identifier == identifier_of(str(token.pk))
    tokenauth_settings(DEVICE_PROTOCOL_VERSIONS=["3.0"])
    assert by_token(device, token).status_code == 200
    assert_refused(by_token(device, token, version=Version.V3_3), DeviceReason.VERSION)


def test_a_digest_of_one_version_is_none_of_another(device: Device, token: DeviceToken) -> None:
    header = device.token_header(token, version=Version.V3_2)
    assert_refused(send(header.replace('version="3.2"', 'version="3.3"')), DeviceReason.DIGEST)
    assert_refused(send(header.replace('version="3.2"', 'version="3.1"')), DeviceReason.DIGEST)
    assert send(header).status_code == 200


def fields_of(header: str) -> dict[str, str]:
    return dict(re.findall(r'(\w+)="([^"]*)"', header))


def header_of(fields: dict[str, str], separator: str = ", ") -> str:
    return "PowerAuth " + separator.join(f'{name}="{value}"' for name, value in fields.items())


@pytest.mark.parametrize("separator", [",", ", ", " ", "  ", " , ", "\t"])
def test_its_fields_come_in_any_order_and_parted_as_clients_do(
    device: Device, token: DeviceToken, separator: str
) -> None:
    fields = fields_of(device.token_header(token))
    for order in (sorted(fields), sorted(fields, reverse=True)):
        nonce = new_nonce()
        renewed = TokenHeader.parse(device.token_header(token, nonce=nonce))
        again = fields_of(renewed.render())
        assert send(header_of({name: again[name] for name in order}, separator)).status_code == 200


def test_a_field_that_is_not_known_is_ignored(device: Device, token: DeviceToken) -> None:
    fields = {**fields_of(device.token_header(token)), "pa_extra": "1"}
    assert send(header_of(fields)).status_code == 200


FIELDS = ["version", "token_id", "token_digest", "nonce", "timestamp"]

# Each changes a right header at one field.
CHANGES: dict[str, Callable[[str, str, str], str]] = {
    "missing": lambda header, name, value: re.sub(rf'{name}="[^"]*"(, )?', "", header).rstrip(", "),
    "doubled": lambda header, name, value: f'{header}, {name}="{value}"',
    "unquoted": lambda header, name, value: header.replace(f'{name}="{value}"', f"{name}={value}"),
    "in single quotes": lambda header, name, value: header.replace(f'"{value}"', f"'{value}'"),
    "empty": lambda header, name, value: header.replace(f'"{value}"', '""'),
    "over-long": lambda header, name, value: header.replace(f'"{value}"', f'"{value * 60}"'),
    "twice as long": lambda header, name, value: header.replace(f'"{value}"', f'"{value * 2}"'),
    "non-ASCII": lambda header, name, value: header.replace(f'"{value}"', f'"{value[:-1]}\xe9"'),
    "unterminated": lambda header, name, value: header.replace(f'"{value}"', f'"{value}'),
    "named in upper case": lambda header, name, value: header.replace(f"{name}=", f"{name.upper()}="),
    "with a blank at its equals sign": lambda header, name, value: header.replace(f"{name}=", f"{name} ="),
    "with a blank in it": lambda header, name, value: header.replace(f'"{value}"', f'" {value}"'),
}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_field_that_is_not_as_it_must_be(
    device: Device, token: DeviceToken, field: str, change: str
) -> None:
    header = device.token_header(token)
    changed = CHANGES[change](header, field, fields_of(header)[field])
    assert changed != header
    reasons = {DeviceReason.MALFORMED}
    if field == "version":
        reasons.add(DeviceReason.VERSION)
    assert refusal_of(send(changed)) == (401, "unknown")
    row = log()
    assert row.reason in reasons
    # What cannot be read is known by all that was sent, and leaves no part of itself in the log.
    assert (row.hint, row.identifier) == ("", identifier_of(changed.strip()))
    assert not UsedNonce.objects.exists()
    # It was this header's only fault.
    assert send(header).status_code == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("token_id", "test"),
        ("token_id", "11111111-1111-4111-8111-11111111111G"),
        ("token_digest", encoded(b"x" * 31)),
        ("token_digest", encoded(b"x" * 33)),
        ("token_digest", "test"),
        ("nonce", encoded(b"x" * 15)),
        ("nonce", encoded(b"x" * 17)),
        ("nonce", encoded(b"x" * 16).rstrip("=")),
        ("timestamp", "now"),
        ("timestamp", "-1772366400000"),
        ("timestamp", "1772366400.000"),
        ("timestamp", "12345678"),
        ("timestamp", "1" * 16),
        ("timestamp", "١٧٧٢٣٦٦٤٠٠٠٠٠".encode().decode("latin-1")),
        ("version", "3"),
        ("version", "2.1"),
        ("version", "4.0"),
    ],
)
def test_a_value_that_is_none(device: Device, token: DeviceToken, name: str, value: str) -> None:
    """Scenarios 39 (a token id that is none) and 44 (a version of old)."""
    header = header_of({**fields_of(device.token_header(token)), name: value})
    is_version = value in {"3", "2.1", "4.0"}
    assert_refused(send(header), DeviceReason.VERSION if is_version else DeviceReason.MALFORMED)


def test_a_token_id_in_upper_case_is_none(device: Device, token: DeviceToken) -> None:
    header = device.token_header(token)
    assert_refused(send(header.replace(str(token.pk), str(token.pk).upper())), DeviceReason.MALFORMED)


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.replace("PowerAuth ", "powerauth "),
        lambda header: header.replace("PowerAuth ", "PowerAuth\t"),
        lambda header: header.replace("PowerAuth ", "PowerAuth"),
        lambda header: header.replace("PowerAuth ", "Bearer "),
        lambda header: f"{TOKEN_HEADER}: {header}",
        lambda header: f"{header},{header}",
        lambda header: f"{header};",
        lambda header: f"{header},",
        lambda header: f"{header} junk",
        lambda header: header.replace(", ", "; "),
        lambda header: "PowerAuth",
        lambda header: "undefined",
        lambda header: "x" * 100_000,
        lambda header: "\xff\xfe",
        lambda header: "PowerAuth \x00",
    ],
)
def test_what_is_no_such_header(device: Device, token: DeviceToken, change: Callable[[str], str]) -> None:
    """Scenario 44, and its like."""
    header = device.token_header(token)
    assert_refused(send(change(header)), DeviceReason.MALFORMED)
    assert send(header).status_code == 200


@pytest.mark.parametrize("direction", [-1, 1])
@pytest.mark.parametrize("version", VERSIONS)
def test_the_edges_of_the_clock(device: Device, token: DeviceToken, version: Version, direction: int) -> None:
    device.version = version
    with time_machine.travel(NOW, tick=False):
        edge = now_ms() + direction * int(TOLERANCES[version].total_seconds() * 1000)
        assert by_token(device, token, timestamp_ms=edge).status_code == 200
        past = by_token(device, token, timestamp_ms=edge + direction)
        assert_refused(past, DeviceReason.CLOCK)
    assert UsedNonce.objects.count() == 1


def test_the_clock_may_be_further_off_where_a_setting_says_so(
    device: Device, token: DeviceToken, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(DEVICE_CLOCK_TOLERANCE=timedelta(seconds=10))
    with time_machine.travel(NOW, tick=False):
        assert by_token(device, token, timestamp_ms=now_ms() - 10_000).status_code == 200
        assert_refused(by_token(device, token, timestamp_ms=now_ms() - 10_001), DeviceReason.CLOCK)


def test_the_furthest_future(device: Device, token: DeviceToken) -> None:
    assert_refused(by_token(device, token, timestamp_ms=999_999_999_999_999), DeviceReason.CLOCK)


def test_a_time_with_leading_zeros(device: Device, token: DeviceToken) -> None:
    """Read as a number, it would be another text than the one that was authenticated."""
    header = device.token_header(token)
    stamped = fields_of(header)["timestamp"]
    assert_refused(send(header.replace(f'"{stamped}"', f'"0{stamped}"')), DeviceReason.MALFORMED)
    # Even where the device has made its digest of it.
    nonce, padded = new_nonce(), f"0{now_ms()}"
    digest = token_digest(token.secret, nonce, int(padded), Version.V3_3)
    fields = {
        "version": "3.3",
        "token_id": str(token.pk),
        "token_digest": encoded(digest),
        "nonce": encoded(nonce),
        "timestamp": padded,
    }
    assert_refused(send(header_of(fields)), DeviceReason.MALFORMED)


def test_a_token_that_is_unknown(device: Device, token: DeviceToken) -> None:
    """Scenario 39."""
    unknown = DeviceToken(activation=token.activation)
    header = device.token_header(unknown, secret=bytes(16))
    assert_refused(send(header), DeviceReason.UNKNOWN)
    row = log()
    assert (row.user, row.hint) == (None, f"token {str(unknown.pk)[:8]}…")
    assert not UsedNonce.objects.exists()


def test_whoever_has_not_the_secret_spends_no_nonce(device: Device, token: DeviceToken) -> None:
    nonce = new_nonce()
    forged = device.token_header(token, nonce=nonce, secret=b"x" * 16)
    assert_refused(send(forged), DeviceReason.DIGEST)
    assert not UsedNonce.objects.exists()
    assert by_token(device, token, nonce=nonce).status_code == 200


def test_the_secret_of_another_token(device: Device, token: DeviceToken) -> None:
    other = token_of(device)
    header = device.token_header(token, secret=other.secret)
    assert_refused(send(header), DeviceReason.DIGEST)
    assert by_token(device, other).status_code == 200


def test_two_tokens_may_have_a_nonce_in_common(device: Device, token: DeviceToken) -> None:
    nonce, other = new_nonce(), token_of(device)
    assert by_token(device, token, nonce=nonce).status_code == 200
    assert by_token(device, other, nonce=nonce).status_code == 200


def test_a_nonce_is_spent_whatever_time_and_version_come_with_it(device: Device, token: DeviceToken) -> None:
    nonce = new_nonce()
    assert by_token(device, token, nonce=nonce).status_code == 200
    for version in VERSIONS:
        again = by_token(device, token, nonce=nonce, version=version, timestamp_ms=now_ms() - 1000)
        assert_refused(again, DeviceReason.REPLAYED)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("ahead", [False, True])
def test_a_nonce_is_kept_until_its_time_would_be_refused(
    device: Device, token: DeviceToken, version: Version, *, ahead: bool
) -> None:
    """Also of a device whose clock is fast, and whose header is therefore good for longer."""
    tolerance = TOLERANCES[version]
    stamped = NOW + tolerance if ahead else NOW
    with time_machine.travel(NOW, tick=False):
        timestamp_ms = int(stamped.timestamp() * 1000)
        header = device.token_header(token, timestamp_ms=timestamp_ms, version=version)
        assert send(header).status_code == 200
    last = stamped + tolerance
    for moment in (NOW + timedelta(minutes=1), last - timedelta(milliseconds=1), last):
        with time_machine.travel(moment, tick=False):
            prune(moment)
            assert_refused(send(header), DeviceReason.REPLAYED)
    with time_machine.travel(last + timedelta(milliseconds=1), tick=False):
        assert_refused(send(header), DeviceReason.CLOCK)
    assert UsedNonce.objects.exists()
    prune(last + timedelta(days=1))
    assert not UsedNonce.objects.exists()


def prune(now: datetime) -> None:
    for prunable in pruning.prunable(now, timedelta(days=30)):
        list(prunable.delete(100))


def test_a_token_that_was_removed(device: Device, token: DeviceToken) -> None:
    """Scenario 40."""
    tokens.remove(token.activation, str(token.pk))
    secret = token.secret
    assert_refused(send(device.token_header(token, secret=secret)), DeviceReason.UNKNOWN)


def test_a_token_is_removed_by_its_own_activation_alone(
    device: Device, token: DeviceToken, bob: User
) -> None:
    _, other = active_device(bob)
    tokens.remove(other, str(token.pk))
    for text in ("", "test", str(token.pk).upper(), "x" * 10_000):
        tokens.remove(token.activation, text)
    assert by_token(device, token).status_code == 200


def test_a_blocked_activation_suspends_its_tokens(device: Device, token: DeviceToken) -> None:
    header = device.token_header(token)
    lifecycle.block(token.activation)
    assert_refused(send(header), DeviceReason.BLOCKED)
    lifecycle.unblock(token.activation)
    # It was spent, since its digest was right.
    assert_refused(send(header), DeviceReason.REPLAYED)
    assert by_token(device, token).status_code == 200


def test_a_removed_activation_ends_its_tokens(device: Device, token: DeviceToken) -> None:
    secret = token.secret
    lifecycle.remove(token.activation)
    assert not DeviceToken.objects.exists()
    assert_refused(send(device.token_header(token, secret=secret)), DeviceReason.UNKNOWN)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Activation.Status.CREATED, DeviceReason.INACTIVE),
        (Activation.Status.PENDING_COMMIT, DeviceReason.INACTIVE),
        (Activation.Status.REMOVED, DeviceReason.REMOVED),
    ],
)
def test_an_activation_that_is_not_active(
    device: Device, token: DeviceToken, status: int, reason: DeviceReason
) -> None:
    Activation.objects.update(status=status)
    assert_refused(by_token(device, token), reason)


def test_a_user_who_is_inactive(device: Device, token: DeviceToken, alice: User) -> None:
    alice.is_active = False
    alice.save()
    assert_refused(by_token(device, token), DeviceReason.USER_INACTIVE)
    assert log().user == alice


@pytest.mark.parametrize("status", [Activation.Status.BLOCKED, Activation.Status.REMOVED])
def test_no_token_is_made_for_what_was_ended_meanwhile(device: Device, status: int) -> None:
    activation = Activation.objects.get()
    Activation.objects.update(status=status)
    with pytest.raises(DeviceError):
        tokens.issue(activation, SignatureType.POSSESSION)
    assert not DeviceToken.objects.exists()


def test_a_token_has_a_secret_of_its_own(device: Device) -> None:
    secrets = {token_of(device).secret for _ in range(4)}
    assert len(secrets) == 4
    assert {len(secret) for secret in secrets} == {16}
    assert not any(
        secret in token.encrypted_secret.encode() for token in DeviceToken.objects.all() for secret in secrets
    )


def test_when_it_was_last_used_is_written_once_in_the_interval(device: Device, token: DeviceToken) -> None:
    with time_machine.travel(NOW, tick=False):
        assert len(queries(device, token, "UPDATE")) == 2
    for seconds, written in ((59, 0), (60, 2), (61, 0)):
        with time_machine.travel(NOW + timedelta(seconds=seconds), tick=False):
            assert len(queries(device, token, "UPDATE")) == written
    token.refresh_from_db()
    assert token.last_used_at == token.activation.last_used_at == NOW + timedelta(minutes=1)


def test_it_costs_one_query_and_one_row(device: Device, token: DeviceToken) -> None:
    by_token(device, token)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        by_token(device, token)
    kinds = [query["sql"].partition(" ")[0] for query in captured if "SAVEPOINT" not in query["sql"]]
    assert kinds == ["SELECT", "INSERT"]


def test_what_is_malformed_or_too_old_costs_no_query(
    device: Device, token: DeviceToken, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(RECORD_LOGIN_ATTEMPTS="none", DEVICE_TOKEN_SCOPES=SCOPES)
    with CaptureQueriesContext(connection) as captured:
        send("PowerAuth junk")
        by_token(device, token, timestamp_ms=now_ms() - 3_600_000)
    assert not captured.captured_queries


def queries(device: Device, token: DeviceToken, kind: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert by_token(device, token).status_code == 200
    return [query["sql"] for query in captured if query["sql"].startswith(kind)]


def test_of_unknown_tokens_so_many_are_looked_up(
    device: Device, token: DeviceToken, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(FAILURE_LIMIT="2/min", DEVICE_TOKEN_SCOPES=SCOPES)
    # Of whoever has the secret, nothing is counted.
    for _ in range(3):
        assert_refused(by_token(device, token, timestamp_ms=1_000_000_000), DeviceReason.CLOCK)
    for _ in range(2):
        assert_refused(by_token(device, token, secret=b"x" * 16), DeviceReason.DIGEST)
    throttled = by_token(device, token)
    assert refusal_of(throttled) == (429, "throttled")
    assert int(throttled["Retry-After"]) > 0
    assert not UsedNonce.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_one_header_sent_by_many_at_once_one_passes(device: Device, token: DeviceToken) -> None:
    for _ in range(3):
        header = device.token_header(token)
        answers, _ = at_once([partial(send, header)] * 8)
        assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7
    reasons = set(TokenLogin.objects.values_list("reason", flat=True))
    assert reasons == {DeviceReason.REPLAYED.value}


@pytest.mark.django_db(transaction=True)
def test_headers_of_many_tokens_at_once_all_pass(device: Device) -> None:
    made = [token_of(device) for _ in range(8)]
    headers = [device.token_header(token) for token in made for _ in range(2)]
    answers, _ = at_once([partial(send, header) for header in headers])
    assert {answer.status_code for answer in answers} == {200}

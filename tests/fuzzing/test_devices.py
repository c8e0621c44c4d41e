"""Whole lives of devices, act by act; and requests of which something was changed on the way."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import override_settings
from django.utils import timezone
from hypothesis import given, note
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from testproject.settings import TOKENAUTH
from tests.devices.device import application_version
from tests.devices.installation import UNAUTHENTICATED, ActivatedDevice, Installation, LocalToken
from tests.fuzzing.depth import DEPTH
from tokenauth.core import attempt_limit
from tokenauth.devices import lifecycle
from tokenauth.devices.exceptions import ActivationConflict
from tokenauth.devices.models import Activation, DeviceApplication, DeviceToken, UsedNonce
from tokenauth.devices.protocol.headers import SIGNATURE_HEADER, TOKEN_HEADER
from tokenauth.devices.protocol.signatures import SignatureType
from tokenauth.devices.protocol.status_blob import ActivationStatus
from tokenauth.devices.protocol.versions import Version
from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from collections.abc import Mapping

SITES = "/inventory-service/sites"
VALIDATE = "/pa/v3/signature/validate"
LOOK_AHEAD = 20
VERSIONS = [Version.V3_1, Version.V3_2, Version.V3_3]
SCOPES = {"possession": ["read:events"], "possession_knowledge": ["read:sites"]}
FACTORS = [SignatureType.POSSESSION, SignatureType.POSSESSION_KNOWLEDGE]
WRONG = (b"p" * 16, b"k" * 16)

Status = ActivationStatus


@dataclass(eq=False)
class Known:
    """A device, and what must be true of it."""

    device: ActivatedDevice
    activation: Activation
    expires: Any
    status: Status = Status.PENDING_COMMIT
    failed: int = 0
    counted: int = 0
    # How many signatures the server has not seen.
    ahead: int = 0
    tokens: dict[str, tuple[LocalToken, SignatureType]] = field(default_factory=dict)

    def stands(self) -> Status:
        expired = self.status is Status.PENDING_COMMIT and timezone.now() >= self.expires
        return Status.REMOVED if expired else self.status

    def signs(self, *, right: bool, factors: SignatureType = SignatureType.POSSESSION_KNOWLEDGE) -> bool:
        """What becomes of one signature more, by the protocol; whether it is accepted."""
        self.ahead += 1
        if self.status is not Status.ACTIVE:
            return False
        if right and self.ahead <= LOOK_AHEAD:
            self.counted += self.ahead
            self.ahead = 0
            if factors is not SignatureType.POSSESSION:
                self.failed = 0
            return True
        if factors is not SignatureType.POSSESSION:
            self.failed += 1
            if self.failed == 5:
                self.status = Status.BLOCKED
        return False


class Lives(RuleBasedStateMachine):
    devices: Bundle[Known] = Bundle("devices")
    codes: Bundle[tuple[lifecycle.NewActivation, Any]] = Bundle("codes")
    sent: Bundle[tuple[Known, Mapping[str, str], str]] = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        for model in (UsedNonce, DeviceApplication, TokenLogin, get_user_model()):
            model._base_manager.all().delete()
        attempt_limit._shares.clear()
        cache.clear()
        self.travel = time_machine.travel(timezone.now(), tick=False)
        self.clock = self.travel.start()
        self.override = override_settings(TOKENAUTH={**TOKENAUTH, "DEVICE_TOKEN_SCOPES": SCOPES})
        self.override.enable()
        self.user = get_user_model().objects.create_user("alice", organization="northwind")
        self.release = application_version()
        self.known: list[Known] = []
        self.used: set[int] = set()

    def teardown(self) -> None:
        self.override.disable()
        self.travel.stop()

    @initialize(target=devices, versions=st.tuples(*[st.sampled_from(VERSIONS)] * 2))
    def first(self, versions: tuple[Version, ...]) -> Any:
        return multiple(*(self._new(Installation.of(self.release, version)) for version in versions))

    @rule(target=codes, at_once=st.booleans())
    def code(self, at_once: bool) -> Any:
        new = lifecycle.create(self.user, self.release.application, commit_at_once=at_once)
        return new, new.activation.expires_at

    @rule(target=devices, code=codes, version=st.sampled_from(VERSIONS))
    def activate(self, code: Any, version: Version) -> Any:
        (new, expires), installed = code, Installation.of(self.release, version)
        if timezone.now() >= expires or id(new) in self.used:
            assert installed.try_to_activate(new.code).status == 400
            # Any other does as well.
            return self._new(installed)
        self.used.add(id(new))
        return self._known(installed, new)

    def _new(self, installed: Installation) -> Known:
        new = lifecycle.create(self.user, self.release.application, commit_at_once=True)
        return self._known(installed, new)

    def _known(self, installed: Installation, new: lifecycle.NewActivation) -> Known:
        device = installed.activate(new.code)
        known = Known(device, new.activation, timezone.now() + timedelta(minutes=5))
        if new.activation.commit_at_once:
            known.status = Status.ACTIVE
        self.known.append(known)
        return known

    @rule(known=devices, step=st.sampled_from([*["commit", "block", "unblock", "unblock"] * 2, "remove"]))
    def decide(self, known: Known, step: str) -> None:
        becomes = {
            "commit": {Status.PENDING_COMMIT: Status.ACTIVE},
            "block": {Status.ACTIVE: Status.BLOCKED},
            "unblock": {Status.BLOCKED: Status.ACTIVE},
            "remove": dict.fromkeys(set(Status) - {Status.REMOVED}, Status.REMOVED),
        }[step]
        after = becomes.get(known.status if step == "remove" else known.stands())
        try:
            getattr(lifecycle, step)(known.activation)
        except ActivationConflict:
            assert after is None, step
            return
        assert after is not None, step
        known.status = after
        if step == "unblock":
            known.failed = 0
        if step == "remove":
            known.tokens.clear()

    @rule(
        target=sent,
        known=devices,
        signatures=st.lists(st.tuples(st.booleans(), st.sampled_from(FACTORS)), min_size=1, max_size=6),
    )
    def sign(self, known: Known, signatures: list[tuple[bool, SignatureType]]) -> Any:
        made = [self._sign(known, right, factors) for right, factors in signatures]
        return multiple(*filter(None, made))

    def _sign(self, known: Known, right: bool, factors: SignatureType) -> Any:
        keys = None if right else WRONG[: len(factors.factors)]
        value = known.device.signature("/pa/signature/validate", b"{}", factors=factors, keys=keys)
        accepted = known.signs(right=right, factors=factors)
        self._arrives(known, {SIGNATURE_HEADER: value}, accepted=accepted)
        # One that is right, and was refused for how the device stands, may be good yet.
        return (known, {SIGNATURE_HEADER: value}, factors) if accepted or not right else None

    @rule(known=devices, times=st.integers(1, 25))
    def lose(self, known: Known, times: int) -> None:
        for _ in range(times):
            known.device.signature("/pa/signature/validate", b"{}")
        known.ahead += times

    @rule(again=sent)
    def replay(self, again: Any) -> None:
        known, headers, factors = again
        ahead = known.ahead
        # Whatever it was: it is behind the counter, or was never right, or nothing is accepted.
        known.ahead = LOOK_AHEAD
        accepted = known.signs(right=False, factors=factors)
        known.ahead = ahead
        self._arrives(known, headers, accepted=accepted)

    def _arrives(self, known: Known, headers: Mapping[str, str], *, accepted: bool) -> None:
        answer = known.device.installation.send("POST", VALIDATE, b"{}", headers)
        if accepted:
            assert answer.status == 200, answer
        else:
            assert answer.refusal() == UNAUTHENTICATED

    @rule(known=devices, factors=st.sampled_from(FACTORS))
    def make_token(self, known: Known, factors: SignatureType) -> None:
        if known.status is Status.REMOVED:
            return
        body, _ = known.device.token_request(known.device.temporary_key())
        if known.signs(right=True, factors=factors):
            token = known.device.create_token(factors)
            known.tokens[token.id] = (token, factors)
        else:
            assert known.device.send("/pa/v3/token/create", body, factors=factors).status == 401

    @rule(known=devices, data=st.data())
    def use_token(self, known: Known, data: st.DataObject) -> None:
        if not known.tokens:
            return
        token, factors = known.tokens[data.draw(st.sampled_from(sorted(known.tokens)))]
        late = data.draw(st.sampled_from([0, 299_000, -299_000, 8_000_000, -8_000_000]))
        headers = {
            TOKEN_HEADER: known.device.token_header(
                token, timestamp_ms=int(timezone.now().timestamp() * 1000) + late
            )
        }
        if known.status is not Status.ACTIVE or abs(late) > 300_000:
            expected = 401
        else:
            expected = 200 if "read:sites" in SCOPES[factors] else 403
        send = known.device.installation.send
        assert send("GET", SITES, b"", headers).status == expected
        assert send("GET", SITES, b"", headers).status == 401

    @rule(known=devices, other=devices, data=st.data())
    def remove_token(self, known: Known, other: Known, data: st.DataObject) -> None:
        if not known.tokens:
            return
        token_id = data.draw(st.sampled_from(sorted(known.tokens)))
        accepted = other.signs(right=True, factors=SignatureType.POSSESSION)
        assert other.device.remove_token(token_id).status == (200 if accepted else 401)
        if accepted and other is known:
            del known.tokens[token_id]

    @rule(known=devices, chance=st.integers(0, 3))
    def end(self, known: Known, chance: int) -> None:
        if chance:
            return
        accepted = known.signs(right=True)
        assert known.device.send("/pa/v3/activation/remove").status == (200 if accepted else 401)
        if accepted:
            known.status = Status.REMOVED
            known.tokens.clear()

    @rule(minutes=st.integers(1, 6))
    def wait(self, minutes: int) -> None:
        self.clock.shift(timedelta(minutes=minutes))

    @invariant()
    def all_is_as_it_must_be(self) -> None:
        for known in self.known:
            told = known.device.status()
            assert told.status is known.stands()
            row = Activation.objects.get(pk=known.activation.pk)
            assert (row.counter, row.failed_attempts) == (known.counted, known.failed)
            assert known.device.is_at(told) == (known.ahead == 0)
            made = {str(pk) for pk in DeviceToken.objects.filter(activation=row).values_list("pk", flat=True)}
            assert made == set(known.tokens)


@pytest.mark.django_db(transaction=True)
def test_whatever_happens_to_devices_they_stand_as_they_must() -> None:
    run_state_machine_as_test(Lives, settings=DEPTH)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.django_db
def test_what_was_changed_on_the_way_is_refused_and_nothing_fails() -> None:
    user = get_user_model().objects.create_user("alice", organization="northwind")
    release = application_version()
    requests = [_valid(user, release, version) for version in VERSIONS]

    @DEPTH
    @given(st.data())
    def change(data: st.DataObject) -> None:
        path, body, headers = data.draw(st.sampled_from([each for some in requests for each in some]))
        installed = Installation.of(release)
        headers = {
            name: data.draw(_changed_text(value)) if data.draw(st.booleans()) else value
            for name, value in headers.items()
        }
        changed = data.draw(_changed_body(body))
        answer = installed.send("POST", path, changed, headers)
        note(f"{path} {changed!r} {headers} {answer}")
        assert answer.status in (200, 400, 401)
        assert answer.json()["status"] == ("OK" if answer.status == 200 else "ERROR")
        # What tells something in an answer that is encrypted was not told to whoever changed something.
        if path.endswith("create"):
            assert answer.status != 200
        assert not DeviceToken.objects.exists()

    change()


def _valid(user: Any, release: Any, version: Version) -> list[tuple[str, bytes, dict[str, str]]]:
    installed = Installation.of(release, version)
    new = lifecycle.create(user, release.application, commit_at_once=True)
    device = installed.activate(new.code)
    waiting = lifecycle.create(user, release.application)
    activation = json.dumps(installed.activation_request(waiting.code)[0]).encode()
    token, _ = device.token_request(device.temporary_key())
    signed = {SIGNATURE_HEADER: device.signature("/pa/token/create", token)}
    asked = {"requestObject": {"activationId": device.activation_id, "challenge": "AAAAAAAAAAAAAAAAAAAAAA=="}}
    return [
        ("/pa/v3/activation/create", activation, installed.encryption_header()),
        ("/pa/v3/token/create", token, signed),
        ("/pa/v3/activation/status", json.dumps(asked).encode(), {}),
        ("/pa/v3/keystore/create", json.dumps({"requestObject": {"jwt": "a.b.c"}}).encode(), {}),
    ]


@st.composite
def _changed_text(draw: Any, text: str) -> str:
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 20)))
    return (
        text[:start]
        + draw(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=5))
        + text[end:]
    )


@st.composite
def _changed_body(draw: Any, body: bytes) -> bytes:
    """Another body: some bytes are others, or a member is."""
    if draw(st.booleans()):
        start = draw(st.integers(0, len(body) - 1))
        end = draw(st.integers(start, min(len(body), start + 20)))
        changed = body[:start] + draw(st.binary(max_size=10)) + body[end:]
    else:
        members = json.loads(body)
        inside = members.get("requestObject", members)
        name = draw(st.sampled_from(sorted(inside)))
        inside[name] = draw(ANYTHING)
        changed = json.dumps(members).encode("utf-8", "surrogatepass")
    return changed + b"x" if _says_the_same(changed, body) else changed


def _says_the_same(changed: bytes, body: bytes) -> bool:
    try:
        return bool(json.loads(changed) == json.loads(body))
    except (ValueError, RecursionError):
        return False

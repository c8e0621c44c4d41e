"""Whole lives of tokens: after each act, all is as :mod:`tests.fuzzing.world` says that it must be."""

from __future__ import annotations

import csv
import json
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from testproject.inventory.models import Site
from tests.fuzzing.depth import DEPTH
from tests.fuzzing.world import DEFAULTS, DOORS, MANAGE, Person, Refused, Token, World, Wrong
from tokenauth.core import attempt_limit
from tokenauth.core.attempts import identifier_of
from tokenauth.core.credential import checksum
from tokenauth.core.lookup_cache import lookups
from tokenauth.exceptions import CredentialError, RotationConflict
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

ORGANIZATIONS = ("northwind", "greenfleet")
ADDRESSES = ("10.1.2.3", "10.9.9.9", "2001:db8::7")
NETWORKS: tuple[list[str], ...] = ([], ["10.0.0.0/8"], ["10.1.0.0/16", "2001:db8::/32"])
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PEPPERS = {1: "the first pepper, of more than 32 characters", 2: "and the second, which is as long as that"}
CHANGES: tuple[dict[str, Any], ...] = (
    *({"ENVIRONMENTS": names} for names in (["live", "test"], ["live"], ["test"])),
    *({"UNUSED_TOKEN_LIFETIME": lifetime} for lifetime in (None, 7 * DAY, 365 * DAY)),
    *({"PEPPERS": {one: PEPPERS[one] for one in some}} for some in ((), (1,), (1, 2), (2,))),
    *({"TOKEN_PREFIX": prefix} for prefix in ("pat", ["tok", "pat"], "tok")),
    *({"API_KEY_PREFIX": prefix} for prefix in ("ak", ["key", "ak"])),
    *({"LOOKUP_CACHE_SECONDS": seconds} for seconds in (0, 3600)),
    *({"RECORD_LOGIN_ATTEMPTS": which} for which in ("none", "failure", "all")),
    *({"MAX_TOKENS_PER_USER": limit} for limit in (None, 1, 3)),
    {"MAX_TOKENS_PER_USER": 2, "MAX_TOKENS_REACHED": "revoke_oldest"},
    *({"MAX_TOKEN_LIFETIME": lifetime} for lifetime in (None, 30 * DAY)),
    *({"TOKEN_LIFETIME": lifetime} for lifetime in (None, 10 * DAY)),
    *({"LAST_USED_INTERVAL": interval} for interval in (timedelta(0), timedelta(minutes=1), HOUR)),
    *({name: value} for name in ("ENFORCE_SCOPES", "NOTIFY_OWNER") for value in (True, False)),
    *({"END_TOKENS_ON_PASSWORD_CHANGE": value} for value in (True, False)),
)
# Mostly what may be asked for: what is refused makes no token to go on with.
KINDS = st.sampled_from(
    [("personal", ""), ("personal", ""), ("api_key", "live"), ("api_key", "test"), ("personal", "live")]
)
SCOPES = st.lists(st.sampled_from(["read:sites", "write:sites", MANAGE, "admin", "*"]), unique=True)
LIFETIMES = st.sampled_from([None, None, None, HOUR, 20 * DAY, 20 * DAY, 400 * DAY, -HOUR])
OVERLAPS = st.sampled_from([None, timedelta(0), HOUR, 30 * DAY])


class Lives(RuleBasedStateMachine):
    """Outside of any transaction: what a request leaves to be written after it is written, and the
    memory of what was looked up is in use.

    It sends fewer requests than fill the login log of a minute.
    """

    people: Bundle[Person] = Bundle("people")
    tokens: Bundle[Token] = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        for model in (TokenLogin, AccessToken, Site, get_user_model()):
            model._base_manager.all().delete()
        for name in ORGANIZATIONS:
            Site.objects.create(name=name, city="Bergen", organization=name)
        attempt_limit._shares.clear()
        cache.clear()
        self.client = Client()
        self.world = World()
        self.instances: dict[Token, AccessToken] = {}
        self.joined = 0
        self.travel = time_machine.travel(self.world.now, tick=False)
        self.clock = self.travel.start()
        self.override = override_settings(TOKENAUTH=dict(DEFAULTS))
        self.override.enable()
        lookups.clear()
        self.first = self._joins(ORGANIZATIONS[0])

    def teardown(self) -> None:
        self.override.disable()
        self.travel.stop()
        lookups.clear()

    # People, the clock, the settings.

    @initialize(target=people)
    def somebody_is_there(self) -> Person:
        return self.first

    @initialize(
        target=tokens,
        kind=st.sampled_from([("personal", ""), ("api_key", "live")]),
        scopes=st.sampled_from([[MANAGE, "*"], ["read:sites"]]),
        networks=st.sampled_from(NETWORKS),
        lifetime=st.sampled_from([None, 20 * DAY]),
    )
    def a_token_is_there(self, **given: Any) -> Any:
        return self.a_token_is_made(owner=self.first, organization="", **given)

    @initialize(seconds=st.sampled_from([0, 3600]), recorded=st.sampled_from(["failure", "all"]))
    def settings_are_chosen(self, seconds: int, recorded: str) -> None:
        self.settings_change({"LOOKUP_CACHE_SECONDS": seconds, "RECORD_LOGIN_ATTEMPTS": recorded})

    @precondition(lambda self: len(self.world.people) < 3)
    @rule(target=people, organization=st.sampled_from(["", *ORGANIZATIONS]))
    def somebody_joins(self, organization: str) -> Person:
        return self._joins(organization)

    @rule(
        person=people,
        change=st.one_of(
            st.fixed_dictionaries({"is_active": st.sampled_from([True, True, False])}),
            st.fixed_dictionaries({"organization": st.sampled_from(["", *ORGANIZATIONS])}),
        ),
    )
    def somebody_changes(self, person: Person, change: dict[str, Any]) -> None:
        user = self.user(person)
        for name, value in change.items():
            setattr(person, name, value)
            setattr(user, name, value)
        user.save()

    @precondition(lambda self: self.has_much_to_lose())
    @rule(person=people)
    def a_password_changes(self, person: Person) -> None:
        user = self.user(person)
        user.set_password("correct horse")
        user.save()
        if self.world.settings["END_TOKENS_ON_PASSWORD_CHANGE"]:
            self.world.end(self.world.there(person), "The password was changed.")

    @precondition(lambda self: len(self.world.people) > 1 and self.has_much_to_lose())
    @rule(person=consumes(people))
    def somebody_leaves(self, person: Person) -> None:
        self.user(person).delete()
        self.world.delete(person)

    @rule(
        passed=st.sampled_from(
            [timedelta(seconds=30), timedelta(minutes=1), HOUR, DAY, 7 * DAY, 8 * DAY, 31 * DAY, 366 * DAY]
        )
    )
    def time_passes(self, passed: timedelta) -> None:
        self.world.now += passed
        self.clock.move_to(self.world.now)

    @rule(change=st.sampled_from(CHANGES))
    def settings_change(self, change: dict[str, Any]) -> None:
        self.world.settings |= change
        self.override.disable()
        self.override = override_settings(TOKENAUTH=dict(self.world.settings))
        self.override.enable()
        # A process has the settings that it was started with, and no memory from before.
        lookups.clear()

    @rule(
        older_than=st.sampled_from([timedelta(seconds=1), DAY, 30 * DAY]),
        logins=st.sampled_from([timedelta(seconds=1), 90 * DAY]),
        batch=st.sampled_from([1, 5000]),
    )
    def a_prune_runs(self, older_than: timedelta, logins: timedelta, batch: int) -> None:
        tokens, rows = self.world.prune(older_than, logins)
        out = self.command(
            "prunetokens",
            older_than=f"{older_than // timedelta(seconds=1)}s",
            logins_older_than=f"{logins // timedelta(seconds=1)}s",
            batch=batch,
        )
        said = f"{tokens} token{'s' * (tokens != 1)} and {rows} row{'s' * (rows != 1)} of the login log"
        assert out == f"Deleted {said}."

    # Tokens are made.

    @rule(
        target=tokens,
        owner=people,
        kind=KINDS,
        scopes=SCOPES,
        organization=st.sampled_from(["", "", "own", *ORGANIZATIONS]),
        networks=st.sampled_from(NETWORKS),
        lifetime=LIFETIMES,
    )
    def a_token_is_made(
        self,
        owner: Person,
        kind: tuple[str, str],
        scopes: list[str],
        organization: str,
        networks: list[str],
        lifetime: timedelta | None,
    ) -> Any:
        organization = owner.organization if organization == "own" else organization

        def act() -> AccessToken:
            token: AccessToken = self.user(owner).generate_access_token(
                "name",
                scopes,
                kind=kind[0],
                environment=kind[1],
                organization=organization,
                allowed_networks=networks,
                expires_at=None if lifetime is None else self.world.now + lifetime,
            )
            return token

        def expected() -> Token:
            return self.world.issue(
                owner,
                kind=kind[0],
                environment=kind[1],
                scopes=scopes,
                organization=organization,
                networks=networks,
                lifetime=lifetime,
            )

        return self.agreed(self.done(act), expected)

    @rule(target=tokens, token=tokens, overlap=OVERLAPS, is_fresh=st.booleans(), is_usable=st.booleans())
    def a_token_is_rotated(
        self, token: Token, overlap: timedelta | None, is_fresh: bool, is_usable: bool
    ) -> Any:
        token = self.usable(token) if is_usable else token
        instance = self.instance(token, is_fresh=is_fresh)
        done = self.done(lambda: instance.rotate(overlap))
        return self.agreed(done, lambda: self.world.rotate(token, overlap))

    @rule(target=tokens, token=tokens, owner=people, by=people, is_usable=st.booleans())
    def a_token_is_rotated_to_another(self, token: Token, owner: Person, by: Person, is_usable: bool) -> Any:
        token = self.usable(token) if is_usable else token
        instance = self.instance(token, is_fresh=True)
        done = self.done(lambda: instance.rotate(owner=self.user(owner), by=self.user(by)))
        return self.agreed(done, lambda: self.world.rotate(token, None, owner=owner, by=by))

    @rule(
        target=tokens,
        asking=tokens,
        address=st.sampled_from(ADDRESSES),
        is_usable=st.booleans(),
        scopes=SCOPES,
        lifetime=LIFETIMES,
        given=st.fixed_dictionaries(
            {},
            optional={
                "kind": st.sampled_from(["personal", "api_key"]),
                "organization": st.sampled_from(["", *ORGANIZATIONS]),
                "allowed_networks": st.sampled_from(NETWORKS),
            },
        ),
    )
    def a_token_makes_another(
        self,
        asking: Token,
        address: str,
        is_usable: bool,
        scopes: list[str],
        lifetime: timedelta | None,
        given: dict[str, Any],
    ) -> Any:
        asking = self.usable(asking, MANAGE) if is_usable else asking
        body = {"name": "name", "scopes": scopes, **given}
        if lifetime is not None:
            body["expires_at"] = (self.world.now + lifetime).isoformat()

        def expected() -> Token:
            return self.world.issue(
                asking.owner,
                kind=given.get("kind", asking.kind),
                environment=asking.environment,
                scopes=scopes,
                organization=given.get("organization", asking.organization),
                networks=given.get("allowed_networks", asking.networks),
                lifetime=lifetime,
                asking=asking,
            )

        answered = self.answered("POST", "/api/tokens/", asking, address, body)
        return self.agreed(answered, self.entering(asking, address, expected))

    @rule(
        target=tokens,
        asking=tokens,
        token=tokens,
        address=st.sampled_from(ADDRESSES),
        is_own=st.booleans(),
        overlap=st.sampled_from([None, timedelta(0), HOUR]),
    )
    def a_token_rotates_another(
        self,
        asking: Token,
        token: Token,
        address: str,
        is_own: bool,
        overlap: timedelta | None,
    ) -> Any:
        asking = self.usable(asking, MANAGE)
        token = asking if is_own else token
        body = {} if overlap is None else {"overlap": f"{overlap // HOUR}h"}

        def expected() -> Token:
            if not self.world.is_reached(token, asking):
                raise Refused(404, "")
            return self.world.rotate(token, overlap, by=asking.owner, asking=asking)

        answered = self.answered("POST", f"/api/tokens/{token.pk}/rotate/", asking, address, body)
        return self.agreed(answered, self.entering(asking, address, expected))

    # They are used.

    @rule(
        token=tokens,
        door=st.sampled_from(sorted(DOORS)),
        address=st.sampled_from(ADDRESSES),
        way=st.sampled_from([*["right"] * 6, "wrong", "both", "none", "mistyped", "guessed"]),
        is_usable=st.booleans(),
    )
    def a_token_is_used(self, token: Token, door: str, address: str, way: str, is_usable: bool) -> None:
        token = self.usable(token) if is_usable else token
        if way in ("mistyped", "guessed"):
            token = replace(token, raw=self.nearly(token, is_well_formed=way == "guessed"), is_there=False)
        method, path, scope = DOORS[door]
        expected = (400, "") if method == "POST" else (200, "")
        is_verified = way == "right" and not self.world.verify(token, address)
        try:
            self.world.enter(token, address, way=way, scope=scope)
        except Refused as refused:
            expected = refused.status, refused.reason
        headers = self.headers(token, way)
        answer: Any = self.client.generic(
            method, path, "{}", "application/json", REMOTE_ADDR=address, **headers
        )
        assert self.told(answer) == expected
        assert answer.has_header("Deprecation") == (is_verified and token.rotated_at is not None)
        if answer.status_code == 200:
            if door == "rest":
                names = {site["organization"] for site in answer.json()}
            else:
                names = {row["name"] for row in csv.DictReader(StringIO(answer.content.decode()))}
            assert names == self.world.organizations(token)

    # They end.

    @rule(token=tokens, way=st.sampled_from(["row", "text", "digest", "id", "leak"]))
    def a_token_is_revoked(self, token: Token, way: str) -> None:
        is_known = self.world.is_ours(token) and self.world.is_found(token)
        expected = token.is_there and token.revoked_at is None
        if way == "leak":
            body = {"tokens": [token.raw, "junk"]}
            answer = self.client.post("/api/leaks/", body, content_type="application/json")
            assert answer.status_code == 202
            self.world.end([token] if is_known else [], "It was reported as leaked.")
        elif way == "id":
            with nullcontext() if token.is_there else pytest.raises(CommandError):
                self.command("revoketokens", str(token.pk), reason="lost")
            self.world.end([token], "lost")
        elif way == "row" and token.is_there:
            assert self.instance(token, is_fresh=True).revoke("lost") == expected
            self.world.end([token], "lost")
        elif way == "text" and token.owner.is_there:
            assert self.user(token.owner).revoke_access_token(token.raw) == (expected and is_known)
            self.world.end([token] if is_known else [], by=token.owner)
        elif way == "digest" and token.owner.is_there:
            secret = AccessToken.objects.filter(pk=token.pk).values_list("secret", flat=True).first()
            assert self.user(token.owner).revoke_access_token_by_secret(secret or "0" * 64) == expected
            self.world.end([token], by=token.owner)

    @precondition(lambda self: self.has_much_to_lose())
    @rule(token=tokens)
    def a_family_is_revoked(self, token: Token) -> None:
        with nullcontext() if token.is_there else pytest.raises(CommandError):
            self.command("revoketokens", family=str(token.pk), yes=True)
        family = [one for one in self.world.there() if one.family == token.family]
        self.world.end(family if token.is_there else [])

    @precondition(lambda self: self.has_much_to_lose())
    @rule(person=people)
    def everything_is_revoked(self, person: Person) -> None:
        count = self.world.end(self.world.there(person), by=person)
        assert self.user(person).revoke_all_access_tokens() == count

    @rule(asking=tokens, token=tokens, address=st.sampled_from(ADDRESSES), is_own=st.booleans())
    def a_token_ends_another(self, asking: Token, token: Token, address: str, is_own: bool) -> None:
        asking = self.usable(asking, MANAGE)
        token = asking if is_own else token

        def expected() -> None:
            if not self.world.is_reached(token, asking):
                raise Refused(404, "")
            self.world.end([token], by=asking.owner)

        answered = self.answered("DELETE", f"/api/tokens/{token.pk}/", asking, address)
        self.agreed(answered, self.entering(asking, address, expected))

    # What must be true after each of these.

    @invariant()
    def all_is_as_it_must_be(self) -> None:
        self.each_token_is_worth_what_it_must_be()
        self.the_rows_are_as_they_must_be()
        self.the_log_is_as_it_must_be()
        self.a_token_has_one_successor_that_works()
        self.no_table_has_a_secret()

    def each_token_is_worth_what_it_must_be(self) -> None:
        for token in self.world.tokens:
            for address in ADDRESSES[:: 2 if token.networks else 3]:
                assert self.verified(token, address) == self.world.verify(token, address), token

    def the_rows_are_as_they_must_be(self) -> None:
        expected = {token.pk: token for token in self.world.there()}
        rows = {row.pk: row for row in AccessToken.objects.all()}
        assert rows.keys() == expected.keys()
        for pk, token in expected.items():
            row = rows[pk]
            assert {
                "user": row.user_id,
                "secret": row.secret.partition("$")[0] if "$" in row.secret else None,
                "hint": row.hint,
                "scopes": row.scopes,
                "organization": row.organization,
                "networks": row.allowed_networks,
                "created_at": row.created_at,
                "created_by": row.created_by_id,
                "expires_at": row.expires_at,
                "last_used": (row.last_used_at, row.last_used_ip),
                "revoked": (row.revoked_at, row.revoked_by_id, row.revoked_reason),
                "rotated": (row.rotated_at, row.rotated_from_id),
                "family": row.family,
                "status": row.status,
            } == {
                "user": token.owner.pk,
                "secret": None if token.pepper is None else str(token.pepper),
                "hint": token.hint,
                "scopes": token.scopes,
                "organization": token.organization,
                "networks": token.networks,
                "created_at": token.created_at,
                "created_by": token.created_by and token.created_by.pk,
                "expires_at": token.expires_at,
                "last_used": (token.last_used_at, token.last_used_ip),
                "revoked": (
                    token.revoked_at,
                    token.revoked_by and token.revoked_by.pk,
                    token.revoked_reason,
                ),
                "rotated": (token.rotated_at, token.rotated_from and token.rotated_from.pk),
                "family": token.family,
                "status": self.world.status(token),
            }
        usable = AccessToken.objects.usable().values_list("pk", flat=True)
        assert set(usable) == {token.pk for token in self.world.usable()}

    def a_token_has_one_successor_that_works(self) -> None:
        parents = [token.born_of for token in self.world.usable() if token.born_of is not None]
        assert len(parents) == len(set(parents))

    def the_log_is_as_it_must_be(self) -> None:
        rows = list(TokenLogin.objects.order_by("pk"))
        seen = [
            (
                row.id_type,
                row.hint,
                row.user_id,
                row.token_id,
                row.ip_address,
                row.date,
                row.success,
                row.reason,
                row.count,
            )
            for row in rows
        ]
        assert seen == [row.seen() for row in self.world.log]
        for row, expected in zip(rows, self.world.log, strict=True):
            presented = expected.presented
            assert row.identifier == (identifier_of(presented) if expected.reason else presented)

    def no_table_has_a_secret(self) -> None:
        tables = (AccessToken.objects.values_list(), TokenLogin.objects.values_list())
        held = repr([list(table) for table in tables])
        for token in self.world.tokens:
            assert token.raw[-36:-6] not in held

    # How it is done.

    def _joins(self, organization: str) -> Person:
        self.joined += 1
        name = f"person {self.joined}"
        user = get_user_model().objects.create_user(name, organization=organization)
        person = Person(user.pk, name, organization)
        self.world.people.append(person)
        return person

    def has_much_to_lose(self) -> bool:
        """What ends much ends a life before anything happens, if it comes early and often."""
        return len(self.world.usable()) > 2

    def usable(self, token: Token, scope: str = "") -> Token:
        """``token``, or the newest that is usable where it is not: most tokens have ended by and by."""
        usable = [one for one in self.world.usable() if not scope or scope in one.scopes]
        return token if token in usable or not usable else usable[-1]

    def user(self, person: Person) -> Any:
        return get_user_model().objects.get(pk=person.pk)

    def instance(self, token: Token, *, is_fresh: bool) -> AccessToken:
        """The row; or as it was when it was made, where that is asked for, or it is gone."""
        found = AccessToken.objects.filter(pk=token.pk).first() if is_fresh else None
        return found or self.instances[token]

    def nearly(self, token: Token, *, is_well_formed: bool) -> str:
        """The text of ``token`` but for one character, with the checksum of that or without."""
        text = token.raw[:-7] + ("0" if token.raw[-7] != "0" else "1")
        return text + (checksum(text) if is_well_formed else token.raw[-6:])

    def command(self, *args: str, **options: Any) -> str:
        out = StringIO()
        call_command(*args, stdout=out, **options)
        return out.getvalue().strip()

    def headers(self, token: Token, way: str = "right") -> dict[str, str]:
        if way == "none":
            return {}
        bearer, key = {"HTTP_AUTHORIZATION": f"Bearer {token.raw}"}, {"HTTP_X_API_KEY": token.raw}
        if way == "both":
            return {**bearer, **key}
        return bearer if (token.kind == "personal") == (way != "wrong") else key

    def verified(self, token: Token, address: str) -> str:
        try:
            found = AccessToken.objects.verify(token.raw, address=address)
        except CredentialError as error:
            return str(error.reason)
        assert (found.pk, found.user.pk) == (token.pk, token.owner.pk)
        return ""

    def told(self, answer: Any) -> tuple[int, str]:
        """The status and the reason of an answer; "" where it has none."""
        has_reason = answer.status_code in (401, 403, 409, 429)
        return answer.status_code, answer.json()["error"]["reason"] if has_reason else ""

    def done(self, act: Callable[[], AccessToken]) -> Outcome:
        try:
            made = act()
        except ValidationError as error:
            note(str(error))
            return Outcome(400)
        except RotationConflict as conflict:
            return Outcome(409, conflict.reason)
        return Outcome(201, "", made, str(made.raw_token))

    def answered(
        self, method: str, path: str, asking: Token, address: str, body: dict[str, Any] | None = None
    ) -> Outcome:
        answer: Any = self.client.generic(
            method,
            path,
            json.dumps(body or {}),
            "application/json",
            REMOTE_ADDR=address,
            **self.headers(asking),
        )
        status, reason = self.told(answer)
        if status != 201:
            note(f"{status} {answer.content!r}")
            return Outcome(status, reason)
        return Outcome(201, "", AccessToken.objects.get(pk=answer.json()["id"]), answer.json()["token"])

    def entering(
        self, asking: Token, address: str, act: Callable[[], Token | None]
    ) -> Callable[[], Token | None]:
        """``act``, where ``asking`` is let in to manage tokens."""

        def expected() -> Token | None:
            self.world.enter(asking, address, scope=MANAGE)
            try:
                return act()
            except Refused as refused:
                if refused.status == 403:
                    self.world.refuse_after(asking, address)
                raise

        return expected

    def agreed(self, outcome: Outcome, act: Callable[[], Token | None]) -> Any:
        """What was made; ``act`` does in the world what came to that ``outcome``."""
        token, refused = None, (204, "")
        try:
            token = act()
        except Refused as refusal:
            refused = refusal.status, refusal.reason
        except Wrong:
            refused = 400, ""
        if token is None:
            assert (outcome.status, outcome.reason) == refused
            return multiple()
        assert outcome.status == 201
        made = outcome.made
        assert made is not None
        token.raw, token.pk = outcome.raw, made.pk
        assert token.family in (None, made.family)
        token.family = made.family
        self.instances[token] = made
        return token


@dataclass
class Outcome:
    """What came of an act: as a status, whether it was asked for over HTTP or not."""

    status: int
    reason: str = ""
    made: AccessToken | None = None
    raw: str = field(default="", repr=False)


@pytest.fixture(autouse=True)
def _quick_hasher(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.mark.django_db(transaction=True)
def test_whatever_happens_to_tokens_they_are_worth_what_they_must_be() -> None:
    run_state_machine_as_test(Lives, settings=DEPTH)

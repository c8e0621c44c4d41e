"""Managing one's own tokens over HTTP."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.conftest import bearer
from tokenauth.core import lifecycle, rotation
from tokenauth.exceptions import DelegationError
from tokenauth.models import AccessToken, TokenLogin
from tokenauth.rest.tokens import TokenListView
from tokenauth.throttling import TokenRateThrottle

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.test import APIClient

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

TOKENS = "/api/tokens/"
CURRENT = "/api/tokens/current/"
SITES = "/inventory-service/sites"
NEW = {"name": "CI", "scopes": ["read:sites"]}
MANAGE = ["tokens:manage", "read:sites"]


def url(token: AccessToken, rest: str = "") -> str:
    return f"{TOKENS}{token.pk}/{rest}"


def header(token: AccessToken) -> dict[str, Any]:
    return {"HTTP_X_API_KEY": token.raw_token} if token.kind == "api_key" else bearer(token)


def rows() -> list[dict[str, Any]]:
    """All there is of each token, but when it was last used."""
    return [{**row, "last_used_at": None, "last_used_ip": None} for row in AccessToken.objects.values()]


@pytest.fixture
def person(api: APIClient, alice: User) -> APIClient:
    """Signed in by session, just now."""
    api.force_login(alice)
    return api


@pytest.fixture
def manager(alice: User) -> AccessToken:
    return alice.generate_access_token("manager", MANAGE)


class TestByWhom:
    """Who may manage tokens at all."""

    def test_a_person_makes_one_that_works(self, person: APIClient, alice: User) -> None:
        answer = person.post(TOKENS, NEW, format="json")
        assert answer.status_code == 201
        assert answer["Cache-Control"] == "no-store"
        made = AccessToken.objects.get()
        assert (made.user, made.created_by, made.name, made.scopes) == (alice, alice, "CI", ["read:sites"])
        assert (answer.data["id"], answer.data["hint"]) == (made.pk, made.hint)
        assert Client().get(SITES, **bearer(answer.data["token"])).status_code == 200

    def test_a_token_that_may_manage_makes_one(
        self, api: APIClient, manager: AccessToken, alice: User
    ) -> None:
        answer = api.post(TOKENS, NEW, format="json", **bearer(manager))
        assert answer.status_code == 201
        assert AccessToken.objects.get(pk=answer.data["id"]).created_by == alice

    @pytest.mark.parametrize(
        ("method", "path"),
        [("get", ""), ("post", ""), ("get", "{}/"), ("delete", "{}/"), ("post", "{}/rotate/")],
    )
    @pytest.mark.parametrize("scopes", [[], ["read:sites"], ["*"], ["admin"]])
    def test_no_other_token_learns_or_changes_anything(
        self, api: APIClient, alice: User, method: str, path: str, scopes: list[str]
    ) -> None:
        low = alice.generate_access_token("low", scopes)
        before = rows()
        answer = getattr(api, method)(TOKENS + path.format(low.pk), NEW, format="json", **bearer(low))
        assert answer.status_code == 403
        assert answer.data["error"]["reason"] == "insufficient_scope"
        assert 'scope="tokens:manage"' in answer["WWW-Authenticate"]
        assert rows() == before

    def test_nor_where_scopes_are_only_reported(
        self, api: APIClient, alice: User, tokenauth_settings: Callable[..., None]
    ) -> None:
        tokenauth_settings(ENFORCE_SCOPES=False)
        low = alice.generate_access_token("low", ["read:sites"])
        assert api.post(TOKENS, NEW, format="json", **bearer(low)).status_code == 403

    @pytest.mark.parametrize("path", [TOKENS, CURRENT, TOKENS + "1/"])
    def test_nobody_is_refused(self, api: APIClient, path: str) -> None:
        answer = api.get(path)
        assert (answer.status_code, answer.data["error"]["reason"]) == (401, "missing")

    def test_a_session_needs_its_csrf_token(self, alice: User) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)
        answer = client.post(TOKENS, NEW, content_type="application/json")
        assert answer.status_code == 403
        assert not AccessToken.objects.exists()

    def test_a_session_is_not_asked_beside_a_token(self, person: APIClient, bob: User) -> None:
        low = bob.generate_access_token("low", ["read:sites"])
        assert person.post(TOKENS, NEW, format="json", **bearer(low)).status_code == 403

    def test_a_session_makes_credentials_only_while_it_is_young(
        self, api: APIClient, alice: User, tokenauth_settings: Callable[..., None]
    ) -> None:
        tokenauth_settings(REAUTHENTICATION_AGE=timedelta(minutes=10))
        key = alice.generate_access_token("k", ["read:sites"], kind="api_key", environment="live")
        with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
            api.force_login(alice)
            clock.shift(timedelta(minutes=10))
            assert api.post(TOKENS, NEW, format="json").status_code == 201
            clock.shift(timedelta(seconds=1))
            for path in (TOKENS, url(key, "rotate/")):
                answer = api.post(path, NEW, format="json")
                assert answer.status_code == 403
                assert answer.data["error"]["reason"] == "insufficient_user_authentication"
            # What makes none is not in question.
            assert api.get(TOKENS).status_code == 200
            assert api.delete(url(key)).status_code == 204
        assert AccessToken.objects.count() == 2


class TestListing:
    def test_ones_own_alone_without_text_or_digest(self, person: APIClient, alice: User, bob: User) -> None:
        first, second = (alice.generate_access_token(name, ["read:sites"]) for name in "ab")
        bob.generate_access_token("c")
        answer = person.get(TOKENS)
        assert [one["id"] for one in answer.data["results"]] == [second.pk, first.pk]
        for token in (first, second):
            for secret in (token.raw_token, token.secret):
                assert secret not in answer.content.decode()
        assert answer.data["count"] == 2

    def test_someone_elses_is_not_there(self, person: APIClient, bob: User) -> None:
        other = bob.generate_access_token("other", [])
        for method, path in (("get", ""), ("delete", ""), ("post", "rotate/")):
            assert getattr(person, method)(url(other, path)).status_code == 404
        other.refresh_from_db()
        assert other.status == "active"

    @pytest.mark.parametrize("key", ["0", "-1", "x", "1.5", "9" * 40, "%00", "١"])
    def test_nor_is_what_is_no_id(self, person: APIClient, key: str) -> None:
        for method, path in (("get", "/"), ("delete", "/"), ("post", "/rotate/")):
            assert getattr(person, method)(f"{TOKENS}{key}{path}").status_code == 404

    def test_it_is_filtered(self, person: APIClient, alice: User) -> None:
        alice.generate_access_token("a").revoke()
        key = alice.generate_access_token("b", kind="api_key", environment="test")
        live = alice.generate_access_token("c", kind="api_key", environment="live")
        for query, found in (
            ({"status": "revoked"}, ["a"]),
            ({"status": "active"}, ["c", "b"]),
            ({"kind": "personal"}, ["a"]),
            ({"environment": "test"}, ["b"]),
            ({"family": str(live.family)}, ["c"]),
            ({"status": "active", "environment": "test", "family": str(key.family)}, ["b"]),
        ):
            assert [one["name"] for one in person.get(TOKENS, query).data["results"]] == found

    @pytest.mark.parametrize(
        "query", [{"status": "odd"}, {"kind": "x"}, {"family": "x"}, {"environment": "\0"}]
    )
    def test_by_nothing_that_is_none(self, person: APIClient, query: dict[str, str]) -> None:
        answer = person.get(TOKENS, query)
        assert answer.status_code == 400
        assert list(answer.data) == list(query)

    def test_ten_thousand_come_page_by_page(self, person: APIClient, alice: User) -> None:
        def add(count: int) -> None:
            AccessToken.objects.bulk_create(
                AccessToken(user=alice, name=f"{number}", secret=f"{count}-{number}", hint="h")
                for number in range(count)
            )

        counts = []
        for count in (10, 10_000):
            add(count)
            with CaptureQueriesContext(connection) as captured:
                answer = person.get(TOKENS)
            counts.append(len(captured))
        assert counts[0] == counts[1]
        assert (answer.data["count"], len(answer.data["results"])) == (10_010, 50)
        assert len(person.get(answer.data["next"] + "&page_size=9999").data["results"]) == 200
        assert person.get(TOKENS, {"page": 9999}).status_code == 404

    def test_a_token_of_an_organization_reaches_those_of_that_one(self, api: APIClient, alice: User) -> None:
        narrowed = alice.generate_access_token("narrowed", MANAGE, organization="northwind")
        wide = alice.generate_access_token("wide", ["read:sites"])
        answer = api.get(TOKENS, **bearer(narrowed))
        assert [one["name"] for one in answer.data["results"]] == ["narrowed"]
        assert api.delete(url(wide), **bearer(narrowed)).status_code == 404
        assert api.get(url(narrowed), **bearer(narrowed)).status_code == 200
        alice.organization = "greenfleet"
        alice.save()
        assert api.get(TOKENS, **bearer(narrowed)).data["results"] == []


class TestMaking:
    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"name": ""}, "name"),
            ({"name": " "}, "name"),
            ({"name": "a\x07b"}, "name"),
            ({"name": "n" * 256}, "name"),
            ({"name": None}, "name"),
            ({"scopes": None}, "scopes"),
            ({"scopes": "read:sites"}, "scopes"),
            ({"scopes": ["read:moon"]}, "scopes"),
            ({"scopes": ["a b"]}, "scopes"),
            ({"scopes": ["s"] * 1001}, "scopes"),
            ({"kind": "odd"}, "kind"),
            ({"kind": "api_key"}, "environment"),
            ({"environment": "live"}, "environment"),
            ({"organization": "greenfleet"}, "organization"),
            ({"allowed_networks": ["10.0.0.1/8"]}, "allowed_networks"),
            ({"allowed_networks": "10.0.0.0/8"}, "allowed_networks"),
            ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
            ({"expires_at": "soon"}, "expires_at"),
            ({"expires_at": "9999-12-31T23:59:59Z"}, "expires_at"),
        ],
    )
    def test_what_is_wrong_is_said_by_field(
        self, person: APIClient, change: dict[str, Any], field: str
    ) -> None:
        answer = person.post(TOKENS, {**NEW, **change}, format="json")
        assert answer.status_code == 400
        assert list(answer.data) == [field]
        assert not AccessToken.objects.exists()

    @pytest.mark.parametrize("missing", ["name", "scopes"])
    def test_what_is_missing_is_asked_for(self, person: APIClient, missing: str) -> None:
        answer = person.post(TOKENS, {key: NEW[key] for key in NEW if key != missing}, format="json")
        assert list(answer.data) == [missing]

    @pytest.mark.parametrize(
        "body",
        ["", "[]", "null", "1", '"x"', "{", '{"name": 1e999}', "[" * 100_000, b"\xff\xfe", '{"a":"\\ud800"}'],
    )
    def test_a_body_that_is_none(self, person: APIClient, body: str) -> None:
        assert person.post(TOKENS, body, content_type="application/json").status_code == 400

    @pytest.mark.parametrize("name", ["<b>bold</b>", "اسم", "🔑 key", "\u202eevil", "a" * 255])
    def test_odd_names_come_back_as_they_are(self, person: APIClient, name: str) -> None:
        answer = person.post(TOKENS, {**NEW, "name": name}, format="json")
        assert answer.status_code == 201
        assert person.get(f"{TOKENS}{answer.data['id']}/").json()["name"] == name

    def test_every_argument(self, person: APIClient) -> None:
        expires_at = timezone.now() + timedelta(days=3)
        answer = person.post(
            TOKENS,
            {
                "name": "CI",
                "scopes": ["read:sites", "*"],
                "kind": "api_key",
                "environment": "test",
                "organization": "northwind",
                "allowed_networks": ["192.0.2.0/24"],
                "expires_at": expires_at.isoformat(),
            },
            format="json",
        )
        assert answer.status_code == 201
        token = AccessToken.objects.get()
        assert (token.kind, token.environment, token.organization) == ("api_key", "test", "northwind")
        assert (token.allowed_networks, token.expires_at) == (["192.0.2.0/24"], expires_at)

    def test_as_many_as_a_user_may_have(
        self, person: APIClient, tokenauth_settings: Callable[..., None]
    ) -> None:
        tokenauth_settings(MAX_TOKENS_PER_USER=1)
        assert person.post(TOKENS, NEW, format="json").status_code == 201
        answer = person.post(TOKENS, NEW, format="json")
        assert answer.status_code == 400
        assert "as many as a user may have" in str(answer.data["non_field_errors"])


LIVE_KEY = {"kind": "api_key", "environment": "live"}
NETWORK = ["192.0.2.0/24"]
SOON = timedelta(days=1)


class TestWidening:
    """A token makes and rotates nothing that is wider than itself."""

    def make(self, api: APIClient, asking: AccessToken, **change: Any) -> Any:
        return api.post(TOKENS, {**NEW, **change}, format="json", REMOTE_ADDR="192.0.2.1", **header(asking))

    @pytest.mark.parametrize(
        ("own", "change", "argument"),
        [
            ({}, {"scopes": ["write:sites"]}, "scopes"),
            ({}, {"scopes": ["read:sites", "*"]}, "scopes"),
            ({}, {"scopes": ["admin"]}, "scopes"),
            ({}, LIVE_KEY, "kind, environment"),
            (
                {"kind": "api_key", "environment": "live"},
                {"kind": "personal", "environment": ""},
                "kind, environment",
            ),
            ({"kind": "api_key", "environment": "test"}, {"environment": "live"}, "environment"),
            ({"organization": "northwind"}, {"organization": ""}, "organization"),
            ({"allowed_networks": NETWORK}, {"allowed_networks": []}, "allowed_networks"),
            ({"allowed_networks": NETWORK}, {"allowed_networks": ["192.0.2.0/23"]}, "allowed_networks"),
            ({"allowed_networks": NETWORK}, {"allowed_networks": ["192.0.2.1", "::1"]}, "allowed_networks"),
            ({"expires_at": SOON}, {"expires_at": SOON + timedelta(seconds=2)}, "expires_at"),
        ],
    )
    def test_is_refused(
        self, api: APIClient, alice: User, own: dict[str, Any], change: dict[str, Any], argument: str
    ) -> None:
        now = timezone.now()
        if "expires_at" in own:
            own, change = {"expires_at": now + SOON}, {"expires_at": (now + change["expires_at"]).isoformat()}
        asking = alice.generate_access_token("asking", MANAGE, **own)
        answer = self.make(api, asking, **change)
        assert answer.status_code == 403
        error = answer.data["error"]
        assert (error["code"], error["reason"]) == ("FORBIDDEN", "insufficient_scope")
        assert error["message"].endswith(f"wider in: {argument}.")
        assert list(AccessToken.objects.all()) == [asking]
        # Whoever tries has left a trace.
        (row,) = TokenLogin.objects.all()
        assert (row.token, row.reason) == (asking, "insufficient_scope")

    def test_the_challenge_names_the_scopes_it_lacks(self, api: APIClient, manager: AccessToken) -> None:
        answer = self.make(api, manager, scopes=["write:sites", "read:sites", "read:events"])
        assert answer["WWW-Authenticate"].endswith('scope="write:sites read:events"')
        answer = self.make(api, manager, kind="api_key", environment="live")
        assert "scope=" not in answer["WWW-Authenticate"]

    def test_tokens_manage_is_handed_on_by_who_holds_it(self, api: APIClient, alice: User) -> None:
        asking = alice.generate_access_token("asking", ["*", "tokens:manage"])
        answer = self.make(api, asking, scopes=["tokens:manage", "write:sites", "*"])
        assert answer.status_code == 201

    @pytest.mark.parametrize(
        ("own", "change"),
        [
            ({"allowed_networks": NETWORK}, {"allowed_networks": ["192.0.2.0/25", "192.0.2.200"]}),
            ({"organization": "northwind"}, {"organization": "northwind"}),
            ({}, {"organization": "northwind"}),
            (LIVE_KEY, LIVE_KEY),
        ],
    )
    def test_what_is_as_narrow_is_made(
        self, api: APIClient, alice: User, own: dict[str, Any], change: dict[str, Any]
    ) -> None:
        assert self.make(api, alice.generate_access_token("a", MANAGE, **own), **change).status_code == 201

    def test_its_own_limits_are_given_where_nothing_is_said(
        self, api: APIClient, alice: User, tokenauth_settings: Callable[..., None]
    ) -> None:
        tokenauth_settings(TOKEN_LIFETIME=timedelta(days=30))
        asking = alice.generate_access_token(
            "asking",
            MANAGE,
            kind="api_key",
            environment="test",
            organization="northwind",
            allowed_networks=NETWORK,
            expires_at=timezone.now() + SOON,
        )
        answer = self.make(api, asking)
        assert answer.status_code == 201
        made = AccessToken.objects.get(pk=answer.data["id"])
        for name in ("kind", "environment", "organization", "allowed_networks", "expires_at"):
            assert getattr(made, name) == getattr(asking, name), name
        shorter = alice.generate_access_token("s", MANAGE, expires_at=timezone.now() + timedelta(days=90))
        made = AccessToken.objects.get(pk=self.make(api, shorter).data["id"])
        assert made.expires_at is not None
        assert made.expires_at < timezone.now() + timedelta(days=31)

    @pytest.mark.parametrize(
        "wider",
        [
            {"scopes": ["write:sites"]},
            LIVE_KEY,
            {"allowed_networks": ["198.51.100.0/24"]},
            {"expires_at": None},
        ],
    )
    def test_by_rotation_is_refused_as_well(self, api: APIClient, alice: User, wider: dict[str, Any]) -> None:
        limits: dict[str, Any] = {"allowed_networks": NETWORK, "expires_at": timezone.now() + SOON}
        asking = alice.generate_access_token("asking", MANAGE, **limits)
        target = alice.generate_access_token("target", **{"scopes": ["read:sites"], **limits, **wider})
        before = rows()
        answer = api.post(url(target, "rotate/"), REMOTE_ADDR="192.0.2.1", **bearer(asking))
        assert (answer.status_code, answer.data["error"]["reason"]) == (403, "insufficient_scope")
        assert rows() == before

    def test_no_token_outlives_itself_by_rotating(self, api: APIClient, alice: User) -> None:
        with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as clock:
            end = timezone.now() + timedelta(days=10)
            asking = alice.generate_access_token("asking", MANAGE, expires_at=end)
            clock.shift(timedelta(days=9))
            answer = api.post(url(asking, "rotate/"), **bearer(asking))
            assert answer.status_code == 201
            assert AccessToken.objects.get(pk=answer.data["id"]).expires_at == end
        by_hand = alice.generate_access_token("n", [], expires_at=timezone.now() + SOON)
        api.force_login(alice)
        answer = api.post(url(by_hand, "rotate/"))
        assert AccessToken.objects.get(pk=answer.data["id"]).expires_at > timezone.now() + SOON / 2

    def test_a_token_of_another_user_gives_nothing(
        self, api: APIClient, manager: AccessToken, bob: User
    ) -> None:
        other = bob.generate_access_token("other", ["read:sites"])
        assert api.post(url(other, "rotate/"), **bearer(manager)).status_code == 404


class TestRotating:
    def test_the_successor_works_and_so_does_the_old_one_for_the_overlap(
        self, person: APIClient, alice: User
    ) -> None:
        with time_machine.travel("2030-01-01T00:00:00Z", tick=False):
            token = alice.generate_access_token("t", ["read:sites"])
            person.force_login(alice)
            answer = person.post(url(token, "rotate/"), {"overlap": "12h"}, format="json")
            assert answer.status_code == 201
            for text in (token.raw_token, answer.data["token"]):
                assert Client().get(SITES, **bearer(str(text))).status_code == 200
        token.refresh_from_db()
        assert str(token.expires_at) == "2030-01-01 12:00:00+00:00"
        assert token.rotated_to.pk == answer.data["id"]  # type: ignore[attr-defined]

    def test_what_was_rotated_or_has_ended_is_a_conflict(self, person: APIClient, alice: User) -> None:
        token, ended = (alice.generate_access_token(name, []) for name in "ab")
        ended.revoke()
        assert person.post(url(token, "rotate/")).status_code == 201
        for one, reason in ((token, "rotated"), (ended, "revoked")):
            answer = person.post(url(one, "rotate/"))
            assert answer.status_code == 409
            assert (answer.data["error"]["code"], answer.data["error"]["reason"]) == ("CONFLICT", reason)
        assert AccessToken.objects.count() == 3

    @pytest.mark.parametrize("overlap", ["", "soon", "31d", "-1h", None, "9" * 30, [], {}])
    def test_an_overlap_that_is_none(self, person: APIClient, alice: User, overlap: object) -> None:
        token = alice.generate_access_token("t", [])
        answer = person.post(url(token, "rotate/"), {"overlap": overlap}, format="json")
        assert answer.status_code == 400
        assert list(answer.data) == ["overlap"]

    def test_the_key_of_a_superuser_is_rotated_as_their_own(self, person: APIClient, alice: User) -> None:
        alice.is_superuser = True
        alice.save()
        token = alice.generate_access_token("t", [])
        assert person.post(url(token, "rotate/")).status_code == 201


class TestRevoking:
    def test_it_ends_at_once_and_stays_to_be_seen(self, person: APIClient, alice: User) -> None:
        token = alice.generate_access_token("t", ["read:sites"])
        for _ in range(2):
            assert person.delete(url(token)).status_code == 204
        assert Client().get(SITES, **bearer(token)).status_code == 401
        shown = person.get(url(token)).data
        assert (shown["status"], bool(shown["revoked_at"])) == ("revoked", True)
        token.refresh_from_db()
        assert token.revoked_by == alice

    def test_nothing_of_it_is_changed_otherwise(self, person: APIClient, alice: User) -> None:
        token = alice.generate_access_token("t", [])
        for method in ("put", "patch"):
            assert getattr(person, method)(url(token), {"scopes": ["*"]}, format="json").status_code == 405


class TestCurrent:
    def test_a_token_of_any_scope_reads_and_ends_itself(self, api: APIClient, alice: User) -> None:
        for options in ({}, LIVE_KEY):
            token = alice.generate_access_token("t", [], **options)
            answer = api.get(CURRENT, **header(token))
            assert (answer.status_code, answer.data["id"]) == (200, token.pk)
            assert api.delete(CURRENT, **header(token)).status_code == 204
            answer = api.get(CURRENT, **header(token))
            assert (answer.status_code, answer.data["error"]["reason"]) == (401, "revoked")

    def test_a_session_is_none(self, person: APIClient) -> None:
        answer = person.get(CURRENT)
        assert (answer.status_code, answer.data["error"]["reason"]) == (403, "session")


class TestMeanwhile:
    """The asking token ends while its request is under way."""

    @pytest.fixture
    def ended(self, manager: AccessToken) -> AccessToken:
        """As the request knows it, which was authenticated before."""
        AccessToken.objects.get(pk=manager.pk).revoke()
        return manager

    def test_it_makes_none(self, ended: AccessToken, alice: User) -> None:
        with pytest.raises(DelegationError):
            lifecycle.issue(alice, "late", ["read:sites"], asking=ended)
        assert list(AccessToken.objects.all()) == [ended]

    def test_it_rotates_none(self, ended: AccessToken, alice: User) -> None:
        target = alice.generate_access_token("target", ["read:sites"])
        with pytest.raises(DelegationError):
            rotation.rotate(target, asking=ended)
        target.refresh_from_db()
        assert (target.rotated_at, AccessToken.objects.count()) == (None, 2)

    def test_what_it_makes_ends_no_later_than_it_does_by_now(self, manager: AccessToken, alice: User) -> None:
        end = timezone.now() + SOON
        AccessToken.objects.filter(pk=manager.pk).update(expires_at=end)
        with pytest.raises(DelegationError):
            lifecycle.issue(alice, "long", ["read:sites"], asking=manager)


def test_a_key_reaches_those_of_its_environment(api: APIClient, alice: User) -> None:
    test = alice.generate_access_token("t", MANAGE, kind="api_key", environment="test")
    live = alice.generate_access_token("l", ["*"], **LIVE_KEY)
    answer = api.get(TOKENS, **header(test))
    assert [one["name"] for one in answer.data["results"]] == ["t"]
    assert api.delete(url(live), **header(test)).status_code == 404
    assert api.delete(url(test), **header(test)).status_code == 204


def test_the_projects_throttles_are_asked(
    api: APIClient, manager: AccessToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TokenRateThrottle, "rate", "2/min")
    monkeypatch.setattr(TokenListView, "throttle_classes", [TokenRateThrottle])
    answers = [api.get(TOKENS, **bearer(manager)).status_code for _ in range(3)]
    assert answers == [200, 200, 429]


@pytest.mark.parametrize("field", ["kind", "environment"])
def test_a_choice_that_is_no_text_of_json_is_refused(person: APIClient, field: str) -> None:
    body = json.dumps({**NEW, field: "\ud800"})
    answer = person.post(TOKENS, body, content_type="application/json")
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_a_token_is_no_name(person: APIClient, manager: AccessToken) -> None:
    answer = person.post(TOKENS, {**NEW, "name": f"Bearer {manager.raw_token}"}, format="json")
    assert answer.status_code == 400
    assert str(manager.raw_token) not in answer.content.decode()
    networks = {**NEW, "allowed_networks": [manager.raw_token]}
    answer = person.post(TOKENS, networks, format="json")
    assert answer.data == {"allowed_networks": ["A token is no network."]}

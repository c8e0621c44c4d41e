"""The sample API: each endpoint with the scopes of its page, and organizations kept apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from testproject.accounts.models import User
from testproject.inventory import models
from testproject.inventory.seed import seed
from tests.conftest import bearer
from tokenauth.testing import acting_as

if TYPE_CHECKING:
    from django.test import Client
    from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db

BASE = "/inventory-service"
RESOURCES = ["sites", "assets", "schedules", "sessions", "events"]
WRITABLE = ["sites", "assets", "schedules"]


@pytest.fixture(autouse=True)
def seeded(db: None) -> None:
    assert seed() is True


@pytest.mark.parametrize("resource", RESOURCES)
def test_reading_needs_its_scope(api: APIClient, alice: User, resource: str) -> None:
    acting_as(api, alice, [f"read:{resource}"])
    answer = api.get(f"{BASE}/{resource}")
    assert answer.status_code == 200
    assert answer.json()
    assert {row["organization"] for row in answer.json()} == {"northwind"}
    pk = answer.json()[0]["id"]
    assert api.get(f"{BASE}/{resource}/{pk}").status_code == 200
    for other in RESOURCES:
        acting_as(api, alice, [f"read:{one}" for one in RESOURCES if one != other])
        assert api.get(f"{BASE}/{other}").status_code == 403


@pytest.mark.parametrize("resource", WRITABLE)
@pytest.mark.parametrize("scopes", [["admin"], ["*"], None], ids=["admin", "wildcard", "default"])
def test_the_administrators_scope_implies_all(
    api: APIClient, alice: User, resource: str, scopes: list[str] | None
) -> None:
    acting_as(api, alice, scopes)
    pk = api.get(f"{BASE}/{resource}").json()[0]["id"]
    assert api.patch(f"{BASE}/{resource}/{pk}", {"name": "new"}, format="json").json()["name"] == "new"


@pytest.mark.parametrize("resource", WRITABLE)
def test_writing_needs_its_own_scope(api: APIClient, alice: User, resource: str) -> None:
    reader = bearer(alice.generate_access_token("r", [f"read:{resource}"]))
    writer = bearer(alice.generate_access_token("w", [f"write:{resource}"]))
    row = api.get(f"{BASE}/{resource}", **reader).json()[0]
    url = f"{BASE}/{resource}/{row['id']}"
    body = {name: value for name, value in row.items() if name not in ("id", "organization")}
    for ask, arguments, status in (
        (api.post, (f"{BASE}/{resource}", body), 201),
        (api.put, (url, body), 200),
        (api.patch, (url, {"name": "x"}), 200),
        (api.delete, (url,), 204),
    ):
        assert ask(*arguments, format="json", **reader).status_code == 403
        assert ask(*arguments, format="json", **writer).status_code == status


@pytest.mark.parametrize("resource", ["sessions", "events"])
def test_what_happened_is_not_rewritten(api: APIClient, alice: User, resource: str) -> None:
    acting_as(api, alice, ["*"])
    pk = api.get(f"{BASE}/{resource}").json()[0]["id"]
    assert api.post(f"{BASE}/{resource}", {}, format="json").status_code == 405
    assert api.delete(f"{BASE}/{resource}/{pk}").status_code == 405


def test_a_user_without_an_organization_has_an_empty_list(api: APIClient) -> None:
    nobody = User.objects.create_user(username="nobody")
    acting_as(api, nobody, ["*"])
    answer = api.get(f"{BASE}/sites")
    assert (answer.status_code, answer.json()) == (200, [])
    answer = api.post(f"{BASE}/sites", {"name": "x", "city": "y"}, format="json")
    assert (answer.status_code, answer.json()["error"]["reason"]) == (403, "organization")


def test_another_organizations_objects_are_not_there(api: APIClient, alice: User, bob: User) -> None:
    hers = models.Site.objects.filter(organization="northwind").values_list("pk", flat=True)
    acting_as(api, bob, ["*"])
    assert {row["id"] for row in api.get(f"{BASE}/sites").json()}.isdisjoint(hers)
    assert api.get(f"{BASE}/sites/{hers[0]}").status_code == 404
    assert api.delete(f"{BASE}/sites/{hers[0]}").status_code == 404
    body = {"site": hers[0], "name": "x", "kind": "charger", "power_kw": 1}
    answer = api.post(f"{BASE}/assets", body, format="json")
    assert (answer.status_code, list(answer.json())) == (400, ["site"])
    assert models.Asset.objects.filter(organization="greenfleet", site__in=hers).count() == 0


def test_a_tokens_organization_narrows(api: APIClient, alice: User, monkeypatch: Any, settings: Any) -> None:
    settings.TOKENAUTH = {**settings.TOKENAUTH, "USER_ORGANIZATIONS": f"{__name__}.both"}
    acting_as(api, alice, ["*"])
    assert {row["organization"] for row in api.get(f"{BASE}/sites").json()} == {"northwind", "greenfleet"}
    acting_as(api, alice, ["*"], organization="greenfleet")
    assert {row["organization"] for row in api.get(f"{BASE}/sites").json()} == {"greenfleet"}
    created = api.post(f"{BASE}/sites", {"name": "x", "city": "y"}, format="json")
    assert created.json()["organization"] == "greenfleet"
    # Who leaves the organization has nothing left of the token.
    settings.TOKENAUTH = {**settings.TOKENAUTH, "USER_ORGANIZATIONS": f"{__name__}.northwind_alone"}
    assert api.get(f"{BASE}/sites").json() == []


def both(user: User) -> set[str]:
    return {"northwind", "greenfleet"}


def northwind_alone(user: User) -> set[str]:
    return {"northwind"}


def test_a_user_needs_a_username_alone() -> None:
    user = User.objects.create_user(username="minimal")
    assert user.generate_access_token("t").scopes == ["*"]


def test_seeding_twice_changes_nothing() -> None:
    before = models.Site.objects.count()
    assert seed() is False
    assert models.Site.objects.count() == before


def test_the_sites_as_csv_by_a_view_of_plain_django(api: APIClient, alice: User) -> None:
    assert api.get(f"{BASE}/sites.csv").status_code == 401
    acting_as(api, alice, ["read:events"])
    assert api.get(f"{BASE}/sites.csv").status_code == 403
    acting_as(api, alice, ["read:sites"])
    answer = api.get(f"{BASE}/sites.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    lines = answer.content.decode().splitlines()
    assert lines[0] == "id,name,city"
    names = [line.split(",")[1] for line in lines[1:]]
    assert names == list(models.Site.objects.filter(organization="northwind").values_list("name", flat=True))
    assert api.post(f"{BASE}/sites.csv").status_code == 405


def test_a_person_signs_in_and_out(client: Client, alice: User) -> None:
    alice.set_password("correct horse")
    alice.save()
    login = client.get("/tokens/")["Location"]
    wrong = client.post(login, {"username": "alice", "password": "wrong horse"})
    assert 'role="alert"' in wrong.content.decode()
    assert "horse" not in wrong.content.decode()
    answer = client.post(login, {"username": "alice", "password": "correct horse", "next": "/tokens/"})
    assert (answer.status_code, answer["Location"]) == (302, "/tokens/")
    page = client.get("/tokens/").content.decode()
    assert "Signed in as <bdi>alice</bdi>" in page
    (out,) = re.findall(r'method="post" action="([^"]+)"', page)
    assert client.get(out).status_code == 405
    assert client.post(out)["Location"] == "/accounts/login/"
    assert client.get("/tokens/").status_code == 302

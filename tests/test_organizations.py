"""Organizations: whose objects a request reaches, with a session and with a token that narrows it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.urls import include, path
from rest_framework import serializers
from rest_framework.generics import GenericAPIView, ListCreateAPIView, RetrieveAPIView
from rest_framework.pagination import PageNumberPagination
from rest_framework.permissions import AllowAny
from rest_framework.response import Response

from testproject.accounts.models import User
from testproject.inventory.models import Asset, Site
from tests.conftest import bearer
from tokenauth.core.organizations import (
    organization_of,
    organizations_of,
    organizations_open_to,
    rows_open_to,
)
from tokenauth.permissions import HasScopes, SameOrganization

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.request import Request
    from rest_framework.test import APIClient

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class SiteSerializer(serializers.ModelSerializer[Site]):
    class Meta:
        model = Site
        fields = ("id", "name", "organization")


class Pages(PageNumberPagination):
    page_size = 1


class Sites(ListCreateAPIView[Site]):
    required_scopes = ["read:sites"]
    queryset = Site.objects.all()
    serializer_class = SiteSerializer
    filter_backends = [SameOrganization]
    pagination_class = Pages


class OneSite(RetrieveAPIView[Site]):
    """Looks its object up in a way of its own: only the permission stands between."""

    required_scopes = ["read:sites"]
    queryset = Site.objects.all()
    serializer_class = SiteSerializer
    permission_classes = [HasScopes, SameOrganization]


class AssetsBySite(GenericAPIView[Asset]):
    required_scopes = ["read:assets"]
    queryset = Asset.objects.all()
    permission_classes = [HasScopes, SameOrganization]
    filter_backends = [SameOrganization]
    organization_field = "site__organization"

    def get(self, request: Request, pk: int) -> Response:
        self.check_object_permissions(request, Asset.objects.get(pk=pk))
        return Response(self.filter_queryset(self.get_queryset()).count())


class Alone(ListCreateAPIView[Site]):
    queryset = Site.objects.all()
    serializer_class = SiteSerializer
    permission_classes = [SameOrganization]
    filter_backends = [SameOrganization]


urlpatterns = [
    path("sites", Sites.as_view()),
    path("sites/<int:pk>", OneSite.as_view()),
    path("assets/<int:pk>", AssetsBySite.as_view()),
    path("alone", Alone.as_view()),
    path("open", Sites.as_view(permission_classes=[AllowAny])),
    path("either/<int:pk>", OneSite.as_view(permission_classes=[HasScopes.of("admin") | SameOrganization])),
    path("", include("tests.urls")),
]


def of_several(user: User) -> list[str]:
    """Of the user's organization, and of each that is named beside it."""
    return user.organization.split("-") if user.organization else []


@pytest.fixture
def sites(db: None) -> dict[str, Site]:
    return {
        name: Site.objects.create(name=name, city="", organization=name)
        for name in ("northwind", "greenfleet", "")
    }


def names(answer: Any) -> list[str]:
    return [site["organization"] for site in answer.json()["results"]]


def reason(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["reason"]


def test_rows_of_others_are_neither_shown_nor_counted(
    api: APIClient, alice: User, sites: dict[str, Site]
) -> None:
    answer = api.get("/sites", **bearer(alice.generate_access_token("t", ["read:sites"])))
    assert names(answer) == ["northwind"]
    assert answer.json()["count"] == 1
    assert answer.json()["next"] is None


def test_an_object_of_others_is_refused(api: APIClient, alice: User, sites: dict[str, Site]) -> None:
    token = bearer(alice.generate_access_token("t", ["read:sites"]))
    assert api.get(f"/sites/{sites['northwind'].pk}", **token).status_code == 200
    for other in ("greenfleet", ""):
        answer = api.get(f"/sites/{sites[other].pk}", **token)
        assert reason(answer) == (403, "organization")
        assert "WWW-Authenticate" not in answer


def test_a_session_is_held_to_it_too(api: APIClient, alice: User, sites: dict[str, Site]) -> None:
    api.force_login(alice)
    assert names(api.get("/sites")) == ["northwind"]
    assert api.get(f"/sites/{sites['northwind'].pk}").status_code == 200
    assert reason(api.get(f"/sites/{sites['greenfleet'].pk}")) == (403, "organization")


def test_who_is_in_none_is_shown_nothing(api: APIClient, sites: dict[str, Site]) -> None:
    nobody = User.objects.create_user("nobody")
    token = bearer(nobody.generate_access_token("t", ["read:sites"]))
    answer = api.get("/sites", **token)
    assert (answer.status_code, answer.json()["results"]) == (200, [])
    for site in sites.values():
        assert api.get(f"/sites/{site.pk}", **token).status_code == 403


def test_a_token_narrows(
    api: APIClient, sites: dict[str, Site], tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(USER_ORGANIZATIONS=f"{__name__}.of_several")
    both = User.objects.create_user("both", organization="northwind-greenfleet")
    wide = bearer(both.generate_access_token("wide", ["read:sites"]))
    narrow = bearer(both.generate_access_token("narrow", ["read:sites"], organization="greenfleet"))
    assert api.get("/sites", **wide).json()["count"] == 2
    assert names(api.get("/sites", **narrow)) == ["greenfleet"]
    assert api.get(f"/sites/{sites['northwind'].pk}", **wide).status_code == 200
    assert api.get(f"/sites/{sites['northwind'].pk}", **narrow).status_code == 403
    assert api.get(f"/sites/{sites['greenfleet'].pk}", **narrow).status_code == 200


def test_a_token_never_grants(api: APIClient, alice: User, sites: dict[str, Site]) -> None:
    token = alice.generate_access_token("t", ["read:sites"], organization="northwind")
    User.objects.filter(pk=alice.pk).update(organization="greenfleet")
    assert api.get("/sites", **bearer(token)).json()["count"] == 0
    for site in sites.values():
        assert api.get(f"/sites/{site.pk}", **bearer(token)).status_code == 403


def test_a_field_across_a_relation(api: APIClient, alice: User, sites: dict[str, Site]) -> None:
    token = bearer(alice.generate_access_token("t", ["read:assets"]))
    # The asset's own field says otherwise: the view goes by the site's.
    mine, other = (
        Asset.objects.create(organization="x", site=sites[name], name="a", kind="solar", power_kw=1)
        for name in ("northwind", "greenfleet")
    )
    assert api.get(f"/assets/{mine.pk}", **token).json() == 1
    assert api.get(f"/assets/{other.pk}", **token).status_code == 403


def test_alone_it_admits_whoever_is_signed_in(api: APIClient, alice: User, sites: dict[str, Site]) -> None:
    assert reason(api.get("/alone")) == (401, "missing")
    assert reason(api.post("/alone", {"name": "n"}, format="json")) == (401, "missing")
    assert api.options("/alone").status_code == 200
    assert len(api.get("/alone", **bearer(alice.generate_access_token("t", []))).json()) == 1


def test_an_anonymous_client_of_an_open_view_is_shown_nothing(api: APIClient, sites: dict[str, Site]) -> None:
    assert api.get("/open").json()["count"] == 0


def test_it_combines(api: APIClient, alice: User, sites: dict[str, Site]) -> None:
    weak, admin = (bearer(alice.generate_access_token("t", [scope])) for scope in ("read:sites", "admin"))
    assert api.get(f"/either/{sites['northwind'].pk}", **weak).status_code == 200
    assert reason(api.get(f"/either/{sites['greenfleet'].pk}", **weak)) == (403, "organization")
    assert api.get(f"/either/{sites['greenfleet'].pk}", **admin).status_code == 200


@pytest.mark.parametrize("returned", ["northwind", None, 7])
def test_what_is_no_set_of_texts_is_an_error(
    alice: User, tokenauth_settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch, returned: Any
) -> None:
    monkeypatch.setitem(globals(), "returning", lambda user: returned)
    tokenauth_settings(USER_ORGANIZATIONS=f"{__name__}.returning")
    with pytest.raises(ImproperlyConfigured, match="set of texts"):
        organizations_of(alice)


def test_organizations_are_told_as_texts(
    alice: User, tokenauth_settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "numbered", lambda user: {7, 8})
    tokenauth_settings(USER_ORGANIZATIONS=f"{__name__}.numbered")
    assert organizations_of(alice) == {"7", "8"}
    assert organizations_open_to(alice, SimpleNamespace(organization="7")) == {"7"}


@pytest.mark.parametrize("other", ["Northwind", "NORTHWIND", "northwind ", "northwínd"])
def test_what_a_collation_calls_the_same_is_another_organization(
    api: APIClient, alice: User, sites: dict[str, Site], other: str
) -> None:
    lookalike = Site.objects.create(name="lookalike", city="", organization=other)
    Asset.objects.create(organization="x", site=lookalike, name="a", kind="solar", power_kw=1)
    token = bearer(alice.generate_access_token("t", ["read:sites", "read:assets", "write:assets"]))
    assert api.get("/sites", **token).json()["count"] == 1
    assert api.get(f"/sites/{lookalike.pk}", **token).status_code == 403
    mine = Asset.objects.create(organization="x", site=sites["northwind"], name="a", kind="solar", power_kw=1)
    assert api.get(f"/assets/{mine.pk}", **token).json() == 1
    # Nor may it be referred to, in the sample project.
    assert lookalike.name not in api.get("/inventory-service/sites.csv", **token).content.decode()
    asset = {"site": lookalike.pk, "name": "a", "kind": "solar", "power_kw": 1}
    assert api.post("/inventory-service/assets", asset, format="json", **token).status_code == 400


@pytest.mark.parametrize("field", ["site__pk", "site_id", "site", "site__organization"])
def test_rows_by_whatever_leads_to_the_organization(
    alice: User,
    sites: dict[str, Site],
    tokenauth_settings: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    field: str,
) -> None:
    for site in sites.values():
        Asset.objects.create(organization="x", site=site, name=site.name, kind="solar", power_kw=1)
    mine = sites["northwind"]
    monkeypatch.setitem(globals(), "by_key", lambda user: {mine.organization if "__o" in field else mine.pk})
    tokenauth_settings(USER_ORGANIZATIONS=f"{__name__}.by_key")
    (asset,) = rows_open_to(Asset.objects.all(), alice, None, field)
    assert asset.site == mine


def test_no_organization_is_none_of_anybodys(
    alice: User, tokenauth_settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "with_none", lambda user: ["", None, "northwind"])
    tokenauth_settings(USER_ORGANIZATIONS=f"{__name__}.with_none")
    assert organizations_of(alice) == {"northwind"}


def test_nobody_is_asked_about_an_anonymous_user(tokenauth_settings: Callable[..., None]) -> None:
    assert organizations_of(AnonymousUser()) == frozenset()
    tokenauth_settings(USER_ORGANIZATIONS=None)
    assert organizations_open_to(User(organization="northwind"), None) == frozenset()


def test_the_organization_of_an_object(alice: User) -> None:
    site = Site(pk=5, organization="northwind")
    assert organization_of(site, "organization") == "northwind"
    assert organization_of(SimpleNamespace(site=site), "site__organization") == "northwind"
    assert organization_of(SimpleNamespace(site=None), "site__organization") == ""
    # An organization that is a model is told by its key, as the database filters it.
    assert organization_of(SimpleNamespace(organization=site), "organization") == "5"
    with pytest.raises(AttributeError):
        organization_of(site, "organisation")

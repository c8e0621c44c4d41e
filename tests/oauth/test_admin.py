"""Applications and authorizations in the admin, and the page of a person's own."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from oauth2_provider.models import get_access_token_model, get_application_model

from tests.oauth.requests import code_of, of_service, redeem, refresh, sign_in, sites
from tests.test_secrets import everything_stored
from tokenauth.oauth.models import ApplicationPolicy, Authorization

if TYPE_CHECKING:
    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

ADD = "/admin/oauth2_provider/application/add/"
LIST = "/admin/oauth2_provider/application/"
AUTHORIZATIONS = "/admin/tokenauth_oauth/authorization/"


@pytest.fixture
def operator(db: None) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("operator", password="x"))
    return client


def form(**fields: Any) -> dict[str, Any]:
    prefix = "tokenauth_policy"
    policy = {
        name.removeprefix("policy_"): fields.pop(name) for name in list(fields) if name.startswith("policy_")
    }
    return {
        "name": "Reports",
        "client_type": "confidential",
        "redirect_uris": "",
        **fields,
        f"{prefix}-TOTAL_FORMS": "1",
        f"{prefix}-INITIAL_FORMS": "0",
        f"{prefix}-MIN_NUM_FORMS": "1",
        f"{prefix}-MAX_NUM_FORMS": "1",
        **{
            f"{prefix}-0-{name}": value
            for name, value in {
                "grants": ["client_credentials"],
                "scopes": ["read:sites"],
                "organization": "northwind",
                **policy,
            }.items()
        },
    }


def secret_in(response: Any) -> str:
    found = re.search(r'id="raw-secret" type="text" readonly value="([^"]+)"', response.content.decode())
    assert found is not None
    return html.unescape(found[1])


def test_an_application_is_made_with_its_policy_and_its_secret_is_shown_once(operator: Client) -> None:
    response = operator.post(ADD, form())

    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    secret = secret_in(response)
    application = get_application_model().objects.get()
    policy = application.tokenauth_policy
    assert (policy.grants, policy.scopes) == (["client_credentials"], ["read:sites"])
    answer = of_service(client_id=application.client_id, client_secret=secret)
    assert answer.status_code == 200
    assert sites(answer.json()["access_token"]).status_code == 200
    # And nowhere else: not in the database, the log of the admin, or a cookie.
    assert secret not in everything_stored()
    assert not any(secret in str(morsel) for morsel in response.cookies.values())
    page = operator.get(f"{LIST}{application.pk}/change/").content.decode()
    assert secret not in page
    assert application.client_secret not in page


def test_no_client_id_is_shown_before_there_is_one(operator: Client) -> None:
    assert "Client ID" not in operator.get(ADD).content.decode()
    assert "Client ID" not in operator.post(ADD, form(name="")).content.decode()

    page = operator.post(ADD, form()).content.decode()
    application = get_application_model().objects.get()
    assert application.client_id in page
    assert application.client_id in operator.get(f"{LIST}{application.pk}/change/").content.decode()


def test_the_addresses_to_go_back_to_are_one_a_line(operator: Client) -> None:
    own = ["https://yourapp.example/cb", "http://127.0.0.1/cb", "com.example.app:/cb"]
    operator.post(ADD, form(redirect_uris="\r\n".join(own), policy_grants=["authorization_code"]))

    application = get_application_model().objects.get()
    assert application.redirect_uris == " ".join(own)
    assert "\n".join(own) in operator.get(f"{LIST}{application.pk}/change/").content.decode()


def test_a_new_secret_takes_the_place_of_the_old_one(operator: Client, service: Any) -> None:
    by_the_old_one = of_service().json()["access_token"]
    assert sites(by_the_old_one).status_code == 200
    response = operator.post(LIST, {"action": "make_secret", "_selected_action": [service.pk]})

    secret = secret_in(response)
    assert sites(by_the_old_one).status_code == 401
    assert of_service().status_code == 401
    assert of_service(client_secret=secret).status_code == 200
    assert LogEntry.objects.get().change_message == "Made a new secret."


def test_a_public_application_has_no_secret(operator: Client, first_party: Any) -> None:
    response = operator.post(
        ADD,
        form(
            client_type="public",
            redirect_uris="https://yourapp.example/cb",
            policy_grants=["authorization_code"],
        ),
    )
    assert response.status_code == 302
    before = first_party.client_secret

    operator.post(LIST, {"action": "make_secret", "_selected_action": [first_party.pk]})
    first_party.refresh_from_db()
    assert first_party.client_secret == before


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"redirect_uris": "http://yourapp.example/cb"}, "neither https"),
        ({"redirect_uris": "javascript:alert(1)"}, "neither https"),
        ({"redirect_uris": "https://*.example/cb"}, "neither https"),
        ({"policy_grants": ["authorization_code"]}, "has none"),
        ({"policy_grants": ["password"]}, "first-party applications alone"),
        ({"policy_grants": ["client_credentials"], "client_type": "public"}, "no secret to act"),
        ({"policy_grants": []}, "This field is required"),
        ({"policy_grants": ["implicit"]}, "not one of the available choices"),
        ({"policy_scopes": ["*"]}, "not one of the available choices"),
        ({"policy_scopes": ["tokens:manage"]}, "not one of the available choices"),
        ({"policy_allowed_networks": "192.0.2.1/24"}, "A list of networks"),
        ({"name": ""}, "This field is required"),
    ],
)
def test_what_does_not_fit_is_refused(fields: dict[str, Any], message: str, operator: Client) -> None:
    response = operator.post(ADD, form(**fields))

    assert response.status_code == 200
    assert message in html.unescape(response.content.decode())
    assert get_application_model().objects.count() == 0


@pytest.mark.parametrize("further", [[], ["view_applicationpolicy"], ["change_applicationpolicy"]])
def test_who_may_look_at_applications_sees_them(further: list[str], service: Any) -> None:
    looker = get_user_model().objects.create_user("looker", is_staff=True)
    looker.user_permissions.set(
        Permission.objects.filter(codename__in=["view_application", *further]).values_list("pk", flat=True)
    )
    client = Client()
    client.force_login(looker)

    page = client.get(f"{LIST}{service.pk}/change/")

    assert page.status_code == 200
    assert "service" in page.content.decode()
    assert ("northwind" in page.content.decode()) is bool(further)
    # Nor is anything changed by whoever asks all the same.
    assert client.post(f"{LIST}{service.pk}/change/", form(name="Theirs")).status_code == 403
    client.post(LIST, {"action": "make_secret", "_selected_action": [service.pk]})
    assert of_service().status_code == 200


def test_an_application_is_disabled_and_enabled(operator: Client, service: Any) -> None:
    token = of_service().json()["access_token"]

    def save(**fields: str) -> None:
        data = form(**fields)
        data |= {"tokenauth_policy-INITIAL_FORMS": "1", "tokenauth_policy-0-application": service.pk}
        assert operator.post(f"{LIST}{service.pk}/change/", data).status_code == 302

    save(policy_is_disabled="on")
    assert sites(token).status_code == 401
    assert of_service().status_code == 401

    save()
    assert sites(token).status_code == 200


def test_the_list_of_applications(operator: Client, service: Any, first_party: Any) -> None:
    ApplicationPolicy.objects.filter(application=first_party).delete()

    page = operator.get(LIST).content.decode()

    assert "client credentials" in page
    assert "has no policy, and may do nothing" in page


def test_a_user_with_tokens_can_be_deleted(operator: Client, alice: User, first_party: Any) -> None:
    sign_in()
    row, token = Authorization.objects.get(), get_access_token_model().objects.get()
    own_pages = (
        reverse("admin:tokenauth_oauth_authorization_delete", args=[row.pk]),
        reverse("admin:oauth2_provider_accesstoken_delete", args=[token.pk]),
    )

    assert [operator.post(page, {"post": "yes"}).status_code for page in own_pages] == [403, 403]
    assert operator.post(f"/admin/accounts/user/{alice.pk}/delete/", {"post": "yes"}).status_code == 302
    assert Authorization.objects.count() == get_access_token_model().objects.count() == 0


@pytest.mark.parametrize("name", ["refreshtoken", "grant", "idtoken"])
def test_the_tables_beneath_are_not_to_be_seen(name: str, operator: Client) -> None:
    assert operator.get(reverse(f"admin:oauth2_provider_{name}_changelist")).status_code == 403
    assert operator.get(reverse(f"admin:oauth2_provider_{name}_add")).status_code == 403


SERVICE_TOKENS = "/admin/oauth2_provider/accesstoken/"


def test_the_tokens_of_applications_that_act_for_themselves_are_listed(
    operator: Client, alice: User, first_party: Any, service: Any
) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        of_service()
        sign_in()
    by_application = f"{SERVICE_TOKENS}?application__id__exact={service.pk}"
    assert f'href="{by_application}"' in operator.get(LIST).content.decode()

    with time_machine.travel(start + timedelta(seconds=3599), tick=False):
        for address in (SERVICE_TOKENS, by_application):
            page = operator.get(address)
            assert page.context["cl"].result_count == 1
            assert "Service" in page.content.decode()
        of_user = get_access_token_model().objects.get(user=alice)
        assert operator.get(f"{SERVICE_TOKENS}{of_user.pk}/change/").status_code == 302
        of_itself = get_access_token_model().objects.get(user=None)
        assert operator.get(f"{SERVICE_TOKENS}{of_itself.pk}/change/").status_code == 200
    with time_machine.travel(start + timedelta(seconds=3601), tick=False):
        assert operator.get(SERVICE_TOKENS).context["cl"].result_count == 0

    assert operator.get(f"{SERVICE_TOKENS}add/").status_code == 403
    # Beside our own, an index with two "Access tokens" would mislead.
    assert SERVICE_TOKENS not in operator.get("/admin/").content.decode()


def test_an_operator_revokes_the_token_of_an_application_itself(
    operator: Client, alice: User, first_party: Any, service: Any
) -> None:
    one, other, of_user = of_service().json(), of_service().json(), sign_in().json()
    tokens = get_access_token_model().objects.order_by("pk")
    selected = [tokens[0].pk, tokens.get(user=alice).pk]

    response = operator.post(
        SERVICE_TOKENS, {"action": "revoke_selected", "_selected_action": selected}, follow=True
    )

    assert "1 token was revoked." in response.content.decode()
    assert sites(one["access_token"]).json()["error"]["reason"] == "revoked"
    assert sites(other["access_token"]).status_code == 200
    assert sites(of_user["access_token"]).status_code == 200
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (str(service.pk), "Revoked tokens of its own.")


def test_who_may_look_at_tokens_may_not_revoke_them(service: Any) -> None:
    token = of_service().json()["access_token"]
    looker = get_user_model().objects.create_user("looker", is_staff=True)
    client = Client()
    client.force_login(looker)
    asked = {"action": "revoke_selected", "_selected_action": [get_access_token_model().objects.get().pk]}
    of_tokens = Permission.objects.filter(content_type__app_label="oauth2_provider")

    assert client.get(SERVICE_TOKENS).status_code == 403
    looker.user_permissions.add(of_tokens.get(codename="view_accesstoken"))
    assert client.get(SERVICE_TOKENS).status_code == 200
    client.post(SERVICE_TOKENS, asked)
    assert sites(token).status_code == 200

    looker.user_permissions.add(of_tokens.get(codename="delete_accesstoken"))
    client.post(SERVICE_TOKENS, asked)
    assert sites(token).status_code == 401


def test_an_operator_ends_what_a_user_let_in(operator: Client, alice: User, first_party: Any) -> None:
    members = sign_in().json()
    other = sign_in().json()
    authorization = Authorization.objects.order_by("created_at").first()
    assert authorization is not None
    assert "First-Party" in operator.get(f"{AUTHORIZATIONS}?user__pk={alice.pk}").content.decode()
    page = operator.get(f"{AUTHORIZATIONS}{authorization.pk}/change/").content.decode()
    assert 'value="end_selected"' in page
    assert "read:sites, write:sites" in page

    response = operator.post(
        AUTHORIZATIONS, {"action": "end_selected", "_selected_action": [authorization.pk]}, follow=True
    )

    assert "1 authorization has ended." in response.content.decode()
    assert sites(members["access_token"]).status_code == 401
    assert refresh(members["refresh_token"]).status_code == 401
    assert sites(other["access_token"]).status_code == 200
    authorization.refresh_from_db()
    assert authorization.ended_reason == "An operator ended it."
    page = operator.get(f"{AUTHORIZATIONS}{authorization.pk}/change/").content.decode()
    assert 'value="end_selected"' not in page


def test_who_may_look_may_not_end(alice: User, first_party: Any) -> None:
    members = sign_in().json()
    looker = get_user_model().objects.create_user("looker", is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_authorization"))
    client = Client()
    client.force_login(looker)
    asked = {"action": "end_selected", "_selected_action": [Authorization.objects.get().pk]}

    assert client.get(AUTHORIZATIONS).status_code == 200
    page = client.get(f"{AUTHORIZATIONS}{Authorization.objects.get().pk}/change/").content.decode()
    assert 'value="end_selected"' not in page
    client.post(AUTHORIZATIONS, asked)
    assert sites(members["access_token"]).status_code == 200

    looker.user_permissions.add(Permission.objects.get(codename="end_authorization"))
    client.post(AUTHORIZATIONS, asked)
    assert sites(members["access_token"]).status_code == 401


def test_an_application_is_deleted_with_all_that_it_has(
    operator: Client, alice: User, first_party: Any
) -> None:
    token = sign_in().json()["access_token"]
    delete = f"{LIST}{first_party.pk}/delete/"
    looker = get_user_model().objects.create_user("looker", is_staff=True)
    client = Client()
    client.force_login(looker)

    assert client.post(delete, {"post": "yes"}).status_code == 403
    assert sites(token).status_code == 200

    assert operator.post(delete, {"post": "yes"}).status_code == 302
    assert sites(token).status_code == 401
    assert Authorization.objects.count() == 0


# The page of a person's own.


def test_a_person_sees_and_ends_what_they_let_in(browser: Client, third_party: Any, bob: User) -> None:
    members = redeem(code_of(browser, "third-party")).json()
    page = browser.get("/oauth2/applications").content.decode()
    assert "Third-Party" in page
    assert "Read site information" in page
    end = f"/oauth2/applications/{Authorization.objects.get().pk}/end"
    stranger = Client()
    stranger.force_login(bob)

    assert stranger.post(end).status_code == 404
    assert browser.get(end).status_code == 405
    assert sites(members["access_token"]).status_code == 200

    response = browser.post(end, follow=True)
    assert "You have let no application in." in response.content.decode()
    assert sites(members["access_token"]).status_code == 401
    assert Authorization.objects.get().ended_reason == "The user revoked it."


def test_the_page_is_for_people_who_are_signed_in(client: Client, alice: User, first_party: Any) -> None:
    token = sign_in().json()["access_token"]

    assert client.get("/oauth2/applications").status_code == 302
    answer = client.get("/oauth2/applications", HTTP_AUTHORIZATION=f"Bearer {token}")
    assert answer.status_code == 302


def test_the_page_stands_where_the_pages_of_tokens_do_not(
    browser: Client, third_party: Any, settings: Any
) -> None:
    tokens = reverse("tokenauth:token-list")
    assert f'href="{tokens}"' in browser.get("/oauth2/applications").content.decode()

    settings.ROOT_URLCONF = "tests.oauth.urls_alone"

    page = browser.get("/oauth2/applications")
    assert page.status_code == 200
    assert f'href="{tokens}"' not in page.content.decode()


def test_what_ended_or_lapsed_long_ago_is_pruned(alice: User, first_party: Any) -> None:
    start = timezone.now()

    def left(days: int) -> int:
        with time_machine.travel(start + timedelta(days=days), tick=False):
            output = StringIO()
            call_command("pruneauthorizations", stdout=output)
            assert output.getvalue().startswith("Deleted ")
        return Authorization.objects.count()

    with time_machine.travel(start, tick=False):
        sign_in()
        ended, used = sign_in().json(), sign_in().json()
        refresh(ended["refresh_token"])
        refresh(ended["refresh_token"])
    with time_machine.travel(start + timedelta(days=13), tick=False):
        assert refresh(used["refresh_token"]).status_code == 200

    assert [left(29), left(31), left(45), left(56), left(58)] == [3, 2, 1, 1, 0]


@pytest.mark.parametrize(("url", "action"), [(SERVICE_TOKENS, "revoke"), (AUTHORIZATIONS, "end")])
def test_what_is_no_id(url: str, action: str, operator: Client) -> None:
    response = operator.post(url, {"action": f"{action}_selected", "_selected_action": "x"}, follow=True)
    assert [str(message) for message in response.context["messages"]] == ["This is no id."]

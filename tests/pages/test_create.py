from __future__ import annotations

import html
import re
from datetime import timedelta
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.http import HttpResponse
from django.urls import clear_url_caches, include, path

from tests.pages.conftest import (
    CREATE,
    LIST,
    TOKEN,
    errors_of,
    filled,
    key_of,
    make,
    revoke_url,
    rotate_url,
    shown,
    text_of,
)
from tests.pages.test_list import NAMES
from tests.test_secrets import everything_stored, reports_of
from tests.test_secrets import shown as whole
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client
    from rest_framework.test import APIClient

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

SITES = "/inventory-service/sites"
NORTHWIND_AND_ANOTHER = "tests.test_sample_project.both"


def test_a_token_is_made_and_works(page: Client, person: User, api: APIClient) -> None:
    answer = make(page, name="  laptop ", scopes=["read:sites", "read:events"])
    assert "no-store" in answer["Cache-Control"]
    text = shown(answer)
    token = AccessToken.objects.verify(text)
    assert (token.user, token.created_by) == (person, person)
    assert (token.name, token.kind, token.environment) == ("laptop", "personal", "")
    assert token.scopes == ["read:sites", "read:events"]
    assert (token.organization, token.allowed_networks) == ("", [])
    said = text_of(answer)
    for words in ("it is not shown again", "Read site information", "Read event data"):
        assert words in said
    assert api.get(SITES, HTTP_AUTHORIZATION=f"Bearer {text}").status_code == 200
    assert token.hint in text_of(page.get(LIST))


@pytest.mark.parametrize(("kind", "prefix"), [("api_key:live", "ak_live_"), ("api_key:test", "ak_test_")])
def test_a_key_is_made_and_works(page: Client, kind: str, prefix: str, api: APIClient) -> None:
    answer = make(page, kind=kind)
    text = shown(answer)
    assert text.startswith(prefix)
    assert api.get(SITES, HTTP_X_API_KEY=text).status_code == 200
    assert f'curl -H "X-API-Key: {text}" http://testserver/' in html.unescape(text_of(answer))


def test_the_line_to_try_it_has_the_headers_of_the_settings(
    page: Client, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(AUTH_HEADER="X-Token", API_KEY_HEADER="X-Server-Key")
    for kind, header in (("personal", "X-Token: Bearer "), ("api_key:live", "X-Server-Key: ")):
        answer = make(page, kind=kind)
        assert f'curl -H "{header}{shown(answer)}" http' in html.unescape(text_of(answer))


@pytest.mark.parametrize(
    ("namespace", "asked"), [(None, "/"), ("", "/v1/tokens/current/"), ("api", "/v1/tokens/current/")]
)
def test_it_asks_the_management_api_where_there_is_one(
    page: Client, settings: Any, namespace: str | None, asked: str
) -> None:
    current = path("v1/tokens/current/", lambda request: HttpResponse(), name="token-current")
    mounted = {None: [], "": [current], "api": [path("", include(([current], "api")))]}
    urlconf = ModuleType("urlconf")
    urlconf.urlpatterns = [  # type: ignore[attr-defined]
        path("tokens/", include("tokenauth.pages.urls")),
        *mounted[namespace],
    ]
    settings.ROOT_URLCONF = urlconf
    clear_url_caches()
    assert f'" http://testserver{asked}<' in html.unescape(text_of(make(page)))


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_any_name_is_one(page: Client, name: str) -> None:
    answer = make(page, name=name)
    assert f"“<bdi>{html.escape(name)}</bdi>”".replace("&#x27;", "&#39;") in text_of(answer)
    assert "<script>alert" not in text_of(answer)
    assert AccessToken.objects.get().name == name


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        ({"name": ""}, ["Name: This field is required."]),
        ({"name": " \t "}, ["Name: This field is required."]),
        ({"name": "x" * 256}, ["Name: Ensure this value has at most 255 characters (it has 256)."]),
        ({"name": "a\nb"}, ["Name: A name has no control characters."]),
        ({"kind": None}, ["Kind: This field is required."]),
        (
            {"kind": "api_key"},
            ["Kind: Select a valid choice. api_key is not one of the available choices."],
        ),
        ({"scopes": None}, ["Scopes: Choose at least one scope: without any, it may do nothing."]),
        ({"expires": None}, ["Expires: This field is required."]),
        ({"expires": "date"}, ["Last day: Say on which date."]),
        ({"expires": "date", "expires_on": "2020-01-01"}, ["Last day: This day is over."]),
        ({"expires": "date", "expires_on": "soon"}, ["Last day: Enter a valid date."]),
        (
            {"expires": "30d", "expires_on": "2999-01-01"},
            ["Last day: You chose both a length and a date. Choose “On a date”, or clear the date."],
        ),
        (
            {"allowed_networks": "10.0.0.1/8"},
            ["Only from these addresses: '10.0.0.1/8' has host bits set; the network is 10.0.0.0/8."],
        ),
        (
            {"organization": "greenfleet"},
            ["Organization: Select a valid choice. greenfleet is not one of the available choices."],
        ),
        (
            {"idempotency_key": "junk"},
            ["This page was open for too long. Nothing was changed; look it over, and send it again."],
        ),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(
    page: Client, data: dict[str, Any], errors: list[str]
) -> None:
    answer = make(page, **data)
    assert errors_of(answer) == errors
    assert AccessToken.objects.count() == 0
    # It can be put right and sent again.
    put_right = {"kind": "personal", "scopes": ["*"], "expires": "30d", "name": "laptop"}
    assert shown(page.post(CREATE, {**put_right, "idempotency_key": key_of(answer)}))


def test_a_scope_that_is_none_is_refused(page: Client) -> None:
    (error,) = errors_of(make(page, scopes=["read:sites", "root"]))
    assert "“root” is not a registered scope." in error
    assert AccessToken.objects.count() == 0


def test_what_was_given_is_there_again(page: Client) -> None:
    given = {
        "name": "<laptop>",
        "kind": "api_key:test",
        "scopes": ["read:sites", "*"],
        "organization": "northwind",
        "expires": "date",
        "expires_on": "2020-01-01",
        "allowed_networks": "203.0.113.7\n2001:db8::/32",
    }
    said = text_of(make(page, **given))
    assert 'value="&lt;laptop&gt;"' in said
    checked = re.findall(r'<input type="(?:radio|checkbox)"[^>]* value="([^"]*)"[^>]* checked', said)
    assert checked == ["api_key:test", "read:sites", "*", "date"]
    assert '<option value="northwind" selected>' in said
    assert 'value="2020-01-01"' in said
    assert "203.0.113.7\n2001:db8::/32</textarea>" in said
    assert '<details class="tokenauth-details" open>' in said


def test_the_limits_are_out_of_the_way_until_they_are_wanted(page: Client) -> None:
    assert '<details class="tokenauth-details">' in text_of(page.get(CREATE))
    assert '<details class="tokenauth-details">' in text_of(make(page, name=""))
    for given in ("x", "10.0.0.0/8"):
        assert "open>" in text_of(make(page, name="", allowed_networks=given))


def test_scopes_are_grouped_and_explained(page: Client) -> None:
    said = text_of(page.get(CREATE))
    groups = re.findall(r"<legend>(\w+)</legend>\s*<label class=\"tokenauth-choice\"", said)
    assert groups == [
        "Kind",
        "Sites",
        "Assets",
        "Schedules",
        "Sessions",
        "Events",
        "Tokens",
        "Other",
        "Everything",
        "Expires",
    ]
    assert "Read site information" in said
    assert said.count("Gives everything else as well.") == 1
    # Nothing is ticked beforehand.
    assert not re.search(r'type="checkbox"[^>]* checked', said)


def test_what_a_scope_implies_is_said(page: Client, tokenauth_settings: Callable[..., None]) -> None:
    implying = {"description": "Write", "implies": ["read:x", "list:x"]}
    tokenauth_settings(SCOPES={"read:x": "Read", "list:x": "List", "write:x": implying})
    assert "Gives read:x, list:x as well." in text_of(page.get(CREATE))


def test_without_a_registry_scopes_are_typed(page: Client, tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(SCOPES={})
    assert 'type="checkbox"' not in text_of(page.get(CREATE))
    assert errors_of(make(page, scopes="")) == [
        "Scopes: Choose at least one scope: without any, it may do nothing."
    ]
    (error,) = errors_of(make(page, scopes='read:x "'))
    assert "not a well-formed scope" in error
    assert 'value="read:x &quot;"' in text_of(make(page, scopes='read:x "'))
    shown(make(page, scopes=" read:x\twrite:x  read:x"))
    assert AccessToken.objects.get().scopes == ["read:x", "write:x"]
    assert 'value="a b"' in text_of(page.get(CREATE, {"scopes": "a b"}))


def test_how_long_it_lives(page: Client, person: User) -> None:
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False):
        page.force_login(person)
        for given, expires in (
            ({"expires": "7d"}, "2030-01-08 12:00:00+00:00"),
            ({"expires": "365d"}, "2031-01-01 12:00:00+00:00"),
            ({"expires": "never"}, "None"),
            ({"expires": "date", "expires_on": "2030-01-01"}, "2030-01-01 23:59:59+00:00"),
            ({"expires": "date", "expires_on": "2040-02-29"}, "2040-02-29 23:59:59+00:00"),
        ):
            shown(make(page, **given))
            assert str(person.access_tokens.latest("pk").expires_at) == expires


def test_no_longer_than_is_allowed(
    page: Client, person: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(MAX_TOKEN_LIFETIME=timedelta(days=60))
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False):
        page.force_login(person)
        said = text_of(page.get(CREATE))
        assert re.findall(r'name="expires" value="(\w+)"', said) == ["7d", "30d", "60d", "date"]
        for given in ({"expires": "never"}, {"expires": "90d"}):
            (error,) = errors_of(make(page, **given))
            assert "Select a valid choice" in error
        (error,) = errors_of(make(page, expires="date", expires_on="2030-03-03"))
        assert "The expiry may be" in error
        assert AccessToken.objects.count() == 0
        shown(make(page, expires="60d"))
        shown(make(page, expires="date", expires_on="2030-03-02"))
    assert {str(token.expires_at) for token in AccessToken.objects.all()} == {"2030-03-02 12:00:00+00:00"}


def test_limits(page: Client, api: APIClient) -> None:
    text = shown(make(page, allowed_networks="203.0.113.7, 2001:db8::/32\n203.0.113.7"))
    assert AccessToken.objects.get().allowed_networks == ["203.0.113.7/32", "2001:db8::/32"]
    header = {"HTTP_AUTHORIZATION": f"Bearer {text}"}
    assert api.get(SITES, REMOTE_ADDR="203.0.113.7", **header).status_code == 200
    assert api.get(SITES, REMOTE_ADDR="203.0.113.8", **header).status_code == 403


def test_an_organization_is_one_of_ones_own(page: Client, person: User, settings: Any) -> None:
    settings.TOKENAUTH = {**settings.TOKENAUTH, "USER_ORGANIZATIONS": NORTHWIND_AND_ANOTHER}
    assert re.findall(r'<option value="(\w*)"', text_of(page.get(CREATE))) == ["", "greenfleet", "northwind"]
    shown(make(page, organization="greenfleet"))
    assert AccessToken.objects.get().organization == "greenfleet"
    (error,) = errors_of(make(page, organization="acme"))
    assert error.startswith("Organization: Select a valid choice.")
    assert AccessToken.objects.count() == 1


def test_who_has_no_organization_is_not_asked_for_one(page: Client, person: User) -> None:
    type(person).objects.update(organization="")
    assert "Organization" not in text_of(page.get(CREATE))
    shown(make(page, organization="northwind"))
    assert AccessToken.objects.get().organization == ""


def test_who_has_as_many_as_are_allowed_gets_no_other(
    page: Client, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(MAX_TOKENS_PER_USER=1)
    shown(make(page))
    (error,) = errors_of(make(page))
    assert error == "The user has 1 token, which is as many as a user may have."
    assert AccessToken.objects.count() == 1
    assert page.post(revoke_url(AccessToken.objects.get())).status_code == 302
    shown(make(page))


def test_a_form_makes_one_token_however_often_it_is_sent(page: Client) -> None:
    sent = filled(page)
    text = shown(page.post(CREATE, sent))
    token = AccessToken.objects.get()
    for data in (sent, {**sent, "name": "another", "scopes": ["*"]}):
        answer = page.post(CREATE, data)
        assert answer.status_code == 409
        said = text_of(answer)
        assert "This form was sent before, and made one token" in said
        assert token.hint in said
        assert f'href="{revoke_url(token)}"' in said
        assert text not in said
        assert not TOKEN.search(said)
    assert AccessToken.objects.get() == token
    # Nor once it has ended.
    token.revoke()
    assert page.post(CREATE, sent).status_code == 409
    assert AccessToken.objects.count() == 1


def test_a_form_of_yesterday_is_looked_over_and_sent_again(page: Client, person: User) -> None:
    # A key's own time is in whole seconds.
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        page.force_login(person)
        sent = filled(page)
        clock.shift(timedelta(hours=24))
        page.force_login(person)
        shown(page.post(CREATE, sent))
        sent = filled(page)
        clock.shift(timedelta(hours=24, seconds=1))
        page.force_login(person)
        answer = page.post(CREATE, sent)
        assert errors_of(answer) == [
            "This page was open for too long. Nothing was changed; look it over, and send it again."
        ]
        assert AccessToken.objects.count() == 1
        shown(page.post(CREATE, {**sent, "idempotency_key": key_of(answer)}))


def test_the_form_of_another_makes_nothing(page: Client, person: User, bob: User) -> None:
    hers = filled(page)
    page.force_login(bob)
    (error,) = errors_of(page.post(CREATE, hers))
    assert "open for too long" in error
    assert AccessToken.objects.count() == 0


def test_the_text_is_in_one_answer_and_nowhere_else(page: Client, person: User, api: APIClient) -> None:
    sent = filled(page, kind="api_key:live")
    made = page.post(CREATE, sent)
    texts = [shown(made)]
    # Nothing of it is in what the browser keeps.
    headers = f"{dict(made.items())}{made.cookies}{page.cookies}"
    (key,) = AccessToken.objects.all()
    rotated = page.post(rotate_url(key), {"overlap": "1h"})
    texts.append(shown(rotated))
    headers += f"{dict(rotated.items())}{rotated.cookies}{page.cookies}"
    successor = AccessToken.objects.latest("pk")
    seen = [
        whole(page.post(CREATE, sent)),
        whole(page.post(rotate_url(key), {"overlap": "1h"})),
        whole(page.get(LIST)),
        whole(page.get(CREATE)),
        *(whole(page.get(url(token))) for token in (key, successor) for url in (rotate_url, revoke_url)),
        *(whole(api.get(SITES, HTTP_X_API_KEY=text)) for text in texts),
        *(whole(page.post(revoke_url(token), follow=True)) for token in (key, successor)),
        whole(page.get(f"{LIST}?show=ended")),
    ]
    stored = everything_stored()
    for text in texts:
        secret = text[-32:-4]
        assert secret not in headers
        assert secret not in stored
        assert secret not in "".join(seen)
    assert key.hint in "".join(seen)


@pytest.mark.parametrize("page_name", ["create", "rotate"])
def test_a_page_that_fails_reports_neither_the_text_nor_the_password(
    page: Client, person: User, settings: Any, tmp_path: Path, page_name: str
) -> None:
    old = person.generate_access_token("old")
    sent = filled(page, password="correct horse")
    (engine,) = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "DIRS": [tmp_path]}]
    (tmp_path / "tokenauth").mkdir()
    broken = "{% widthratio token.raw_token 1 'nonsense' %}"
    (tmp_path / "tokenauth" / "token_created.html").write_text(broken)
    page.raise_request_exception = False
    url = CREATE if page_name == "create" else rotate_url(old)
    reports = reports_of(lambda: page.post(url, {**sent, "overlap": "1h"}))
    assert AccessToken.objects.count() == 2
    assert "must be a number" in reports[0]
    assert f"token_{page_name}" in reports[0]
    for report in reports:
        assert not re.search(r"pat_[0-9A-Za-z]{10}", report)
        assert "correct horse" not in report

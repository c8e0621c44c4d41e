from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.admin.conftest import LOGINS, TOKEN, TOKENS, listed, staff, text_of
from tests.conftest import bearer
from tokenauth.core import digests
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.test import APIClient

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

FIND = "admin:tokenauth_accesstoken_find"
OF_NO_TOKEN = "pat_00000000000000000000000000000042VsRc"
OLD, NEW = "o" * 32, "n" * 40


@pytest.fixture
def token(alice: User, bob: User) -> AccessToken:
    bob.generate_access_token("other")
    return alice.generate_access_token("laptop", ["read:sites"])


def find(client: Client, text: str, **options: Any) -> Any:
    return client.post(reverse(FIND), {"token": text}, **{"follow": True, **options})


def secret_of(text: str | None) -> str:
    """The part with neither the prefix nor what a hint shows."""
    assert text
    return text[-32:-4]


@pytest.mark.parametrize("around", ["{}", "  {}\n", "Bearer {}", "Authorization: Bearer {}", '"{}"'])
def test_a_pasted_token_is_found(root: Client, token: AccessToken, around: str) -> None:
    answer = find(root, around.format(token.raw_token), follow=False)
    assert (answer.status_code, answer["Location"]) == (302, f"{reverse(TOKENS)}?q={token.secret}")
    answer = root.get(answer["Location"])
    assert [row.pk for row in answer.context["cl"].result_list] == [token.pk]
    assert "This is the token with the text that you pasted." in text_of(answer)


def test_the_digest_is_in_the_search_box_and_in_addresses_alone(root: Client, token: AccessToken) -> None:
    html = text_of(find(root, token.raw_token or ""))
    assert f'name="q" value="{token.secret}"' in html
    shown = re.sub(r' (href|value)="[^"]*"', "", html)
    assert token.secret not in shown
    # It is not carried on to other pages: that of the token, for example.
    page = reverse(TOKEN, args=[token.pk])
    assert f'href="{page}"' in html
    assert token.secret not in text_of(root.get(page))


def test_a_digest_finds_by_the_whole_of_it(root: Client, token: AccessToken) -> None:
    assert listed(root, q=token.secret) == [token.pk]
    assert listed(root, q=token.secret[:-1]) == []
    assert listed(root, q="0" * 64) == []


def test_it_finds_what_is_stored_under_an_older_pepper(
    root: Client, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    bare = alice.generate_access_token("bare")
    tokenauth_settings(PEPPERS={1: OLD})
    old = alice.generate_access_token("old")
    tokenauth_settings(PEPPERS={1: OLD, 2: NEW})
    new = alice.generate_access_token("new")
    for token, scheme in ((bare, ""), (old, "1$"), (new, "2$")):
        assert token.secret.startswith(scheme)
        answer = find(root, token.raw_token or "", follow=False)
        (query,) = parse_qs(urlsplit(answer["Location"]).query)["q"]
        assert query == token.secret
        assert listed(root, q=query) == [token.pk]
    answer = find(root, OF_NO_TOKEN, follow=False)
    assert parse_qs(urlsplit(answer["Location"]).query)["q"] == [digests.newest(OF_NO_TOKEN)]


def test_of_no_token_it_says_so_and_leads_to_the_attempts(
    root: Client, token: AccessToken, api: APIClient
) -> None:
    api.get("/inventory-service/sites", **bearer(OF_NO_TOKEN))
    api.get("/inventory-service/sites", **bearer("junk"))
    answer = find(root, OF_NO_TOKEN)
    assert "No token has this text" in text_of(answer)
    assert answer.context["cl"].result_list == []
    (to_log,) = re.findall(r'href="([^"]*\?identifier=[^"]*)"', text_of(answer))
    rows = root.get(to_log).context["cl"].result_list
    assert [row.pk for row in rows] == [TokenLogin.objects.refused_with(OF_NO_TOKEN).get().pk]


@pytest.mark.parametrize("change", [lambda raw: raw[:-1], lambda raw: raw[:-1] + "!", lambda raw: "junk"])
def test_what_was_mistyped_is_said_to_be_and_is_not_searched_for(
    root: Client, token: AccessToken, change: Callable[[str], str]
) -> None:
    text = change(token.raw_token or "")
    with CaptureQueriesContext(connection) as captured:
        answer = find(root, text, follow=False)
    assert not any("secret" in query["sql"] for query in captured.captured_queries)
    assert answer["Location"] == reverse(TOKENS)
    html = text_of(root.get(answer["Location"]))
    assert "This is no whole token" in html
    # It may have been presented as it is.
    assert "?identifier=" in html
    assert text not in html.replace("/junk", "")


@pytest.mark.parametrize("text", ["", "   ", "\0", "\0" * 40, "pat_" + "\0" * 36, "🔑" * 40, "x" * 1_000_000])
def test_nothing_that_is_pasted_breaks_it(root: Client, token: AccessToken, text: str) -> None:
    answer = find(root, text)
    assert answer.status_code == 200
    assert len(answer.context["messages"]) == 1


def test_come_to_by_its_address_it_leads_to_the_list(root: Client, token: AccessToken) -> None:
    answer = root.get(reverse(FIND), {"token": token.raw_token})
    assert (answer.status_code, answer["Location"]) == (302, reverse(TOKENS))


def test_the_text_is_in_no_answer_cookie_session_or_history(root: Client, token: AccessToken) -> None:
    answer = find(root, token.raw_token or "", follow=False)
    shown = f"{answer.content.decode()}{dict(answer.items())}{answer.cookies}{dict(root.session)}"
    shown += text_of(root.get(answer["Location"]))
    assert secret_of(token.raw_token) not in shown
    assert token.hint in shown


def test_it_asks_for_the_permission_to_view(client: Client, token: AccessToken) -> None:
    other = staff(client, "view_tokenlogin", "revoke_accesstoken")
    assert find(other, token.raw_token or "", follow=False).status_code == 403
    viewer = staff(client, "view_accesstoken", username="viewer")
    answer = find(viewer, token.raw_token or "")
    assert [row.pk for row in answer.context["cl"].result_list] == [token.pk]
    # Of the log, who may not see it is told nothing.
    assert "identifier=" not in text_of(answer)
    client.logout()
    assert "/login/" in find(client, token.raw_token or "", follow=False)["Location"]


def test_it_is_guarded_against_forged_requests(root: Client, token: AccessToken) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = root.cookies
    assert find(strict, token.raw_token or "", follow=False).status_code == 403
    form = text_of(strict.get(reverse(TOKENS))).partition("tokenauth-find")[2].partition("</form>")[0]
    assert f'action="{reverse(FIND)}"' in form
    (csrf,) = re.findall(r'name="csrfmiddlewaretoken" value="([^"]*)"', form)
    data = {"token": token.raw_token, "csrfmiddlewaretoken": csrf}
    assert strict.post(reverse(FIND), data).status_code == 302


def test_no_browser_keeps_what_is_pasted(root: Client, token: AccessToken) -> None:
    form = text_of(root.get(reverse(TOKENS))).partition("tokenauth-find")[2].partition("</form>")[0]
    (field,) = re.findall(r'<input type="text"[^>]*>', form)
    assert 'autocomplete="off"' in field
    assert 'spellcheck="false"' in field
    assert f'for="{re.findall("id=.([a-z_]+).", field)[0]}"' in form


@pytest.mark.parametrize("page", [TOKENS, LOGINS])
@pytest.mark.parametrize("parameter", ["q", "organization", "ip_address", "identifier"])
@pytest.mark.parametrize("around", ["{}", " Bearer {}", "x={}"])
def test_a_token_in_an_address_is_led_away_from_at_once(
    root: Client, token: AccessToken, page: str, parameter: str, around: str
) -> None:
    pasted = {parameter: around.format(token.raw_token), "p": "1"}
    with CaptureQueriesContext(connection) as captured:
        answer = root.get(reverse(page), pasted)
    assert not any("tokenauth_" in query["sql"] for query in captured.captured_queries)
    assert (answer.status_code, answer["Location"]) == (302, f"{reverse(page)}?p=1")
    shown = f"{answer.content.decode()}{dict(answer.items())}{answer.cookies}"
    followed = text_of(root.get(answer["Location"]))
    assert "Find a pasted token" in followed.partition("messagelist")[2].partition("</ul>")[0]
    assert secret_of(token.raw_token) not in shown + followed


def test_so_is_one_that_was_posted_beside_an_action(root: Client, token: AccessToken) -> None:
    data = {"action": "revoke_selected", "_selected_action": token.pk, "post": "yes", "select_across": "1"}
    answer = root.post(f"{reverse(TOKENS)}?q={token.raw_token}", data)
    assert answer["Location"] == reverse(TOKENS)
    assert AccessToken.objects.usable().count() == 2


@pytest.mark.parametrize("page", [TOKENS, LOGINS])
@pytest.mark.parametrize("parameter", ["q", "organization", "ip_address", "kind__exact", "reason__exact"])
def test_what_no_database_takes_is_not_searched_for(root: Client, page: str, parameter: str) -> None:
    answer = root.get(reverse(page), {parameter: "a\0b"})
    assert (answer.status_code, answer["Location"]) == (302, reverse(page))
    assert "Null characters cannot be searched for." in text_of(root.get(answer["Location"]))


def test_a_digest_is_guessed_through_neither_list(root: Client, token: AccessToken) -> None:
    for page, lookup in (
        (TOKENS, "secret"),
        (TOKENS, "secret__startswith"),
        (TOKENS, "rotated_from__secret__startswith"),
        (LOGINS, "token__secret"),
        (LOGINS, "token__secret__startswith"),
    ):
        assert root.get(reverse(page), {lookup: token.secret[:1]}).status_code == 400

"""``/oauth2/authorize``: who is asked, what is asked, and where the answer is sent."""

from __future__ import annotations

import hashlib
import html
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import django
import pytest
import time_machine
from django.test import Client
from oauth2_provider.models import get_grant_model

from tests.oauth.requests import (
    CALLBACK,
    CHALLENGE,
    PKCE,
    SECRET,
    answer_of,
    authorize_url,
    code_of,
    make_application,
    redeem,
)
from tokenauth.oauth.models import ApplicationPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

ISSUER = "http://testserver"


def test_a_person_is_asked_in_words(browser: Client, third_party: Any) -> None:
    response = browser.get(authorize_url("third-party", scope="read:sites read:assets"))

    page = response.content.decode()
    assert response.status_code == 200
    assert "Third-Party" in page
    assert "Read site information" in page
    assert "Read asset information" in page
    assert "yourapp.example" in page
    assert "alice" in page
    assert response["X-Frame-Options"] == "DENY"
    assert "no-store" in response["Cache-Control"]
    assert "<script" not in page
    assert "style=" not in page


def test_no_page_is_framed_whatever_the_project_has(browser: Client, third_party: Any, settings: Any) -> None:
    frames = "django.middleware.clickjacking.XFrameOptionsMiddleware"
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != frames]

    for url in (authorize_url("third-party"), authorize_url("nobody"), "/oauth2/applications"):
        assert browser.get(url)["X-Frame-Options"] == "DENY"


def test_who_names_no_scope_asks_for_all_that_the_policy_allows(browser: Client, third_party: Any) -> None:
    page = browser.get(authorize_url("third-party", scope="")).content.decode()

    assert "Read site information" in page
    assert "Read asset information" in page
    assert "Create and modify" not in page
    members = redeem(code_of(browser, "third-party", scope="")).json()
    assert members["scope"] == "read:sites read:assets"

    ApplicationPolicy.objects.update(scopes=[])
    assert answer_of(browser.get(authorize_url("third-party", scope="")))["error"] == "invalid_scope"


def test_nothing_is_let_in_that_was_not_on_the_page(browser: Client, third_party: Any) -> None:
    page = browser.get(authorize_url("third-party", scope="")).content.decode()
    action = re.search(r'<form method="post" action="([^"]+)"', page)
    assert action is not None
    ApplicationPolicy.objects.update(scopes=["read:sites", "read:assets", "admin"])

    answer = browser.post(html.unescape(action[1]), {"answer": "allow"})

    assert redeem(answer_of(answer)["code"]).json()["scope"] == "read:sites read:assets"


def test_the_name_of_an_application_is_no_markup(browser: Client, third_party: Any) -> None:
    third_party.name = "<b>Bank</b>"
    third_party.save()

    page = browser.get(authorize_url("third-party")).content.decode()

    assert "<b>Bank</b>" not in page
    assert "&lt;b&gt;Bank&lt;/b&gt;" in page


def test_whoever_is_not_signed_in_signs_in_first(client: Client, third_party: Any) -> None:
    response = client.get(authorize_url("third-party"))

    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/?next=/oauth2/authorize")
    assert client.post(authorize_url("third-party"), {"answer": "allow"}).status_code == 302
    assert get_grant_model().objects.count() == 0


def test_yes_gives_a_code_and_says_who_gave_it(browser: Client, third_party: Any) -> None:
    response = browser.post(authorize_url("third-party"), {"answer": "allow"})

    assert response.status_code == 302
    assert response["Location"].startswith(f"{CALLBACK}?")
    answer = answer_of(response)
    assert answer.keys() == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == ("a-state", ISSUER)
    assert response["Referrer-Policy"] == "no-referrer"
    grant = get_grant_model().objects.get()
    assert re.fullmatch("[0-9a-f]{64}", grant.code)
    assert grant.code != hashlib.sha256(answer["code"].encode()).hexdigest()


@pytest.mark.parametrize("answer", ["deny", "", "Allow"])
def test_anything_else_is_no(answer: str, browser: Client, third_party: Any) -> None:
    response = browser.post(authorize_url("third-party"), {"answer": answer})

    assert answer_of(response)["error"] == "access_denied"
    assert answer_of(response)["iss"] == ISSUER
    assert answer_of(response)["state"] == "a-state"
    assert get_grant_model().objects.count() == 0


def test_the_answer_needs_the_token_of_the_page(alice: User, third_party: Any) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)

    assert browser.post(authorize_url("third-party"), {"answer": "allow"}).status_code == 403


@pytest.mark.parametrize(
    "parameters",
    [
        {"approval_prompt": "auto"},
        {"prompt": "none"},
        {"skip_authorization": "1"},
    ],
    ids=lambda parameters: next(iter(parameters)),
)
def test_nobody_is_passed_over(parameters: dict[str, str], browser: Client, first_party: Any) -> None:
    """Not even where the application has a live token of the person's."""
    first_party.skip_authorization = True
    first_party.save()
    redeem(code_of(browser, "first-party", **PKCE), "first-party", None, code_verifier="x" * 43)

    response = browser.get(authorize_url("first-party", **PKCE, **parameters))

    assert response.status_code == 200
    assert "Let it in" in response.content.decode()


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"scope": "admin"}, "invalid_scope"),
        ({"scope": "read:sites admin"}, "invalid_scope"),
        ({"scope": "*"}, "invalid_scope"),
        ({"response_type": "token"}, "unauthorized_client"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_type": "nonsense"}, "unsupported_response_type"),
        ({"code_challenge": "x"}, "invalid_request"),
        ({"code_challenge": CHALLENGE}, "invalid_request"),
        ({"code_challenge": CHALLENGE, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "x", "code_challenge_method": "S256"}, "invalid_request"),
        ({"resource": "https://evil.example"}, "invalid_target"),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_wrong_request_goes_back_with_its_error(
    method: str, parameters: dict[str, str], error: str, browser: Client, third_party: Any
) -> None:
    response = getattr(browser, method)(authorize_url("third-party", **parameters))

    assert response.status_code == 302
    answer = answer_of(response)
    assert (answer["error"], answer["iss"], answer["state"]) == (error, ISSUER, "a-state")
    assert get_grant_model().objects.count() == 0


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://yourapp.example/callback/",
        "https://yourapp.example/callback?next=/evil",
        "https://yourapp.example/callback#",
        "https://yourapp.example/Callback",
        "https://YOURAPP.example/callback",
        "https://yourapp.example:443/callback",
        "https://yourapp.example@evil.example/callback",
        "https://yourapp.example.evil.example/callback",
        "https://yourapp.example/callback/../callback",
        "https://yourapp.example/%63allback",
        "http://yourapp.example/callback",
        "https://evil.example/",
        "javascript:alert(1)",
        "/callback",
    ],
)
def test_an_address_that_almost_matches_is_no_address(
    redirect_uri: str, browser: Client, third_party: Any
) -> None:
    response = browser.get(authorize_url("third-party", redirect_uri=redirect_uri))

    assert response.status_code == 400
    assert "Location" not in response
    assert browser.post(response.wsgi_request.get_full_path(), {"answer": "allow"}).status_code == 400


def test_the_port_of_a_loopback_address_is_free(browser: Client) -> None:
    make_application(
        "native",
        grants=["authorization_code"],
        scopes=["read:sites"],
        client_type="public",
        redirect_uris="http://127.0.0.1/cb http://[::1]:80/cb",
    )

    def status(redirect_uri: str) -> int:
        return browser.get(authorize_url("native", redirect_uri=redirect_uri, **PKCE)).status_code

    assert status("http://127.0.0.1:51234/cb") == status("http://[::1]:51234/cb") == 200
    assert status("http://127.0.0.1:51234/other") == 400
    assert status("http://localhost:51234/cb") == 400
    assert status("https://127.0.0.1:51234/cb") == 400
    assert status("http://x@127.0.0.1:51234/cb") == 400
    assert status("http://127.0.0.1:junk/cb") == 400


@pytest.mark.parametrize("redirect_uri", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd"])
def test_nobody_is_sent_to_a_script_whatever_is_registered(redirect_uri: str, browser: Client) -> None:
    make_application(
        "script",
        grants=["authorization_code"],
        scopes=["read:sites"],
        redirect_uris=redirect_uri,
        secret=SECRET,
    )

    for url in (authorize_url("script", redirect_uri=redirect_uri), authorize_url("script", redirect_uri="")):
        response = browser.get(url)
        assert response.status_code == 400
        assert "not allowed" in response.content.decode()
        assert browser.post(url, {"answer": "allow"}).status_code == 400


def test_an_apps_own_scheme(browser: Client) -> None:
    own = "com.example.app:/callback"
    make_application(
        "own", grants=["authorization_code"], scopes=["read:sites"], redirect_uris=own, client_type="public"
    )

    answer = browser.post(authorize_url("own", redirect_uri=own, **PKCE), {"answer": "allow"})
    assert answer["Location"].startswith(f"{own}?code=")


@pytest.mark.parametrize("client_id", ["nobody", "", "a\x00b", "x" * 300])
def test_an_unknown_application(client_id: str, browser: Client, third_party: Any) -> None:
    response = browser.get(authorize_url(client_id))

    assert response.status_code == 400
    assert "not known here" in response.content.decode()


def test_a_disabled_application(browser: Client, third_party: Any) -> None:
    ApplicationPolicy.objects.update(disabled_at="2026-01-01T00:00Z")

    assert browser.get(authorize_url("third-party")).status_code == 400


def test_an_application_without_the_grant(browser: Client, third_party: Any) -> None:
    ApplicationPolicy.objects.update(grants=["client_credentials"])

    assert answer_of(browser.get(authorize_url("third-party")))["error"] == "unauthorized_client"


def test_a_parameter_that_is_there_twice(browser: Client, third_party: Any) -> None:
    assert browser.get(authorize_url("third-party") + "&client_id=third-party").status_code == 400


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_application_of_another_organization(method: str, browser: Client, third_party: Any) -> None:
    ApplicationPolicy.objects.update(organization="greenfleet")

    response = getattr(browser, method)(authorize_url("third-party"))

    assert answer_of(response)["error"] == "access_denied"
    assert answer_of(response)["state"] == "a-state"
    assert answer_of(response)["error_description"].startswith("The user is not of")


def test_public_applications_always_need_pkce(
    browser: Client, first_party: Any, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(OAUTH_PKCE_REQUIRED=False)

    assert answer_of(browser.get(authorize_url("first-party")))["error"] == "invalid_request"
    assert browser.get(authorize_url("first-party", **PKCE)).status_code == 200


def test_confidential_ones_need_it_unless_the_setting_is_off(
    browser: Client, third_party: Any, tokenauth_settings: Callable[..., None]
) -> None:
    assert browser.get(authorize_url("third-party")).status_code == 200

    tokenauth_settings(OAUTH_PKCE_REQUIRED=True)
    assert answer_of(browser.get(authorize_url("third-party")))["error"] == "invalid_request"
    assert browser.get(authorize_url("third-party", **PKCE)).status_code == 200


def test_who_names_no_address_has_the_registered_one(browser: Client, third_party: Any) -> None:
    assert browser.get(authorize_url("third-party", redirect_uri="")).status_code == 200
    answer = browser.post(authorize_url("third-party", redirect_uri=""), {"answer": "allow"})
    assert answer["Location"].startswith(f"{CALLBACK}?code=")


@pytest.mark.parametrize(
    "query", ["x&y=%20", "state=own", "a=1&&a=2&", "a=b=c&d=%2F/:@", "code=own&error=own", ""], ids=repr
)
@pytest.mark.parametrize(
    ("answer", "parameters", "first"),
    [
        ("allow", {}, "code="),
        ("deny", {}, "error=access_denied"),
        ("allow", {"scope": "admin"}, "error=invalid_scope"),
    ],
)
def test_the_query_that_was_registered_stays_as_it_is(
    query: str, answer: str, parameters: dict[str, str], first: str, browser: Client
) -> None:
    callback = f"{CALLBACK}?{query}"
    make_application(
        "query", grants=["authorization_code"], scopes=["read:sites"], secret=SECRET, redirect_uris=callback
    )

    url = authorize_url("query", redirect_uri=callback, **parameters)
    location = browser.post(url, {"answer": answer})["Location"]

    registered = callback.rstrip("&") + ("&" if query else "")
    assert location.startswith(f"{registered}{first}")
    added = parse_qs(location.removeprefix(registered))
    assert (added["state"], added["iss"]) == (["a-state"], [ISSUER])


def test_an_issuer_in_the_address_to_go_back_to_is_not_believed(browser: Client) -> None:
    callback = f"{CALLBACK}?iss=https://evil.example&tenant=a%20b"
    make_application(
        "tenant", grants=["authorization_code"], scopes=["read:sites"], secret=SECRET, redirect_uris=callback
    )

    response = browser.post(authorize_url("tenant", redirect_uri=callback), {"answer": "allow"})

    answer = answer_of(response)
    assert (answer["iss"], answer["tenant"]) == (ISSUER, "a b")
    assert urlsplit(response["Location"]).query.count("iss=") == 1


@pytest.mark.parametrize(
    ("redirect_uri", "words"),
    [
        ("http://127.0.0.1:51234/cb", "a program on this device (<bdi>127.0.0.1</bdi>)"),
        ("http://localhost/cb", "a program on this device (<bdi>localhost</bdi>)"),
        ("com.example.app:/cb", "a program on this device (<bdi>com.example.app:</bdi>)"),
        ("https://localhost.example/cb", "you go on to <strong><bdi>localhost.example</bdi></strong>"),
        ("https://yourapp.example/cb", "you go on to <strong><bdi>yourapp.example</bdi></strong>"),
    ],
)
def test_where_a_person_goes_on_to(redirect_uri: str, words: str, browser: Client) -> None:
    make_application(
        "app",
        grants=["authorization_code"],
        scopes=["read:sites"],
        client_type="public",
        redirect_uris=redirect_uri.replace(":51234", ""),
    )

    assert words in browser.get(authorize_url("app", redirect_uri=redirect_uri, **PKCE)).content.decode()


def test_who_is_somebody_else_signs_in_first(browser: Client, third_party: Any) -> None:
    url = authorize_url("third-party")
    response = browser.post(url, {"answer": "sign_in_again"})

    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/?next=/oauth2/authorize")
    assert "_auth_user_id" not in browser.session
    assert get_grant_model().objects.count() == 0


@pytest.mark.skipif(django.VERSION < (6, 0), reason="Django has no policy of its own before 6.0.")
@pytest.mark.parametrize(
    ("setting", "header"),
    [
        ("SECURE_CSP", "Content-Security-Policy"),
        ("SECURE_CSP_REPORT_ONLY", "Content-Security-Policy-Report-Only"),
    ],
)
def test_the_policy_lets_a_person_go_on(
    setting: str, header: str, browser: Client, third_party: Any, settings: Any
) -> None:
    """A browser holds ``form-action`` against the redirects that follow a form."""
    settings.MIDDLEWARE = ["django.middleware.csp.ContentSecurityPolicyMiddleware", *settings.MIDDLEWARE]
    setattr(settings, setting, {"default-src": ["'self'"], "form-action": ["'self'"]})

    assert browser.get(authorize_url("third-party"))[header] == "default-src 'self'"
    assert "form-action 'self'" in browser.get("/oauth2/applications")[header]

    setattr(settings, setting, {"form-action": ["'self'"]})
    assert header not in browser.get(authorize_url("third-party"))


def test_a_session_that_is_old_lets_nobody_in(alice: User, client: Client, third_party: Any) -> None:
    url = authorize_url("third-party")
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        for ask in (lambda: client.get(url), lambda: client.post(url, {"answer": "allow"})):
            client.force_login(alice)
            clock.shift(timedelta(hours=1, seconds=1))
            answer = ask()
            # Signs in again, and comes back to what was asked.
            assert answer.status_code == 302
            assert answer["Location"].startswith("/accounts/login/?next=/oauth2/authorize")
            assert "_auth_user_id" not in client.session
        client.force_login(alice)
        clock.shift(timedelta(hours=1))
        assert "code=" in client.post(url, {"answer": "allow"})["Location"]

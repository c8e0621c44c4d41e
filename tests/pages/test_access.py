"""Who gets in, and what each page says to the browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import clear_url_caches, include, path
from django.utils import translation

from tests.conftest import bearer
from tests.pages.conftest import CREATE, LIST, make, revoke_url, rotate_url, text_of
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def token(person: User) -> AccessToken:
    return person.generate_access_token("laptop", ["*"])


@pytest.fixture
def pages(token: AccessToken) -> list[str]:
    return [LIST, f"{LIST}?show=ended", CREATE, rotate_url(token), revoke_url(token)]


def test_nobody_gets_in_who_is_not_signed_in(page: Client, token: AccessToken, pages: list[str]) -> None:
    for url in pages:
        assert page.get(url).status_code == 200
        answer = Client().get(url)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/?next=/tokens/")
        assert "no-store" in answer["Cache-Control"]
    for url in (CREATE, rotate_url(token), revoke_url(token)):
        assert Client().post(url, {"overlap": "0"}).status_code == 302
    assert AccessToken.objects.get().rotated_at is None
    assert AccessToken.objects.get().revoked_at is None


@pytest.mark.parametrize("beside_a_session", [False, True])
def test_a_token_gets_nobody_in(
    page: Client, token: AccessToken, pages: list[str], beside_a_session: bool
) -> None:
    client = page if beside_a_session else Client()
    key = token.user.generate_access_token("key", ["*"], kind="api_key", environment="live")
    for header in (bearer(token), {"HTTP_X_API_KEY": key.raw_token}, bearer("junk")):
        for url in pages:
            assert client.get(url, **header).status_code == 302
        for url in (CREATE, rotate_url(token), revoke_url(token)):
            assert client.post(url, {"overlap": "0"}, **header).status_code == 302
    assert AccessToken.objects.count() == AccessToken.objects.usable().count() == 2


def test_who_is_inactive_does_not_get_in(page: Client, person: User) -> None:
    assert page.get(LIST).status_code == 200
    type(person).objects.update(is_active=False)
    assert page.get(LIST).status_code == 302


def test_every_change_asks_for_the_token_against_forgery(person: User, token: AccessToken) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    for url in (CREATE, rotate_url(token), revoke_url(token)):
        assert client.post(url, {"overlap": "0"}).status_code == 403
    assert AccessToken.objects.get().revoked_at is None
    page = text_of(client.get(revoke_url(token)))
    against = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[-1]
    assert client.post(revoke_url(token), {"csrfmiddlewaretoken": against}).status_code == 302
    assert AccessToken.objects.get().revoked_at is not None


def test_it_asks_for_it_without_the_middleware(person: User, token: AccessToken, settings: Any) -> None:
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if "Csrf" not in one and "XFrame" not in one]
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    assert client.post(revoke_url(token)).status_code == 403
    assert client.get(LIST)["X-Frame-Options"] == "DENY"


def test_looking_changes_nothing(page: Client, pages: list[str]) -> None:
    before = list(AccessToken.objects.values())
    for url in pages:
        for method in (page.get, page.head):
            answer = method(url)
            assert answer.status_code == 200
            assert "no-store" in answer["Cache-Control"]
            assert answer["X-Frame-Options"] == "DENY"
        assert page.head(url).content == b""
        for method in (page.put, page.patch, page.delete):
            assert method(url).status_code == 405
    assert page.post(LIST).status_code == 405
    assert list(AccessToken.objects.values()) == before


@pytest.mark.parametrize(
    "pk",
    [
        "0",
        "-1",
        "nonsense",
        "1.5",
        "9" * 40,
        "9" * 5000,
        "%00",
        "٣٤x",
        "None",
        "00000000-0000-0000-0000-000000000000",
    ],
)
def test_what_is_no_id_is_not_found(page: Client, pk: str) -> None:
    for act in ("rotate", "revoke"):
        assert page.get(f"{LIST}{pk}/{act}/").status_code == 404
        assert page.post(f"{LIST}{pk}/{act}/").status_code == 404


def test_somebody_elses_is_not_found(page: Client, bob: User, person: User) -> None:
    his, hers = (user.generate_access_token("laptop") for user in (bob, person))
    person.is_superuser = person.is_staff = True
    person.save()
    for url in (rotate_url, revoke_url):
        assert page.get(url(hers)).status_code == 200
        for ask in (page.get, page.post):
            answer = ask(url(his), {"overlap": "0"})
            assert answer.status_code == 404
            assert his.hint not in text_of(answer)
    his.refresh_from_db()
    assert (his.status, his.rotated_at) == ("active", None)
    assert his.hint not in text_of(page.get(LIST))


class Reader(HTMLParser):
    """What a browser and a screen reader find in a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.ids = [attributes["id"] for _, attributes in self.tags if "id" in attributes]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in tags]


@pytest.fixture
def answers(page: Client, token: AccessToken, pages: list[str], person: User) -> list[Any]:
    """Each page, whole and with errors."""
    rotated = person.generate_access_token("rotated", ["read:sites"])
    rotated.rotate()
    spent = {"name": "once", "kind": "personal", "scopes": "*", "expires": "never"}
    return [
        page.get("/accounts/login/"),
        *(page.get(url) for url in pages),
        made := make(page, **spent),
        page.post(CREATE, made.wsgi_request.POST),
        make(page, name="", scopes=[], expires="date", allowed_networks="x"),
        page.post(rotate_url(token), {"overlap": "soon"}),
        page.get(rotate_url(rotated)),
        page.get(revoke_url(rotated)),
        page.post(rotate_url(token), {"overlap": "1h"}),
        page.post(revoke_url(rotated), follow=True),
    ]


def test_no_page_has_a_script_or_a_style_within(answers: list[Any]) -> None:
    for answer in answers:
        html = text_of(answer)
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", html)
        sources = re.findall(r'<(?:script|link|img)[^>]* (?:src|href)="([^"]+)"', html)
        assert sources
        assert all(source.startswith("/static/tokenauth/") for source in sources)


def test_every_page_can_be_read_aloud(answers: list[Any]) -> None:
    for answer in answers:
        found = Reader(text_of(answer))
        assert len(found.all("h1")) == len(found.all("main")) == len(found.all("title")) == 1
        assert len(found.ids) == len(set(found.ids))
        assert found.all("html")[0].items() >= {("lang", "en"), ("dir", "ltr")}
        assert {"href": "#content", "class": "tokenauth-skip"} in found.all("a")
        labels = {attributes.get("for") for attributes in found.all("label")}
        for control in found.all("input", "select", "textarea"):
            assert control.get("type") == "hidden" or control["id"] in labels
        for _, attributes in found.tags:
            for name in ("aria-describedby", "aria-labelledby", "for"):
                assert set((attributes.get(name) or "").split()) <= set(found.ids)
            if (attributes.get("href") or "").startswith("#"):
                assert (attributes["href"] or "")[1:] in found.ids


def test_a_page_says_in_its_title_and_at_its_top_that_something_is_wrong(answers: list[Any]) -> None:
    wrong = [answer for answer in answers if "<title>Error: " in text_of(answer)]
    assert len(wrong) == 4
    for answer in answers:
        assert ('role="alert"' in text_of(answer)) == (answer in wrong)


def test_the_language_is_that_of_the_reader(page: Client, settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    with translation.override(None):
        html = text_of(page.get(LIST, HTTP_ACCEPT_LANGUAGE="ar"))
    assert '<html lang="ar" dir="rtl">' in html


def test_it_is_mounted_a_second_time(page: Client, person: User, settings: Any) -> None:
    token = person.generate_access_token("laptop")
    urlconf = ModuleType("urlconf")
    urlconf.urlpatterns = [  # type: ignore[attr-defined]
        path("", include("testproject.urls")),
        path("other/", include("tokenauth.pages.urls", namespace="other")),
    ]
    settings.ROOT_URLCONF = urlconf
    clear_url_caches()
    assert f'href="/other/{token.pk}/revoke/"' in text_of(page.get("/other/"))
    assert page.post(f"/other/{token.pk}/revoke/")["Location"] == "/other/"


def test_it_needs_no_context_processor(page: Client, settings: Any, pages: list[str]) -> None:
    (engine,) = settings.TEMPLATES
    settings.TEMPLATES = [{"BACKEND": engine["BACKEND"], "APP_DIRS": True}]
    settings.INSTALLED_APPS = [one for one in settings.INSTALLED_APPS if one != "django.contrib.messages"]
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if "messages" not in one]
    for url in pages:
        assert page.get(url).status_code == 200
    assert page.post(pages[-1]).status_code == 302

"""The door of plain Django: what a credential opens, and what it never does."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.conf import settings as django_settings
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.test import AsyncClient, Client, RequestFactory
from django.utils.decorators import sync_and_async_middleware
from django.views import View
from django.views.generic import TemplateView
from rest_framework.decorators import api_view
from rest_framework.views import APIView

from tests.conftest import bearer
from tests.plain_urls import MARKED, UNMARKED, Sites, sites
from tokenauth.core.callers import marked_scopes
from tokenauth.decorators import scopes_required
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from testproject.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.plain_urls")]

AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
OURS = "tokenauth.middleware.AccessTokenMiddleware"


def reason(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["reason"]


def middleware(*moved: str) -> list[str]:
    """The sample project's middleware, with ``moved`` at the end."""
    return [*(path for path in django_settings.MIDDLEWARE if path not in moved), *moved]


@pytest.fixture
def staff(alice: User) -> User:
    alice.is_staff = alice.is_superuser = True
    alice.save()
    return alice


@pytest.fixture
def asked(client: Client) -> Callable[..., HttpResponse]:
    """The answer to a request, of a synchronous or an asynchronous client."""

    def ask(path: str, method: str = "get", **headers: str) -> Any:
        if "async" not in path:
            return getattr(client, method)(f"/{path}", **headers)
        asynchronous = AsyncClient()
        asynchronous.cookies = client.cookies
        names = {name.removeprefix("HTTP_").replace("_", "-"): value for name, value in headers.items()}

        async def run() -> Any:
            return await getattr(asynchronous, method)(f"/{path}", headers=names)

        return async_to_sync(run)()

    return ask


@pytest.mark.parametrize("path", MARKED)
def test_a_marked_view_opens_to_a_token_with_its_scopes(
    asked: Callable[..., Any], alice: User, path: str
) -> None:
    token = alice.generate_access_token("t", ["read:sites"])
    answer = asked(path, **bearer(token))
    assert answer.json() == {"user": "alice", "token": token.pk, "same": True}
    assert "Authorization" in answer["Vary"]
    assert AccessToken.objects.get().last_used_at is not None


@pytest.mark.parametrize("path", MARKED)
def test_it_refuses_a_token_without_them(asked: Callable[..., Any], alice: User, path: str) -> None:
    answer = asked(path, **bearer(alice.generate_access_token("t", ["read:events"])))
    assert reason(answer) == (403, "insufficient_scope")
    assert answer["WWW-Authenticate"].endswith('error="insufficient_scope", error_description="'
        'The credential lacks a scope that this request needs.", scope="read:sites"')  # fmt: skip
    assert answer["Cache-Control"] == "no-store"
    row = TokenLogin.objects.get()
    assert (row.reason, row.user, row.success) == ("insufficient_scope", alice, False)


@pytest.mark.parametrize("path", [path for path in MARKED if not path.startswith("login-required")])
def test_it_refuses_what_is_no_credential_and_who_is_nobody(
    asked: Callable[..., Any], alice: User, path: str
) -> None:
    answer = asked(path)
    assert reason(answer) == (401, "missing")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
    answer = asked(path, **bearer("pat_junk"))
    assert reason(answer) == (401, "malformed")
    assert 'error="invalid_token"' in answer["WWW-Authenticate"]
    token = alice.generate_access_token("t", ["read:sites"])
    token.revoke()
    assert reason(asked(path, **bearer(token))) == (401, "revoked")
    assert [row.reason for row in TokenLogin.objects.order_by("pk")] == ["malformed", "revoked"]


def test_a_key_opens_it_too(client: Client, alice: User) -> None:
    key = alice.generate_access_token("k", ["read:sites"], kind="api_key", environment="live")
    assert client.get("/function", HTTP_X_API_KEY=key.raw_token).json()["token"] == key.pk
    both = {**bearer(alice.generate_access_token("t", ["read:sites"])), "HTTP_X_API_KEY": key.raw_token or ""}
    assert reason(client.get("/function", **both)) == (401, "ambiguous")


def test_a_token_in_the_query_or_the_body_is_never_read(client: Client, alice: User) -> None:
    raw = alice.generate_access_token("t", ["read:sites"]).raw_token
    for name in ("token", "access_token", "api_key"):
        assert reason(client.get("/function", {name: raw})) == (401, "missing")
        assert reason(client.post("/function", {name: raw})) == (401, "missing")


def test_a_pasted_token_in_a_url_is_in_no_log_of_ours(client: Client, alice: User, caplog: Any) -> None:
    raw = alice.generate_access_token("t", ["read:sites"]).raw_token
    with caplog.at_level(logging.DEBUG, logger="tokenauth"):
        client.get(f"/function?token={raw}", **bearer(alice.generate_access_token("u", [])))
    assert raw not in caplog.text
    assert not any(raw in str(row) for row in TokenLogin.objects.values_list())


def test_several_scopes_are_all_required(client: Client, alice: User) -> None:
    both = alice.generate_access_token("both", ["read:sites", "read:assets"])
    one = alice.generate_access_token("one", ["read:sites"])
    other = alice.generate_access_token("other", ["read:assets"])
    for path in ("/two", "/twice"):
        assert client.get(path, **bearer(both)).status_code == 200
        assert client.get(path, **bearer(one)).status_code == 403
        assert client.get(path, **bearer(other)).status_code == 403
    assert client.get("/both-classes", **bearer(one)).status_code == 403
    # Of two bases that are guarded, each has its say.
    assert client.get("/sites-and-assets", **bearer(one)).status_code == 403
    assert client.get("/sites-and-assets", **bearer(other)).status_code == 403
    assert client.get("/sites-and-assets", **bearer(both)).status_code == 200
    writer = alice.generate_access_token("writer", ["read:sites", "write:sites"])
    assert client.get("/both-classes", **bearer(writer)).status_code == 200


def test_a_token_gives_its_user_no_permission(client: Client, alice: User) -> None:
    token = bearer(alice.generate_access_token("t", ["read:sites"]))
    assert client.get("/permission-and-marked", **token).status_code == 403
    alice.user_permissions.add(Permission.objects.get(codename="view_site"))
    assert client.get("/permission-and-marked", **token).status_code == 200


# People, by session.


@pytest.mark.parametrize("path", MARKED)
def test_a_person_passes(asked: Callable[..., Any], client: Client, alice: User, path: str) -> None:
    client.force_login(alice)
    assert asked(path).json() == {"user": "alice", "token": None, "same": True}


def test_unless_sessions_are_refused(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert reason(client.get("/tokens-only-plain")) == (403, "session")
    client.logout()
    token = alice.generate_access_token("t", ["read:sites"])
    assert client.get("/tokens-only-plain", **bearer(token)).status_code == 200


@pytest.mark.parametrize("path", MARKED)
def test_a_session_helps_no_refused_credential(
    asked: Callable[..., Any], client: Client, staff: User, path: str
) -> None:
    client.force_login(staff)
    weak = staff.generate_access_token("weak", ["read:events"])
    assert asked(path, **bearer(weak)).status_code == 403
    # A login_required that stands outside sends whoever is nobody to the sign-in page.
    refused = 302 if path.startswith("login-required") else 401
    assert asked(path, **bearer("pat_junk")).status_code == refused
    assert asked(path, HTTP_X_API_KEY="ak_live_junk").status_code == refused


# What a token never opens.


@pytest.mark.parametrize("by_session", [False, True])
@pytest.mark.parametrize("scopes", [["read:sites"], ["*"]])
@pytest.mark.parametrize("path", ["/admin/", "/admin/tokenauth/accesstoken/", "/admin/accounts/user/"])
def test_no_token_opens_the_admin(
    client: Client, staff: User, path: str, scopes: list[str], by_session: bool
) -> None:
    if by_session:
        client.force_login(staff)
        assert client.get(path).status_code == 200
    answer = client.get(path, **bearer(staff.generate_access_token("t", scopes)))
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/login/?next={path}")
    assert "Authorization" in answer["Vary"]
    # What is not asked for is not verified.
    assert AccessToken.objects.get().last_used_at is None


@pytest.mark.parametrize("by_session", [False, True])
@pytest.mark.parametrize("presented", ["token", "junk", "key"])
@pytest.mark.parametrize("path", UNMARKED)
def test_no_credential_opens_a_view_of_people(
    client: Client, staff: User, path: str, presented: str, by_session: bool
) -> None:
    if by_session:
        client.force_login(staff)
        assert client.get(f"/{path}").json()["user"] == "alice"
    key = staff.generate_access_token("k", ["*"], kind="api_key", environment="live").raw_token or ""
    header = {
        "token": bearer(staff.generate_access_token("t", ["*"])),
        "junk": bearer("pat_junk"),
        "key": {"HTTP_X_API_KEY": key},
    }[presented]
    answer = client.get(f"/{path}", **header)
    if path == "plain":
        assert answer.json() == {"user": "", "token": None, "same": True}
    else:
        assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next=/{path}")


def test_an_asynchronous_view_is_told_the_same(
    asked: Callable[..., Any], client: Client, alice: User
) -> None:
    client.force_login(alice)
    assert asked("async-plain").json() == {"user": "alice"}
    token = alice.generate_access_token("t", ["*"])
    assert asked("async-plain", **bearer(token)).json() == {"user": ""}


@pytest.mark.parametrize("moved", [(OURS,), (AUTHENTICATION,), (OURS, AUTHENTICATION)])
def test_wherever_the_middleware_stands(
    client: Client, settings: Any, staff: User, moved: tuple[str, ...]
) -> None:
    messages = "django.contrib.messages.middleware.MessageMiddleware"
    settings.MIDDLEWARE = middleware(*moved, messages)
    client.force_login(staff)
    token = bearer(staff.generate_access_token("t", ["read:sites"]))
    assert client.get("/private", **token).status_code == 302
    assert client.get("/admin/", **token).status_code == 302
    assert client.get("/function", **token).json()["user"] == "alice"


def test_where_every_view_asks_for_a_login(client: Client, settings: Any, alice: User) -> None:
    settings.MIDDLEWARE = middleware("django.contrib.auth.middleware.LoginRequiredMiddleware", OURS)
    token = bearer(alice.generate_access_token("t", ["read:sites"]))
    assert client.get("/function", **token).status_code == 200
    assert client.get("/plain", **token).status_code == 302
    # A script is told why, and not sent to a sign-in page.
    assert reason(client.get("/function", **bearer("pat_junk"))) == (401, "malformed")
    assert reason(client.get("/class")) == (401, "missing")
    client.force_login(alice)
    assert client.get("/plain", **token).status_code == 302
    assert client.get("/plain").status_code == 200


@pytest.mark.parametrize("path", MARKED)
def test_whoever_asks_before_the_view_is_known_hides_the_credential_from_nobody(
    asked: Callable[..., Any], settings: Any, alice: User, path: str
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.asking_early"]
    answer = asked(path, **bearer(alice.generate_access_token("t", ["read:sites"])))
    assert (answer.status_code, answer["X-Early"]) == (200, "")
    assert answer.json()["user"] == "alice"


@sync_and_async_middleware
def asking_early(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def ask_asynchronously(request: Any) -> Any:
        name = request.user.get_username()
        answer = await get_response(request)
        answer["X-Early"] = name
        return answer

    def ask(request: Any) -> Any:
        name = request.user.get_username()
        answer = get_response(request)
        answer["X-Early"] = name
        return answer

    # A synchronous one alone would have what is inside run in another thread, with a connection of its own.
    return ask_asynchronously if iscoroutinefunction(get_response) else ask


def test_a_session_is_as_it_was_without_a_credential(client: Client, alice: User) -> None:
    client.force_login(alice)
    for header in ({}, {"HTTP_AUTHORIZATION": "Basic YTpi"}, {"HTTP_X_API_KEY": " "}):
        answer = client.get("/private", **header)
        assert answer.json()["user"] == "alice"
        assert "Authorization" not in answer["Vary"]


def test_a_foreign_bearer_text_is_no_credential_of_ours_where_it_is_left_alone(
    client: Client, alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(FOREIGN_BEARER="pass")
    client.force_login(alice)
    assert client.get("/private", **bearer("eyJhbGciOiJub25lIn0.e30.")).json()["user"] == "alice"
    assert client.get("/private", **bearer("pat_junk")).status_code == 302


# Forged requests.


@pytest.fixture
def strict(alice: User) -> Client:
    """A browser in which alice is signed in, asked for CSRF tokens."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    return client


@pytest.mark.parametrize("path", ["function", "class", "dispatch", "csrf-exempt", "csrf-protected"])
def test_a_forged_request_of_a_session_is_refused(strict: Client, path: str) -> None:
    assert strict.post(f"/{path}").status_code == 403
    strict.cookies["csrftoken"] = "forged"
    assert strict.post(f"/{path}", {"csrfmiddlewaretoken": "another"}).status_code == 403
    strict.cookies["csrftoken"] = "f" * 32
    assert strict.post(f"/{path}", {"csrfmiddlewaretoken": "f" * 32}).status_code == 200
    assert strict.get(f"/{path}").status_code == 200


def test_where_no_middleware_asks_for_csrf_tokens_it_is_refused_too(strict: Client, settings: Any) -> None:
    settings.MIDDLEWARE = [path for path in settings.MIDDLEWARE if "Csrf" not in path]
    assert strict.post("/function").status_code == 403
    strict.cookies["csrftoken"] = "f" * 32
    assert strict.post("/function", {"csrfmiddlewaretoken": "another"}).status_code == 403
    assert strict.post("/function", {"csrfmiddlewaretoken": "f" * 32}).status_code == 200


def test_an_asynchronous_one_too(strict: Client, asked: Callable[..., Any], alice: User) -> None:
    browser = AsyncClient(enforce_csrf_checks=True)
    browser.cookies = strict.cookies

    async def post(**headers: str) -> Any:
        return await browser.post("/async-class", headers=headers)

    assert async_to_sync(post)().status_code == 403
    raw = alice.generate_access_token("t", ["read:sites"]).raw_token
    assert async_to_sync(post)(authorization=f"Bearer {raw}").status_code == 200


@pytest.mark.parametrize("path", ["function", "class", "dispatch", "csrf-exempt", "csrf-protected"])
def test_a_token_needs_no_csrf_token_and_a_forged_one_changes_nothing(
    strict: Client, alice: User, path: str
) -> None:
    token = bearer(alice.generate_access_token("t", ["read:sites"]))
    weak = bearer(alice.generate_access_token("weak", ["read:events"]))
    for _ in range(2):
        assert strict.post(f"/{path}", **token).json()["token"] is not None
        assert reason(strict.post(f"/{path}", **weak)) == (403, "insufficient_scope")
        # Only a credential that is accepted stands in for the CSRF token.
        assert reason(strict.post(f"/{path}", **bearer("pat_junk"))) == (401, "malformed")
        strict.cookies["csrftoken"] = "forged"


def test_a_token_exempts_no_other_view(strict: Client, alice: User) -> None:
    token = bearer(alice.generate_access_token("t", ["*"]))
    assert strict.post("/plain", **token).status_code == 403


def test_it_works_without_the_middleware(client: Client, settings: Any, alice: User) -> None:
    settings.MIDDLEWARE = [path for path in settings.MIDDLEWARE if path != OURS]
    token = alice.generate_access_token("t", ["read:sites"])
    assert client.get("/function", **bearer(token)).json() == {
        "user": "alice",
        "token": token.pk,
        "same": True,
    }
    assert reason(client.get("/function", **bearer("pat_junk"))) == (401, "malformed")
    assert TokenLogin.objects.count() == 1
    settings.MIDDLEWARE = []
    assert reason(client.get("/function")) == (401, "missing")


def test_it_costs_one_query(client: Client, alice: User, django_assert_num_queries: Any) -> None:
    token = bearer(alice.generate_access_token("t", ["read:sites"]))
    client.get("/login-required-and-marked", **token)
    with django_assert_num_queries(1):
        assert client.get("/login-required-and-marked", **token).status_code == 200
    with django_assert_num_queries(0):
        client.get("/private", **token)


# Mistakes of the developer.


@pytest.mark.parametrize("scopes", [(), ("",), ("read sites",), (["read:sites"],), (sites,)])
def test_what_is_no_scope_is_said_at_once(scopes: tuple[Any, ...]) -> None:
    with pytest.raises(ImproperlyConfigured, match="scope"):
        scopes_required(*scopes)


def test_a_class_that_is_no_view_is_said_at_once() -> None:
    with pytest.raises(ImproperlyConfigured, match="NoView"):
        scopes_required("read:sites")(type("NoView", (), {}))


def test_a_method_by_itself_is_told_what_to_decorate(alice: User) -> None:
    class Direct(View):
        @scopes_required("read:sites")
        def get(self, request: Any) -> None:
            raise AssertionError("it is not reached")

    with pytest.raises(ImproperlyConfigured, match="whole views"):
        Direct.as_view()(RequestFactory().get("/"))


@pytest.mark.parametrize("path", ["/one-method", "/without-wraps"])
def test_a_mark_that_the_url_does_not_lead_to_is_an_error(client: Client, alice: User, path: str) -> None:
    for header in ({}, bearer(alice.generate_access_token("t", ["read:sites"]))):
        with pytest.raises(ImproperlyConfigured, match=r"functools\.wraps"):
            client.get(path, **header)


@api_view(["GET"])
def of_rest_framework(request: Any) -> None:
    raise AssertionError("it is not reached")


@pytest.mark.parametrize("view", [of_rest_framework, APIView, APIView.as_view()])
def test_a_view_of_rest_framework_is_told_what_to_use(view: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="use HasScopes"):
        scopes_required("read:sites")(view)


def test_the_class_that_is_decorated_stays_as_it_is(alice: User) -> None:
    scopes_required("read:sites")(TemplateView)
    assert marked_scopes(TemplateView.as_view()) is None
    assert marked_scopes(Sites.as_view()) == ("read:sites",)


@pytest.mark.parametrize("path", ["/cached", "/cached-class"])
def test_a_cache_around_the_view_gives_one_callers_answer_to_no_other(
    client: Client, alice: User, bob: User, path: str
) -> None:
    def key_of(user: User) -> dict[str, str]:
        key = user.generate_access_token("k", ["read:sites"], kind="api_key", environment="live")
        return {"HTTP_X_API_KEY": key.raw_token or ""}

    cache.clear()
    for header in (key_of(alice), bearer(alice.generate_access_token("t", ["read:sites"]))):
        assert client.get(path, **header).json()["user"] == "alice"
        assert reason(Client().get(path)) == (401, "missing")
        assert Client().get(path, **key_of(bob)).json()["user"] == "bob"
    client.force_login(alice)
    assert client.get(path).json()["user"] == "alice"
    assert Client().get(path).status_code == 401
    cache.clear()


def test_the_view_keeps_its_name() -> None:
    assert (sites.__name__, sites.__module__) == ("sites", "tests.plain_urls")
    assert Sites.as_view().view_class is Sites  # type: ignore[attr-defined]
    assert (Sites.__name__, Sites.__module__) == ("Sites", "tests.plain_urls")

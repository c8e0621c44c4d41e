from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from tests.conftest import bearer
from tests.urls import HeadView, ReadOnlyView, WhoView
from tokenauth.core.requirements import needs_scopes
from tokenauth.permissions import HasAnyScope, HasScopes

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.test import APIClient

    from testproject.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.urls")]


@pytest.fixture
def get(api: APIClient, alice: User) -> Callable[..., int]:
    """The status of a request to ``path`` with a token of ``scopes``."""

    def ask(path: str, *scopes: str, method: str = "get") -> int:
        answer = getattr(api, method)(path, **bearer(alice.generate_access_token("t", scopes)))
        return int(answer.status_code)

    return ask


def test_all_scopes_are_required(get: Callable[..., int]) -> None:
    assert get("/several", "read:sites", "write:sites") == 200
    assert get("/several", "read:sites") == 403
    assert get("/several", "*") == 200
    assert get("/several", "admin") == 200
    assert get("/several") == 403


def test_any_scope_is_enough(get: Callable[..., int]) -> None:
    assert get("/any", "read:events") == 200
    assert get("/any", "read:sites") == 200
    assert get("/any", "write:sites") == 403
    assert get("/any") == 403


def test_scopes_by_method(get: Callable[..., int]) -> None:
    assert get("/who", "read:sites") == 200
    assert get("/who", "read:sites", method="head") == 200
    assert get("/who", "read:sites", method="post") == 403
    assert get("/who", "write:sites", method="post") == 200
    assert get("/who", "write:sites") == 403
    assert get("/who", "write:sites", method="head") == 403


def test_the_scopes_of_a_function_view(get: Callable[..., int]) -> None:
    assert get("/function", "read:events") == 200
    assert get("/function", "read:sites") == 403


def test_no_scope_required_admits_every_signed_in_caller(get: Callable[..., int], api: APIClient) -> None:
    assert get("/signed-in") == 200
    assert api.get("/signed-in").status_code == 401


@pytest.mark.parametrize(
    ("method", "status"), [("get", 401), ("head", 401), ("options", 200), ("delete", 405), ("post", 405)]
)
def test_an_anonymous_client_of_a_view_with_scopes_for_get(api: APIClient, method: str, status: int) -> None:
    assert getattr(api, method)("/read-only").status_code == status


def test_a_view_that_answers_head_alone_is_not_open(api: APIClient, get: Callable[..., int]) -> None:
    assert api.head("/head-alone").status_code == 401
    assert get("/head-alone", "read:sites", method="head") == 200
    assert get("/head-alone", "read:events", method="head") == 403


@pytest.mark.parametrize("method", ["delete", "patch", "put", "trace"])
def test_a_method_that_is_not_there_is_a_405_with_any_token(get: Callable[..., int], method: str) -> None:
    assert get("/read-only", "read:sites", method=method) == 405
    assert get("/read-only", method=method) == 405


@pytest.mark.parametrize(
    "declared",
    [
        None,
        {"POST": ["read:sites"]},
        {"get": ["read:sites"]},
        {},
        "read:sites",
        {"GET": "read:sites"},
        {"GET": None},
        [""],
        ["read sites"],
        [None],
        7,
    ],
)
def test_a_view_that_declares_nothing_usable_is_refused_and_never_open(alice: User, declared: Any) -> None:
    request = APIRequestFactory().get("/")
    force_authenticate(request, alice, token=alice.generate_access_token("all", ["*"]))
    view = type("Undeclared", (ReadOnlyView,), {"required_scopes": declared})
    with pytest.raises(ImproperlyConfigured, match="Undeclared"):
        view.as_view()(request)


@pytest.mark.parametrize("scopes", [(), ("",), ("read sites",), (None,)])
def test_scopes_that_are_none_are_refused_when_the_view_is_written(scopes: Any) -> None:
    with pytest.raises(ImproperlyConfigured):
        HasScopes.of(*scopes)


def test_of_makes_classes_that_do_not_know_each_other() -> None:
    read, any_of = HasScopes.of("read:sites"), HasAnyScope.of("a", "b")
    assert read.scopes == ("read:sites",)
    assert any_of.scopes == ("a", "b")
    assert issubclass(any_of, HasAnyScope)
    assert HasScopes.scopes is None


def test_or_and_and_not(get: Callable[..., int], alice: User) -> None:
    assert get("/either", "read:events") == 200
    assert get("/either", "read:sites") == 403
    assert get("/both", "read:sites") == 403
    assert get("/without", "read:sites") == 200
    assert get("/without", "read:events") == 403
    assert get("/object-without", "read:sites") == 200
    assert get("/object-without-both", "read:sites") == 200
    assert get("/object-without-both", "read:sites", "read:events") == 403
    assert get("/object", "read:sites") == 200
    alice.is_staff = True
    alice.save()
    assert get("/either", "read:sites") == 200
    assert get("/both", "read:sites") == 200
    assert get("/both", "write:sites") == 403


@pytest.mark.parametrize(("method", "status"), [("options", 200), ("delete", 405), ("get", 403)])
def test_not_leaves_methods_that_need_no_scopes_alone(
    get: Callable[..., int], method: str, status: int
) -> None:
    assert get("/without-alone", "read:events", method=method) == status


def test_not_twice_is_the_scope_itself() -> None:
    twice = ~~HasScopes.of("read:events")
    assert (twice.negated, twice.scopes) == (False, ("read:events",))


@pytest.mark.parametrize("declared", [None, {"POST": ["write:sites"]}])
def test_head_alone_without_a_declaration_is_refused(alice: User, declared: Any) -> None:
    request = APIRequestFactory().head("/")
    force_authenticate(request, alice, token=alice.generate_access_token("all", ["*"]))
    view = type("Undeclared", (HeadView,), {"required_scopes": declared})
    with pytest.raises(ImproperlyConfigured, match="Undeclared"):
        view.as_view()(request)


def test_head_needs_the_scopes_of_get_before_the_view_is_set_up() -> None:
    assert needs_scopes(ReadOnlyView(), "HEAD")
    assert needs_scopes(ReadOnlyView, "HEAD")
    assert not needs_scopes(ReadOnlyView(), "POST")


def test_a_view_that_does_not_say_what_it_answers_is_not_open(alice: User) -> None:
    class Bare:
        required_scopes = ["read:sites"]

    request = APIView().initialize_request(APIRequestFactory().get("/"))
    assert HasScopes().has_permission(request, Bare()) is False  # the caller is anonymous


def test_a_refusal_that_another_permission_outweighs_is_no_refusal(api: APIClient, alice: User) -> None:
    alice.is_staff = True
    alice.save()
    token = alice.generate_access_token("t", ["read:sites"])
    answer = api.get("/either", **bearer(token))
    assert answer.status_code == 200
    assert "WWW-Authenticate" not in answer


def test_a_person_passes_and_scopes_limit_tokens(api: APIClient, alice: User) -> None:
    api.force_login(alice)
    assert api.get("/who").status_code == 200
    assert api.get("/several").status_code == 200


def test_a_view_may_refuse_sessions(api: APIClient, alice: User) -> None:
    api.force_login(alice)
    answer = api.get("/tokens-only")
    assert (answer.status_code, answer.json()["error"]["reason"]) == (403, "session")
    api.logout()
    assert api.get("/tokens-only", **bearer(alice.generate_access_token("t"))).status_code == 200


def test_a_session_does_not_help_a_credential_that_is_refused_or_ignored(api: APIClient, alice: User) -> None:
    key = alice.generate_access_token("k", ["read:events"], kind="api_key", environment="live").raw_token
    weak = alice.generate_access_token("t", ["read:events"])
    api.force_login(alice)
    # The session class stands first, and is told of no session: the token is judged.
    answer = api.get("/session-first", **bearer(weak))
    assert (answer.status_code, answer.json()["error"]["reason"]) == (403, "insufficient_scope")
    assert api.get("/session-first", **bearer("pat_junk")).status_code == 401
    strong = alice.generate_access_token("strong", ["read:sites"])
    assert api.get("/session-first", **bearer(strong)).json()["token"] == strong.pk
    assert api.get("/who", **bearer(weak)).status_code == 403
    assert api.get("/who", **bearer("pat_junk")).status_code == 401
    # No class of this view reads keys.
    assert api.get("/session-alone", HTTP_X_API_KEY=key).status_code == 403
    assert api.get("/session-alone").status_code == 200


def test_nor_without_the_middleware(api: APIClient, alice: User, settings: Any) -> None:
    settings.MIDDLEWARE = [path for path in settings.MIDDLEWARE if "tokenauth" not in path]
    api.force_login(alice)
    for token in (alice.generate_access_token("t", ["read:sites"]), "pat_junk"):
        answer = api.get("/session-first", **bearer(token))
        assert (answer.status_code, answer.json()["error"]["reason"]) == (403, "session")
        assert api.get("/session-alone", **bearer(token)).status_code == 403


@pytest.mark.parametrize("auth", ["a text", {"scopes": ["*"]}, object()])
def test_what_cannot_say_what_it_can_is_refused(alice: User, auth: Any) -> None:
    request = APIRequestFactory().get("/")
    force_authenticate(request, alice, token=auth)
    assert WhoView.as_view()(request).status_code == 403


def test_a_forced_token_is_judged_as_a_real_one(alice: User) -> None:
    for scopes, status in ((["read:sites"], 200), (["read:events"], 403)):
        request = APIRequestFactory().get("/")
        force_authenticate(request, alice, token=alice.generate_access_token("t", scopes))
        assert WhoView.as_view()(request).status_code == status

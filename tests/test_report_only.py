"""Settings for a live API: ``ENFORCE_SCOPES`` off reports only, ``FOREIGN_BEARER`` shares the scheme."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from rest_framework.authentication import BaseAuthentication
from rest_framework.test import APIRequestFactory, force_authenticate

from tests.conftest import bearer
from tests.urls import ReadOnlyView
from tokenauth.authentication import AccessTokenAuthentication
from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.request import Request
    from rest_framework.test import APIClient

    from testproject.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.plain_urls")]


@pytest.fixture
def report_only(tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(ENFORCE_SCOPES=False)


class Foreign:
    """A credential of another package; as a text, it is its own secret."""

    def __str__(self) -> str:
        return "the secret itself"


class ForeignAuthentication(BaseAuthentication):
    """Takes any bearer text for one of alice's."""

    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[User, Foreign] | None:
        from testproject.accounts.models import User

        if not request.META.get("HTTP_AUTHORIZATION", "").startswith("Bearer "):
            return None
        return User.objects.get(), Foreign()


@pytest.mark.parametrize("path", ["/who", "/several", "/any", "/without", "/object", "/function", "/class"])
@pytest.mark.usefixtures("report_only")
def test_what_lacks_a_scope_is_let_through_and_logged(
    api: APIClient, alice: User, caplog: Any, path: str
) -> None:
    token = alice.generate_access_token("t", ["read:events" if path == "/without" else "write:assets"])
    with caplog.at_level(logging.WARNING, logger="tokenauth"):
        assert api.get(path, **bearer(token)).status_code == 200
    row = TokenLogin.objects.get()
    assert (row.reason, row.success, row.token_id) == ("insufficient_scope", False, token.pk)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "tokenauth"]
    assert f"GET {path[1:]} needs [" in line
    assert f"AccessToken {token.pk} of user {alice.pk} has [{token.scopes[0]}]." in line


@pytest.mark.usefixtures("report_only")
def test_what_has_its_scopes_leaves_nothing(api: APIClient, alice: User, caplog: Any) -> None:
    with caplog.at_level(logging.WARNING, logger="tokenauth"):
        assert api.get("/who", **bearer(alice.generate_access_token("t", ["read:sites"]))).status_code == 200
    assert not TokenLogin.objects.exists()
    assert not caplog.records


@pytest.mark.usefixtures("report_only")
def test_a_foreign_credential_is_let_through_and_not_spelled_out(alice: User, caplog: Any) -> None:
    request = APIRequestFactory().get("/")
    force_authenticate(request, alice, token=Foreign())  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING, logger="tokenauth"):
        assert ReadOnlyView.as_view()(request).status_code == 200
    assert f"needs [read:sites]; Foreign of user {alice.pk} has none of our scopes" in caplog.text
    assert "the secret itself" not in caplog.text


@pytest.mark.usefixtures("report_only")
def test_a_token_that_was_pasted_into_a_path_is_not_reported(
    api: APIClient, alice: User, caplog: Any
) -> None:
    pasted = alice.generate_access_token("pasted", [])
    with caplog.at_level(logging.DEBUG, logger="tokenauth"):
        answer = api.get(f"/by-name/{pasted.raw_token}", **bearer(pasted))
    assert answer.status_code == 200
    assert "GET by-name/<str:name> needs [read:sites]" in caplog.text
    assert pasted.raw_token not in caplog.text
    assert not any(str(pasted.raw_token) in str(row) for row in TokenLogin.objects.values_list())


@pytest.mark.usefixtures("report_only")
def test_all_other_refusals_stand(api: APIClient, alice: User) -> None:
    assert api.get("/who").status_code == 401
    assert api.get("/class").status_code == 401
    assert api.get("/who", **bearer("pat_junk")).status_code == 401
    revoked = alice.generate_access_token("t", ["read:sites"])
    revoked.revoke()
    assert api.get("/who", **bearer(revoked)).status_code == 401
    elsewhere = alice.generate_access_token("t", allowed_networks=["10.0.0.0/8"])
    assert api.get("/who", **bearer(elsewhere)).status_code == 403
    weak = bearer(alice.generate_access_token("t", []))
    # The user lacks the permission, whatever the scopes.
    assert api.get("/permission-and-marked", **weak).status_code == 403
    assert api.get("/admin/", **weak).status_code == 302
    api.force_login(alice)
    assert api.get("/tokens-only").status_code == 403


@pytest.mark.usefixtures("report_only")
def test_the_scope_that_makes_tokens_is_always_enforced(alice: User) -> None:
    for scopes, status in ((["*"], 403), (["tokens:manage"], 200)):
        request = APIRequestFactory().get("/")
        force_authenticate(request, alice, token=alice.generate_access_token("t", scopes))
        assert ReadOnlyView.as_view(required_scopes=["tokens:manage"])(request).status_code == status


@pytest.mark.usefixtures("report_only")
def test_a_view_that_declares_nothing_is_still_an_error(alice: User) -> None:
    request = APIRequestFactory().get("/")
    force_authenticate(request, alice, token=alice.generate_access_token("t"))
    with pytest.raises(ImproperlyConfigured):
        ReadOnlyView.as_view(required_scopes=None)(request)


def test_a_foreign_bearer_text_is_refused_by_default(alice: User) -> None:
    assert ask([AccessTokenAuthentication, ForeignAuthentication], "eyJhbGciOiJIUzI1NiJ9.e30.x") == 401


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("eyJhbGciOiJIUzI1NiJ9.e30.x", 200),
        ("", 200),
        ("junk\0", 200),
        ("PAT_00000000000000000000000000000042VsRc", 200),
        ("pat_00000000000000000000000000000042VsRc", 401),
        ("pat_junk", 401),
        ("\tpat_junk", 401),
        ("ak_live_00000000000000000000000000000042VsRc", 401),
    ],
)
def test_with_pass_it_is_left_to_the_next(
    alice: User, tokenauth_settings: Callable[..., None], text: str, status: int
) -> None:
    tokenauth_settings(FOREIGN_BEARER="pass")
    assert ask([AccessTokenAuthentication, ForeignAuthentication], text) == status
    # And where nobody takes it, nobody is signed in.
    assert ask([AccessTokenAuthentication], text) == 401


@pytest.mark.parametrize("prefix", ["acme", ["acme", "pat"]])
def test_a_prefix_of_the_settings_is_ours(
    alice: User, tokenauth_settings: Callable[..., None], prefix: Any
) -> None:
    tokenauth_settings(FOREIGN_BEARER="pass", TOKEN_PREFIX=prefix)
    both = [AccessTokenAuthentication, ForeignAuthentication]
    assert ask(both, "acme_junk") == 401
    assert ask(both, "pat_junk") == (200 if prefix == "acme" else 401)


def ask(authentication_classes: list[type[BaseAuthentication]], text: str) -> int:
    """The status of a request with ``text`` as its bearer, to a view that any signed-in caller may ask."""
    from rest_framework.permissions import IsAuthenticated
    from rest_framework.response import Response
    from rest_framework.views import APIView

    class Asked(APIView):
        permission_classes = [IsAuthenticated]

        def get(self, request: Request) -> Response:
            return Response()

    request = APIRequestFactory().get("/", **bearer(text))
    return Asked.as_view(authentication_classes=authentication_classes)(request).status_code

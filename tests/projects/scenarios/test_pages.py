"""A person's own tokens in a browser, whatever the users are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.conftest import bearer
from tests.projects.scenarios import on_its_databases
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from django.test import Client

pytestmark = on_its_databases


def text_in(answer: Any) -> str:
    """The text of the token that the answer shows."""
    assert answer.status_code == 200
    (text,) = set(re.findall(r"pat_[0-9A-Za-z]{36}", answer.content.decode()))
    return str(text)


def test_a_token_is_made_rotated_and_revoked(client: Client, alice: Any) -> None:
    client.force_login(alice)
    page = client.get("/tokens/new/").content.decode()
    (key,) = re.findall(r'name="idempotency_key" value="([^"]+)"', page)
    form = {"name": "laptop", "kind": "personal", "scopes": ["read:sites"], "expires": "7d"}
    old = AccessToken.objects.verify(text_in(client.post("/tokens/new/", {**form, "idempotency_key": key})))
    assert (old.user, old.created_by) == (alice, alice)
    assert client.post("/tokens/new/", {**form, "idempotency_key": key}).status_code == 409
    text = text_in(client.post(f"/tokens/{old.pk}/rotate/", {"overlap": "1h"}))
    new = AccessToken.objects.verify(text)
    assert new.rotated_from == old
    assert client.get("/plain/function", **bearer(text)).status_code == 200
    page = client.get("/tokens/").content.decode()
    assert old.hint in page
    assert new.hint in page
    assert client.post(f"/tokens/{old.pk}/rotate/", {"overlap": "1h"}).status_code == 409
    assert client.post(f"/tokens/{new.pk}/revoke/").status_code == 302
    assert client.get("/plain/function", **bearer(text)).status_code == 401
    page = client.get("/tokens/").content.decode()
    assert "The credential was revoked." in page


def test_anothers_token_is_not_found(client: Client, alice: Any, make_user: Any) -> None:
    token = AccessToken.objects.generate(make_user("bob@example.com"), "his")
    client.force_login(alice)
    for act in ("rotate", "revoke"):
        assert client.post(f"/tokens/{token.pk}/{act}/", {"overlap": "0"}).status_code == 404
        assert client.post(f"/tokens/{alice.pk}x/{act}/").status_code == 404
    assert AccessToken.objects.get().revoked_at is None


def test_a_token_opens_none_of_it(client: Client, alice: Any) -> None:
    token = AccessToken.objects.generate(alice, "laptop", ["*", "tokens:manage"])
    answer = client.get("/tokens/", **bearer(token))
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/tokens/")

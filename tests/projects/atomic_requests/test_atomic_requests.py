from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from testproject.inventory.models import Site
from tests.conftest import bearer
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("path", "status"), [("/plain/failing", 500), ("/rest/failing", 500), ("/rest/denied", 403)]
)
def test_what_a_request_wrote_is_rolled_back_and_its_login_is_not(
    client: Client, alice: Any, path: str, status: int
) -> None:
    client.raise_request_exception = False
    token = alice.generate_access_token("Script", ["read:sites"])
    assert client.get(path, **bearer(token)).status_code == status
    assert Site.objects.count() == 0
    row = TokenLogin.objects.get()
    assert (row.success, row.token) == (True, token)
    assert AccessToken.objects.get().last_used_at is not None


def test_what_a_refused_request_would_have_written_is_not_there(client: Client, alice: Any) -> None:
    token = alice.generate_access_token("Script", ["read:events"])
    assert client.get("/plain/writing", **bearer(token)).status_code == 403
    assert Site.objects.count() == 0
    assert TokenLogin.objects.get().reason == "insufficient_scope"
    token = alice.generate_access_token("Script", ["read:sites"])
    assert client.get("/plain/writing", **bearer(token)).status_code == 200
    assert Site.objects.count() == 1

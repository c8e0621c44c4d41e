from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import bearer
from tokenauth.models import AccessToken

pytestmark = pytest.mark.django_db


def test_it_has_the_related_manager_and_nothing_of_the_mixin(alice: Any) -> None:
    assert not hasattr(alice, "generate_access_token")
    token = AccessToken.objects.generate(alice, "Work Laptop", ["read:sites"])
    assert list(alice.access_tokens.all()) == [token]


@pytest.mark.parametrize("path", ["/rest", "/plain/function"])
def test_the_token_of_the_request_is_known(client: Any, alice: Any, path: str) -> None:
    token = AccessToken.objects.generate(alice, "Work Laptop", ["read:sites"])
    response = client.get(path, **bearer(token))
    assert response.status_code == 200
    request = response.wsgi_request
    assert request.user == alice
    assert request.user.current_access_token == token

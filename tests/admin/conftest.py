from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from testproject.accounts.models import User

if TYPE_CHECKING:
    from django.test import Client

    from tokenauth.models import AccessToken

TOKENS = "admin:tokenauth_accesstoken_changelist"
TOKEN = "admin:tokenauth_accesstoken_change"
LOGINS = "admin:tokenauth_tokenlogin_changelist"


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


def staff(client: Client, *codenames: str, username: str = "staff") -> Client:
    """Signed in as a user who has these permissions."""
    user = User.objects.create_user(username, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return client


def act(client: Client, action: str, *tokens: AccessToken, follow: bool = True, **data: str) -> Any:
    """The answer to an action of the list, on ``tokens``; with ``data`` as of a form that it showed."""
    ticked = {"action": action, "_selected_action": [token.pk for token in tokens]}
    return client.post(reverse(TOKENS), {**ticked, **data}, follow=follow)


def revoke(
    client: Client,
    *tokens: AccessToken,
    action: str = "revoke_selected",
    follow: bool = True,
    **data: str,
) -> Any:
    """The answer to the form of the action, sent."""
    return act(client, action, *tokens, follow=follow, **{"post": "yes", "reason": "", **data})


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def listed(client: Client, page: str = TOKENS, **filters: object) -> list[int]:
    """The keys of the rows that a list shows, in its order."""
    answer = client.get(reverse(page), filters)
    assert answer.status_code == 200
    return [row.pk for row in answer.context["cl"].result_list]


@pytest.fixture
def key(alice: User) -> AccessToken:
    return alice.generate_access_token("export", ["read:sites"], kind="api_key", environment="live")

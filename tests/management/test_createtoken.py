from __future__ import annotations

import re
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from testproject.accounts.models import User
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db


def createtoken(*args: str, **options: Any) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("createtoken", *args, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def test_it_prints_the_token_alone_on_standard_output(alice: User) -> None:
    out, err = createtoken("alice", "CI", "--scope", "read:sites")
    token = AccessToken.objects.verify(out.rstrip("\n"))
    assert out.count("\n") == 1
    assert (token.user, token.name, token.scopes, token.kind) == (alice, "CI", ["read:sites"], "personal")
    assert "CI" in err
    assert out.strip() not in err


def test_every_option(alice: User) -> None:
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False):
        createtoken(
            *("alice", "server", "--kind", "api_key", "--environment", "test"),
            *("--scope", "read:sites", "read:events", "--scope", "write:sites"),
            *("--expires", "90d", "--network", "192.0.2.0/24", "--network", "2001:db8::/32"),
            *("--organization", "northwind"),
        )
        token = AccessToken.objects.get()
        assert token.scopes == ["read:sites", "read:events", "write:sites"]
        assert (token.kind, token.environment, token.organization) == ("api_key", "test", "northwind")
        assert token.allowed_networks == ["192.0.2.0/24", "2001:db8::/32"]
        assert token.expires_at == token.created_at + timedelta(days=90)


def test_without_a_scope_it_lists_them(alice: User) -> None:
    with pytest.raises(CommandError) as refused:
        createtoken("alice", "CI")
    for line in ("read:sites", "Read site information", "tokens:manage", "*"):
        assert line in str(refused.value)
    assert refused.value.returncode == 1
    assert AccessToken.objects.count() == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("nobody", "CI", "--scope", "read:sites"), "no user “nobody”"),
        (("alice", "CI", "--scope", "read:nothing"), "Registered are: read:sites"),
        (("alice", "", "--scope", "read:sites"), "NAME:"),
        (("alice", "x" * 300, "--scope", "read:sites"), "NAME:"),
        (("alice", "CI", "--scope", "read:sites", "--network", "anywhere"), "--network:"),
        (("alice", "CI", "--scope", "read:sites", "--organization", "greenfleet"), "--organization:"),
        (("alice", "CI", "--scope", "read:sites", "--environment", "live"), "--environment:"),
        (("alice", "CI", "--scope", "read:sites", "--kind", "api_key"), "--environment:"),
        (("alice", "CI", "--scope", "read:sites", "--kind", "x"), "--kind: A token is one of"),
        (("alice", "CI", "--scope", "read:sites", "--expires=-1d"), "not a duration"),
        (("alice", "CI", "--scope", "read:sites", "--expires", "0d"), "not a duration"),
        (("alice", "CI", "--scope", "read:sites", "--expires", "9999999d"), "longer than"),
        (("alice", "CI", "--scope", "read:sites", "--expires", "999999999w"), "longer than"),
        (("alice", "CI", "--scope", "read:sites", "--service", "s"), "USERNAME NAME, or --service"),
        (("CI", "--scope", "read:sites"), "USERNAME NAME, or --service"),
        ((), "required: NAME"),
        (("CI", "--scope", "read:sites", "--service", "alice"), "has a password"),
        (("CI", "--scope", "read:sites", "--service", "a b"), "username:"),
        (("CI", "--scope", "read:nothing", "--service", "robot"), "--scope:"),
    ],
)
def test_bad_input_is_a_command_error_and_changes_nothing(
    alice: User, args: tuple[str, ...], message: str
) -> None:
    alice.set_password("secret")
    alice.save()
    with pytest.raises(CommandError, match=re.escape(message)):
        createtoken(*args)
    assert AccessToken.objects.count() == 0
    assert list(get_user_model().objects.all()) == [alice]


def test_a_service_is_a_user_without_password(db: None) -> None:
    for name in ("first", "second"):
        out, err = createtoken(name, "--service", "billing", "--scope", "read:sites")
        assert ("Made the user billing" in err) == (name == "first")
        assert AccessToken.objects.verify(out.strip()).name == name
    (service,) = User.objects.all()
    assert service.username == "billing"
    assert not service.has_usable_password()
    assert service.access_tokens.count() == 2


def test_an_inactive_users_token_is_made_with_a_warning(alice: User) -> None:
    alice.is_active = False
    alice.save()
    out, err = createtoken("alice", "CI", "--scope", "read:sites")
    assert out.startswith("pat_")
    assert "alice is inactive" in err


def test_its_usage_says_the_order_that_works(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("createtoken", "--help")
    assert "(USERNAME | --service SERVICE) NAME --scope S" in capsys.readouterr().out


def test_a_key_that_this_deployment_refuses_is_made_and_said_so(
    alice: User, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(ENVIRONMENTS=["live"])
    of_a_key = ("alice", "server", "--kind", "api_key", "--scope", "read:sites", "--environment")
    assert "refuses test keys" in createtoken(*of_a_key, "test")[1]
    assert "refuses" not in createtoken(*of_a_key, "live")[1]

"""``registerapplication``: an application with its policy, and what a script reads of it."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command
from oauth2_provider.models import get_application_model

from tests.oauth.requests import CALLBACK, PKCE, SECRET, VERIFIER, code_of, of_service, redeem, sign_in, sites
from tests.test_secrets import everything_stored
from tokenauth.oauth.models import ApplicationPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

SERVICE = ("Reports", "--grant", "client_credentials", "--scope", "read:sites")
APP = ("App", "--public", "--grant", "authorization_code", "--scope", "read:sites")


def register(*args: str) -> tuple[dict[str, str], str]:
    """What is printed as an environment has it, and what is said beside."""
    out, err = StringIO(), StringIO()
    call_command("registerapplication", *args, stdout=out, stderr=err)
    return dict(line.split("=", 1) for line in out.getvalue().splitlines()), err.getvalue()


def test_a_server_has_its_id_and_its_secret() -> None:
    printed, said = register(*SERVICE, "--organization", "northwind")

    assert printed.keys() == {"CLIENT_ID", "CLIENT_SECRET"}
    answer = of_service(client_id=printed["CLIENT_ID"], client_secret=printed["CLIENT_SECRET"])
    assert sites(answer.json()["access_token"]).status_code == 200
    assert "Reports" in said
    assert printed["CLIENT_SECRET"] not in said + everything_stored()


def test_an_app_on_devices_has_no_secret(browser: Client) -> None:
    printed, said = register(*APP, "--redirect-uri", CALLBACK)

    assert printed.keys() == {"CLIENT_ID"}
    assert "has no secret" in said
    code = code_of(browser, printed["CLIENT_ID"], **PKCE)
    redeemed = redeem(code, printed["CLIENT_ID"], None, code_verifier=VERIFIER)
    assert sites(redeemed.json()["access_token"]).status_code == 200


def test_one_of_ours_asks_for_passwords(alice: User, tokenauth_settings: Callable[..., None]) -> None:
    args = ("Ours", "--public", "--first-party", "--grant", "password", "--scope", "read:sites")
    printed, said = register(*args)
    assert sign_in(printed["CLIENT_ID"]).status_code == 200
    assert "OAUTH_PASSWORD_GRANT" not in said

    tokenauth_settings(OAUTH_PASSWORD_GRANT=False)
    printed, said = register(*args)
    assert "OAUTH_PASSWORD_GRANT is False" in said
    assert sign_in(printed["CLIENT_ID"]).status_code == 403


def test_every_option() -> None:
    register(
        *("Everything", "--grant", "authorization_code", "password", "--grant", "client_credentials"),
        *("--scope", "read:sites", "read:assets", "--scope", "write:sites"),
        *("--redirect-uri", CALLBACK, "--redirect-uri", "http://127.0.0.1/cb", "--first-party"),
        *("--organization", "northwind", "--network", "192.0.2.0/24", "--network", "2001:db8::/32"),
        "--may-introspect",
    )

    application = get_application_model().objects.get()
    policy = application.tokenauth_policy
    assert (application.name, application.client_type) == ("Everything", "confidential")
    assert application.redirect_uris == f"{CALLBACK} http://127.0.0.1/cb"
    assert policy.grants == ["authorization_code", "password", "client_credentials"]
    assert policy.scopes == ["read:sites", "read:assets", "write:sites"]
    assert policy.allowed_networks == ["192.0.2.0/24", "2001:db8::/32"]
    assert (policy.organization, policy.first_party, policy.may_introspect) == ("northwind", True, True)
    assert not policy.is_disabled


def test_without_a_scope_it_lists_those_that_there_are() -> None:
    with pytest.raises(CommandError) as refused:
        register("Reports", "--grant", "client_credentials")

    for line in ("read:sites", "Read site information"):
        assert line in str(refused.value)
    assert "tokens:manage" not in str(refused.value)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("Reports", "--scope", "read:sites"), "--grant how it comes by tokens; out of: authorization_code,"),
        ((), "required: NAME"),
        (("", *SERVICE[1:]), "NAME: This field is required"),
        (("x" * 300, *SERVICE[1:]), "NAME: "),
        ((*SERVICE, "--scope", "read:nothing"), "--scope: Select a valid choice. read:nothing"),
        ((*SERVICE, "--scope", "*"), "--scope: Select a valid choice"),
        ((*SERVICE, "--scope", "tokens:manage"), "--scope: Select a valid choice"),
        ((*SERVICE, "--grant", "implicit"), "--grant: Select a valid choice. implicit"),
        ((*SERVICE, "--grant", "password"), "--grant: A password is asked for by first-party"),
        ((*SERVICE, "--public"), "--grant: A public application has no secret"),
        ((*SERVICE, "--network", "anywhere"), "--network: A list of networks"),
        ((*SERVICE, "--organization", "x" * 300), "--organization: "),
        (APP, "--grant: Codes are sent to a redirect URI"),
        (
            (*APP, "--redirect-uri", "http://yourapp.example/cb"),
            "--redirect-uri: “http://yourapp.example/cb”",
        ),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_and_nothing_made(args: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError) as refused:
        register(*args)

    assert message in str(refused.value)
    assert get_application_model().objects.count() == ApplicationPolicy.objects.count() == 0


def test_any_scope_where_none_is_registered(tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(SCOPES={})

    with pytest.raises(CommandError, match="SCOPES is empty"):
        register("Reports", "--grant", "client_credentials")
    register(*SERVICE, "--scope", "whatever")
    assert ApplicationPolicy.objects.get().scopes == ["read:sites", "whatever"]


def test_the_librarys_own_command_makes_one_that_may_do_nothing() -> None:
    options = {"client_id": "stock", "client_secret": SECRET, "name": "Stock"}
    call_command("createapplication", "confidential", "client-credentials", **options, stdout=StringIO())
    assert of_service(client_id="stock").status_code == 401

    ApplicationPolicy.objects.create(
        application=get_application_model().objects.get(),
        grants=["client_credentials"],
        scopes=["read:sites"],
    )
    assert of_service(client_id="stock").status_code == 200

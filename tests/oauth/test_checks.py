"""What ``manage.py check`` says of a project's settings for OAuth, and what a project without it imports."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import path
from jwcrypto.jwk import JWK

from tests.e2e.process import run_python
from tests.test_documentation import OAUTH, example, run
from tokenauth.oauth import signing_keys
from tokenauth.oauth.authentication import JWTAuthentication
from tokenauth.oauth.checks import check_oauth, check_oauth_deployment
from tokenauth.oauth.provider_settings import OAUTH2_PROVIDER
from tokenauth.oauth.validator import Validator

if TYPE_CHECKING:
    from collections.abc import Callable

STOCK = "oauth2_provider.oauth2_validators.OAuth2Validator"
ROOT = Path(__file__).parents[2]


def ids(messages: Any) -> list[str]:
    return [message.id.removeprefix("tokenauth.") for message in messages]


class OwnValidator(Validator):
    """A project's own."""


def test_the_sample_project_is_set_up() -> None:
    assert check_oauth(None) == []


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ({}, ["E013"]),
        ({"SCOPES": {"read": "Read"}}, ["E014"] * 27 + ["E015"]),
        ({**OAUTH2_PROVIDER, "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": False}, ["E014"]),
        ({**OAUTH2_PROVIDER, "OIDC_ENABLED": True}, ["E014"]),
        ({**OAUTH2_PROVIDER, "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": 10}, ["E014"]),
        (
            {
                **OAUTH2_PROVIDER,
                "OAUTH2_VALIDATOR_CLASS": "oauth2_provider.oauth2_validators.OAuth2Validator",
            },
            ["E014"],
        ),
        ({**OAUTH2_PROVIDER, "OAUTH2_VALIDATOR_CLASS": "mysite.Missing"}, ["E014"]),
        ({**OAUTH2_PROVIDER, "OAUTH2_VALIDATOR_CLASS": "tests.oauth.test_checks.OwnValidator"}, []),
        ({**OAUTH2_PROVIDER, "ACCESS_TOKEN_EXPIRE_SECONDS": 100_000}, ["E015"]),
        ({**OAUTH2_PROVIDER, "ACCESS_TOKEN_EXPIRE_SECONDS": 600}, []),
    ],
)
def test_what_may_not_be_another_way(provider: dict[str, Any], expected: list[str], settings: Any) -> None:
    settings.OAUTH2_PROVIDER = provider

    assert ids(check_oauth(None)) == expected


def test_a_project_without_argon2(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]

    assert ids(check_oauth(None)) == ["E016"]


def test_a_key_that_is_none(tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(OAUTH_SIGNING_KEYS=["hunter2"])

    (message,) = check_oauth(None)

    assert message.id == "tokenauth.E017"
    assert "hunter2" not in str(message)


def test_a_key_in_a_file(tmp_path: Path, settings: Any) -> None:
    pem = JWK.generate(kty="RSA", size=2048).export_to_pem(True, None)  # noqa: FBT003
    (tmp_path / "jwt.pem").write_bytes(pem)
    configured = run(
        example(OAUTH, "settings.py: keys elsewhere"),
        TOKENAUTH=dict(settings.TOKENAUTH),
        Path=lambda path: tmp_path / Path(path).name,
    )
    settings.TOKENAUTH = configured["TOKENAUTH"]

    assert check_oauth(None) == []
    assert signing_keys.current().thumbprint() == JWK.from_pem(pem).thumbprint()


def test_what_a_deployment_lacks(tokenauth_settings: Callable[..., None], settings: Any) -> None:
    assert ids(check_oauth_deployment(None)) == ["W007"]
    tokenauth_settings(OAUTH_ISSUER="http://auth.example")
    assert ids(check_oauth_deployment(None)) == ["W008"]
    tokenauth_settings(OAUTH_ISSUER="https://auth.example")
    assert ids(check_oauth_deployment(None)) == []

    settings.ROOT_URLCONF = type(pytest)("without")
    settings.ROOT_URLCONF.urlpatterns = [path("x", lambda request: None)]
    assert ids(check_oauth_deployment(None)) == ["W009", "W012"]


@pytest.fixture
def deployed(tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(OAUTH_ISSUER="https://auth.example")


class OwnAuthentication(JWTAuthentication):
    """A project's own."""


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (["tokenauth.authentication.AccessTokenAuthentication"], ["W011"]),
        (["tests.oauth.test_checks.OwnAuthentication"], []),
    ],
)
def test_a_deployment_takes_what_it_issues(
    classes: list[str], expected: list[str], deployed: None, settings: Any
) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_AUTHENTICATION_CLASSES": classes}

    assert ids(check_oauth_deployment(None)) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/nowhere/", ["W012"]),
        ("nowhere", ["W012"]),
        ("/accounts/login/?from=here", []),
        ("login", []),
        ("https://sso.example/login", []),
    ],
)
def test_people_can_sign_in(url: str, expected: list[str], deployed: None, settings: Any) -> None:
    settings.LOGIN_URL = url

    assert ids(check_oauth_deployment(None)) == expected


@pytest.mark.parametrize(
    ("lifetimes", "expected"),
    [
        ({"AUTHORIZATION_CODE_EXPIRE_SECONDS": 601}, ["W013"]),
        ({"AUTHORIZATION_CODE_EXPIRE_SECONDS": 600}, []),
        ({"REFRESH_TOKEN_EXPIRE_SECONDS": None}, ["W014"]),
        ({"REFRESH_TOKEN_EXPIRE_SECONDS": 86_400}, []),
    ],
)
def test_what_lives_for_too_long(
    lifetimes: dict[str, Any], expected: list[str], deployed: None, settings: Any
) -> None:
    settings.OAUTH2_PROVIDER = {**OAUTH2_PROVIDER, **lifetimes}

    assert ids(check_oauth_deployment(None)) == expected


@pytest.mark.parametrize("first", ["django.contrib.admin", "tokenauth.oauth"])
def test_a_project_without_the_library_is_told_what_to_add(first: str, tmp_path: Path) -> None:
    apps = f'INSTALLED_APPS = ["{first}", *INSTALLED_APPS, "django.contrib.messages"]\n'
    apps += 'INSTALLED_APPS = list(dict.fromkeys([*INSTALLED_APPS, "tokenauth.oauth"]))\n'
    (tmp_path / "deployed.py").write_text(MINIMAL + apps)

    done = run_python("-m", "django", "check", cwd=tmp_path, env=environment_of(tmp_path))

    assert done.stderr.splitlines()[-1].endswith("add 'oauth2_provider' to INSTALLED_APPS.")


WITHOUT = """
import pkgutil, sys, importlib, django
from django.conf import settings
settings.configure(
    SECRET_KEY="x" * 50,
    INSTALLED_APPS=[
        "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
        "django.contrib.messages", "django.contrib.sessions", "rest_framework", "drf_spectacular",
        "tokenauth",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    ROOT_URLCONF="tokenauth.rest.urls",
)
django.setup()
import tokenauth
for module in pkgutil.walk_packages(tokenauth.__path__, "tokenauth."):
    if not module.name.startswith("tokenauth.oauth"):
        importlib.import_module(module.name)
found = [name for name in sys.modules if name.split(".")[0] in ("oauth2_provider", "oauthlib", "jwcrypto")]
assert "tokenauth.rest.tokens" in sys.modules and "tokenauth.pages.views" in sys.modules
sys.exit(f"imported: {found}" if found else 0)
"""


def test_a_project_that_does_not_install_it_imports_nothing_of_it() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}

    done = run_python("-c", WITHOUT, cwd=ROOT, env=environment)

    assert (done.returncode, done.stderr) == (0, "")


MINIMAL = """
from pathlib import Path
SECRET_KEY = "x" * 50
ROOT_URLCONF = "deployed_urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "tokenauth"]
MIDDLEWARE = ["tokenauth.middleware.AccessTokenMiddleware"]
REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["tokenauth.authentication.AccessTokenAuthentication"]}
TOKENAUTH = {}
USE_TZ = True
"""


URLS = """
from django.contrib.auth.views import LoginView
from django.urls import include, path
urlpatterns = [path("accounts/login/", LoginView.as_view())]
"""


def environment_of(project: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": f"{project}{os.pathsep}{ROOT}",
        "DJANGO_SETTINGS_MODULE": "deployed",
    }


def test_a_deployment_writes_ten_lines_at_most(tmp_path: Path) -> None:
    settings = example(OAUTH, "settings.py: oauth")
    urls = example(OAUTH, "urls.py: oauth")
    assert len([line for line in (settings + urls).splitlines() if line.strip()]) <= 10
    (tmp_path / "deployed.py").write_text(MINIMAL + settings)
    (tmp_path / "deployed_urls.py").write_text(URLS + urls)

    done = run_python("-m", "django", "check", "--deploy", cwd=tmp_path, env=environment_of(tmp_path))

    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "tokenauth" not in said.replace("tokenauth.middleware", "")
    assert "oauth2_provider" not in said

"""What the documentation says is true: its examples run, its lists are whole."""

from __future__ import annotations

import ast
import json
import re
import sys
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.contrib.auth.models import AbstractUser
from django.contrib.staticfiles import finders
from django.core.management import call_command, get_commands
from django.dispatch import Signal
from django.template.loader import get_template
from django.test import Client
from django.test.utils import isolate_apps, override_settings
from django.urls import clear_url_caches, include, path
from django.utils import timezone
from django.utils.module_loading import import_string
from rest_framework.routers import SimpleRouter
from rest_framework.test import APIClient
from rest_framework.views import APIView

import tokenauth.signals
from tests.conftest import bearer
from tokenauth.checks import check_settings, check_views
from tokenauth.conf import KEYS, conf
from tokenauth.core import rate_limit
from tokenauth.exceptions import DeviceReason, Reason
from tokenauth.mixins import HasAccessTokens
from tokenauth.models import AccessToken, TokenLogin
from tokenauth.signals import token_rejected
from tokenauth.throttling import TokenRateThrottle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testproject.accounts.models import User

ROOT = Path(tokenauth.__file__).parents[1]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference.md"
HOW_TO = DOCS / "how-to" / "adding-to-a-project.md"
OPERATING = DOCS / "how-to" / "operating.md"
ROTATING = DOCS / "how-to" / "rotating-a-key.md"
PLAIN = DOCS / "how-to" / "plain-django.md"
ORGANIZATIONS = DOCS / "how-to" / "organizations.md"
MANAGING = DOCS / "how-to" / "managing-over-http.md"
SIGNING_IN = DOCS / "how-to" / "signing-in-from-an-app.md"
TOKEN_PAGE = DOCS / "how-to" / "token-page.md"
OPENAPI = DOCS / "how-to" / "openapi.md"
OAUTH = DOCS / "how-to" / "oauth.md"
DEVICES = DOCS / "how-to" / "devices.md"
CLIENT = DOCS / "how-to" / "devices-client.md"
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted(DOCS.rglob("*.md"))]
# Those that tests walk on a live server: tests/e2e/test_moving.py, test_scopes_on_a_live_api.py.
WALKED = [*sorted(DOCS.rglob("moving-from-*.md")), DOCS / "how-to" / "scopes-on-a-live-api.md"]


def example(page: Path, name: str) -> str:
    """The Python example whose first line is the comment ``# name``."""
    pattern = rf"^ *```python\n *# {re.escape(name)}\n(.*?)^ *```"
    (found,) = re.findall(pattern, page.read_text(), re.DOTALL | re.MULTILINE)
    return dedent(found)


def run(source: str, **names: Any) -> dict[str, Any]:
    namespace = {"__name__": "example", **names}
    exec(compile(source, "example", "exec"), namespace)  # noqa: S102
    return namespace


@pytest.mark.django_db
def test_every_setting_has_an_example(
    alice: User, api: APIClient, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKENAUTH_PEPPER", "p" * 32)
    monkeypatch.setenv("JWT_SIGNING_KEY", "-----BEGIN PRIVATE KEY-----")
    monkeypatch.setenv("DEVICE_ENCRYPTION_KEY", "d" * 32)
    configured = run(example(REFERENCE, "every setting"))["TOKENAUTH"]
    assert set(configured) == KEYS
    with override_settings(TOKENAUTH={}):
        for key, value in configured.items():
            assert getattr(conf, key) != value, key
    configured["USER_ORGANIZATIONS"] = "testproject.accounts.organizations.organizations_of"
    settings.TOKENAUTH = configured
    assert check_settings(None) == []
    token = alice.generate_access_token("t")
    key = alice.generate_access_token("k", kind="api_key", environment="live", organization="northwind")
    assert str(token.raw_token).startswith("acme_")
    assert str(key.raw_token).startswith("acme_key_live_")
    for header in (
        {"HTTP_X_ACCESS_TOKEN": f"Bearer {token.raw_token}"},
        {"HTTP_X_SERVER_KEY": key.raw_token},
    ):
        # Scopes are reported only.
        answer = api.get("/inventory-service/sites", HTTP_X_FORWARDED_FOR="192.0.2.1", **header)
        assert answer.status_code == 200
    assert token.rotate().raw_token


@pytest.mark.django_db
def test_the_how_to(alice: User) -> None:
    configured = run(example(HOW_TO, "scopes"))["TOKENAUTH"]
    with override_settings(TOKENAUTH=configured):
        assert check_settings(None) == []
        views = run(example(HOW_TO, "views"))
        urlconf = ModuleType("urlconf")
        urlconf.urlpatterns = [  # type: ignore[attr-defined]
            path("reports", views["Reports"].as_view()),
            path("summary", views["Summary"].as_view()),
            path("health", views["health"]),
        ]
        with override_settings(ROOT_URLCONF=urlconf):
            clear_url_caches()
            assert check_views(None) == []
            run(example(HOW_TO, "user"), user=alice)
            assert [token.name for token in alice.access_tokens.usable()] == ["Script"]
            run(example(HOW_TO, "tests"))["test_reading_is_not_writing"](alice)
            writer = bearer(alice.generate_access_token("w", ["write:reports"]))
            for url, status in (("/reports", 200), ("/summary", 200), ("/health", 403)):
                assert APIClient().get(url, **writer).status_code == status
    clear_url_caches()


def test_a_user_model_of_ones_own() -> None:
    # As its module, in which Django looks for the app that it is of.
    with isolate_apps("testproject.accounts", "django.contrib.auth", "django.contrib.contenttypes"):
        user = run(example(HOW_TO, "models"), __name__="testproject.accounts.models")["User"]
    assert user.token_can is HasAccessTokens.token_can
    # Nothing to migrate.
    of_django = {"id", *(field.name for field in AbstractUser._meta.fields)}
    assert {field.name for field in user._meta.fields} == of_django


@pytest.mark.django_db
def test_the_attempts_of_a_leaked_token(alice: User, api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    token = alice.generate_access_token("leaked", [])
    api.get("/inventory-service/sites", **bearer(token))
    # What is typed, that is, without an echo.
    monkeypatch.setattr("getpass.getpass", lambda prompt: token.raw_token)
    found = run(example(OPERATING, "leaked"))["attempts"]
    assert list(found) == list(TokenLogin.objects.all())
    assert found.count() == 1


@pytest.mark.django_db
def test_the_tokens_that_a_pepper_still_holds(alice: User, settings: Any) -> None:
    settings.TOKENAUTH = {"PEPPERS": {1: "o" * 32}}
    alice.generate_access_token("old")
    settings.TOKENAUTH = {"PEPPERS": {1: "o" * 32, 2: "n" * 32}}
    alice.generate_access_token("new")
    (left,) = run(example(OPERATING, "peppers"))["left"]
    assert left.name == "old"


@pytest.mark.django_db(transaction=True)
def test_a_password_is_changed_and_the_owner_told(alice: User, settings: Any, mailoutbox: list[Any]) -> None:
    configured = run(example(OPERATING, "notify owner"))
    assert configured["EMAIL_TIMEOUT"] == 10
    settings.TOKENAUTH = {
        **run(example(OPERATING, "password change"))["TOKENAUTH"],
        **configured["TOKENAUTH"],
    }
    assert check_settings(None) == []
    alice.generate_access_token("Script")
    alice.email = "alice@example.com"
    alice.save()
    assert alice.access_tokens.usable().count() == 1
    alice.set_password("battery staple")
    alice.save()
    assert alice.access_tokens.usable().count() == 0
    assert [mail.subject for mail in mailoutbox] == ["Your access token was revoked: Script"]


@pytest.mark.django_db
def test_a_mail_of_ones_own(alice: User, settings: Any, tmp_path: Path, mailoutbox: list[Any]) -> None:
    (found,) = re.findall(
        r"^```django\n\{# (\S+) #\}\n(.*?)^```", OPERATING.read_text(), re.DOTALL | re.MULTILINE
    )
    path, source = found
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(source)
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    alice.email = "alice@example.com"
    alice.save()
    alice.generate_access_token("R&D", expires_at=timezone.now() + timedelta(days=3))
    call_command("notifytokens", stdout=StringIO())
    assert mailoutbox[0].subject == "[Acme] 1 of your tokens expire, the first is R&D"


@contextmanager
def serving(*patterns: Any) -> Iterator[None]:
    """A project of these URLs."""
    urlconf = ModuleType("urlconf")
    urlconf.urlpatterns = list(patterns)  # type: ignore[attr-defined]
    with override_settings(ROOT_URLCONF=urlconf):
        clear_url_caches()
        yield
    clear_url_caches()


@pytest.mark.django_db
def test_plain_django(alice: User, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    apps, middleware = list(settings.INSTALLED_APPS), list(settings.MIDDLEWARE)
    configured = run(example(PLAIN, "plain settings"), INSTALLED_APPS=[], MIDDLEWARE=[])
    assert set(configured["INSTALLED_APPS"]) <= set(apps)
    assert set(configured["MIDDLEWARE"]) <= set(middleware)
    settings.TOKENAUTH = configured["TOKENAUTH"]
    views = run(example(PLAIN, "plain views"))
    # It imports them from the module beside it.
    monkeypatch.setitem(sys.modules, "example", ModuleType("example"))
    monkeypatch.setitem(sys.modules, "example.views", ModuleType("example.views"))
    vars(sys.modules["example.views"]).update(views)
    urls = run(example(PLAIN, "plain urls"), urlpatterns=[], path=path, __package__="example")["urlpatterns"]
    reader = bearer(alice.generate_access_token("reader", ["read:reports"]))
    writer = bearer(alice.generate_access_token("writer", ["write:reports"]))
    with serving(*urls):
        assert check_views(None) == []
        client = Client()
        assert client.get("/reports", **reader).json() == {"reports": [], "for": "alice"}
        assert client.get("/reports/asynchronously", **reader).json() == {"token": "reader"}
        assert client.get("/reports", **writer).status_code == 403
        assert client.post("/reports/new", **writer).json() == {"made_by": "alice"}
        assert client.get("/reports/scripts", **reader).status_code == 200
        client.force_login(alice)
        assert client.get("/reports/scripts").status_code == 403
        assert client.get("/reports/asynchronously").json() == {"token": None}


@pytest.mark.django_db
def test_organizations(
    alice: User, bob: User, api: APIClient, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = run(example(ORGANIZATIONS, "mysite/organizations.py"))["organizations_of"]
    monkeypatch.setitem(globals(), "organizations_of", function)
    configured = run(example(ORGANIZATIONS, "settings.py: organizations"))["TOKENAUTH"]
    assert configured == {"USER_ORGANIZATIONS": "mysite.organizations.organizations_of"}
    settings.TOKENAUTH = {**settings.TOKENAUTH, "USER_ORGANIZATIONS": f"{__name__}.organizations_of"}

    def run_in_the_inventory(name: str) -> dict[str, Any]:
        return run(example(ORGANIZATIONS, name).replace("from .", "from testproject.inventory."))

    views = run_in_the_inventory("views.py: organizations")
    serializers = run_in_the_inventory("serializers.py: organizations")
    views["AssetsOfSites"].serializer_class = serializers["AssetSerializer"]
    token = run(example(ORGANIZATIONS, "a token of one organization"), user=alice)["token"]
    assert token.organization == "northwind"
    router = SimpleRouter(trailing_slash=False)
    router.register("sites", views["SiteViewSet"], basename="site")
    router.register("assets", views["AssetsOfSites"], basename="asset")
    both = ["read:sites", "write:sites"]
    hers, his = (bearer(user.generate_access_token("t", both)) for user in (alice, bob))
    with serving(*router.urls):
        made = api.post("/sites", {"name": "n", "city": "c"}, format="json", **hers).json()
        assert made["organization"] == "northwind"
        asset = {"site": made["id"], "name": "a", "kind": "solar", "power_kw": 1, "organization": "x"}
        created = api.post("/assets", asset, format="json", **hers)
        assert (created.status_code, created.json()["organization"]) == (201, "northwind")
        for url in ("/sites", "/assets"):
            assert len(api.get(url, **hers).json()) == len(api.get(url, **bearer(token)).json()) == 1
            assert api.get(url, **his).json() == []
        assert api.get(f"/sites/{made['id']}", **his).status_code == 404
        assert api.post("/assets", asset, format="json", **his).status_code == 400
        type(bob).objects.filter(pk=bob.pk).update(organization="")
        assert api.post("/sites", {"name": "n", "city": "c"}, format="json", **his).status_code == 400


@pytest.mark.django_db
def test_rotating_a_key(alice: User, bob: User, api: APIClient, capsys: pytest.CaptureFixture[str]) -> None:
    key = alice.generate_access_token("export", ["read:sites"], kind="api_key", environment="live")
    run(example(ROTATING, "rotation"), key=key, operator=bob)
    new = AccessToken.objects.get(rotated_from=key)
    assert new.created_by == bob
    assert AccessToken.objects.verify(capsys.readouterr().out.strip()) == new
    run(example(ROTATING, "rotation"), key=key, operator=bob)
    assert "rotated before" in capsys.readouterr().out
    alarms: list[str] = []
    receiver = run(example(ROTATING, "a key that was used after its rotation"), alarms=alarms)
    try:
        api.get("/inventory-service/sites", HTTP_X_API_KEY=key.raw_token)
        assert alarms == []
        key.revoke()
        api.get("/inventory-service/sites", HTTP_X_API_KEY=key.raw_token)
        api.get("/inventory-service/sites", HTTP_X_API_KEY="junk")
    finally:
        token_rejected.disconnect(receiver["tell_the_operator"])
    assert alarms == [f"{key} of family {key.family}"]


@pytest.mark.django_db
def test_the_row_of_a_request(api: APIClient) -> None:
    api.get("/inventory-service/sites", HTTP_X_REQUEST_ID="7f3a", **bearer("pat_junk"))
    (row,) = run(example(OPERATING, "request id"))["rows"]
    assert row["reason"] == "malformed"


@pytest.mark.django_db
def test_signing_in_from_an_app(alice: User, api: APIClient, settings: Any) -> None:
    configured = run(example(SIGNING_IN, "settings.py: sign-in"), timedelta=timedelta)
    settings.TOKENAUTH = configured["TOKENAUTH"]
    assert check_settings(None) == []
    rest_framework = dict(settings.REST_FRAMEWORK)
    settings.REST_FRAMEWORK = run(
        example(SIGNING_IN, "settings.py: attempts"), REST_FRAMEWORK=rest_framework
    )["REST_FRAMEWORK"]
    urls = run(example(SIGNING_IN, "urls.py: sign-in"), urlpatterns=[], path=path, include=include)
    asked, answered = map(
        json.loads, re.findall(r"^```json\n(.*?)^```", SIGNING_IN.read_text(), re.DOTALL | re.MULTILINE)
    )
    alice.set_password(asked["password"])
    alice.save()
    with (
        serving(*urls["urlpatterns"]),
        time_machine.travel(datetime.fromisoformat(answered["created_at"]), tick=False),
    ):
        answer = api.post("/api/tokens/login/", asked, format="json")
        assert answer.status_code == 201
        told = answer.json()
        assert list(told) == list(answered)
        own = ("token", "id", "hint")
        assert {key: told[key] for key in told if key not in own} == {
            key: answered[key] for key in answered if key not in own
        }
        assert AccessToken.objects.verify(told["token"]).user == alice
        statuses = [api.post("/api/tokens/login/", asked, format="json").status_code for _ in range(10)]
        assert statuses == [201] * 9 + [429]


@pytest.mark.django_db
def test_a_token_page(alice: User, client: Client, settings: Any, tmp_path: Path) -> None:
    settings.TOKENAUTH = run(example(TOKEN_PAGE, "settings.py: token page"), timedelta=timedelta)["TOKENAUTH"]
    assert check_settings(None) == []
    (source,) = re.findall(
        r"^```django\n\{# tokenauth/base.html #\}\n(.*?)^```",
        TOKEN_PAGE.read_text(),
        re.DOTALL | re.MULTILINE,
    )
    (tmp_path / "tokenauth").mkdir()
    (tmp_path / "tokenauth" / "base.html").write_text(source)
    blocks = "<title>{% block title %}{% endblock %}</title>{% block head %}{% endblock %}"
    (tmp_path / "site.html").write_text(blocks + "{% block content %}{% endblock %}")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    urls = run(example(TOKEN_PAGE, "urls.py: token page"), urlpatterns=[], path=path, include=include)
    client.force_login(alice)
    with serving(*urls["urlpatterns"]):
        page = client.get("/tokens/new/").content.decode()
        assert page.startswith("<title>Make a token</title>")
        for text in ("tokenauth/pages.css", "Read reports", "Gives read:reports as well.", "forms.js"):
            assert text in page
    for name in re.findall(r"`(token_\w+\.html)`", TOKEN_PAGE.read_text()):
        assert get_template(f"tokenauth/{name}")
    styles = finders.find("tokenauth/pages.css")
    assert styles is not None
    for name in re.findall(r"--tokenauth-[a-z-]+", TOKEN_PAGE.read_text()):
        assert f"{name}:" in Path(styles).read_text()


@pytest.mark.django_db
def test_limits(alice: User, settings: Any) -> None:
    names = {name: dict(getattr(settings, name)) for name in ("REST_FRAMEWORK", "TOKENAUTH")}
    configured = run(example(OPERATING, "limits"), **names)
    settings.TOKENAUTH, settings.REST_FRAMEWORK = configured["TOKENAUTH"], configured["REST_FRAMEWORK"]
    assert check_settings(None) == []
    assert rate_limit.parse(conf.FAILURE_LIMIT).limit == 60
    assert import_string(configured["CACHES"]["default"]["BACKEND"])
    (throttle,) = APIView().settings.DEFAULT_THROTTLE_CLASSES
    assert throttle is TokenRateThrottle
    assert throttle()._rate() == "1000/hour"


def test_openapi(settings: Any) -> None:
    configured = run(example(OPENAPI, "openapi settings"))
    (schema_class,) = configured["REST_FRAMEWORK"].values()
    assert import_string(schema_class).__name__ == "AutoSchema"
    assert settings.REST_FRAMEWORK["DEFAULT_SCHEMA_CLASS"] == schema_class
    assert settings.SPECTACULAR_SETTINGS["OAS_VERSION"] == configured["SPECTACULAR_SETTINGS"]["OAS_VERSION"]


def test_every_example_is_run_by_a_test() -> None:
    calls = r'(?:example\(\w+, |run_in_the_inventory\(|step\()"(.+?)"[,)]'
    here = Path(__file__)
    names = (
        *("test_documented_requests.py", "oauth/test_checks.py", "client/test_bearer_auth.py"),
        *("devices/test_page_of_devices.py", "e2e/test_readme.py", "test_client_documentation.py"),
    )
    others = [here.parent / name for name in names]
    run_here = set(re.findall(calls, "\n".join(test.read_text() for test in (here, *others))))
    for page in DOCS.rglob("*.md"):
        if page in WALKED:
            continue
        for first_line in re.findall(r"^ *```python\n(.*)", page.read_text(), re.MULTILINE):
            assert first_line.strip().removeprefix("# ") in run_here, f"{page.name}: {first_line}"


def test_every_field_and_class_is_in_the_reference() -> None:
    reference = REFERENCE.read_text()
    for model in (AccessToken, TokenLogin):
        assert f"`tokenauth.models.{model.__name__}`" in reference
        for field in model._meta.concrete_fields:
            assert field.primary_key or f"`{field.name}`" in reference, field.name
    for name in (
        "HasAccessTokens",
        "AccessTokenAuthentication",
        "APIKeyAuthentication",
        "HasScopes",
        "HasAnyScope",
        "SameOrganization",
        "TokenRateThrottle",
        "AccessTokenMiddleware",
        "scopes_required",
        "exception_handler",
        "acting_as",
        "AutoSchema",
        "rows_open_to",
    ):
        assert name in reference


def test_every_command_is_in_the_reference() -> None:
    commands = [name for name, app in get_commands().items() if app.split(".")[0] == "tokenauth"]
    assert len(commands) == 20
    for name in commands:
        assert f"| `{name} " in REFERENCE.read_text(), name


def test_every_setting_reason_and_signal_is_in_the_reference() -> None:
    reference = REFERENCE.read_text()
    signals = [name for name, value in vars(tokenauth.signals).items() if isinstance(value, Signal)]
    assert len(signals) == 5
    for name in (*KEYS, *Reason.values, *signals):
        assert f"| `{name}` |" in reference, name


def test_nothing_else_is_in_the_reference() -> None:
    reference = REFERENCE.read_text()
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", reference, re.MULTILINE)) == KEYS
    statuses = re.findall(r"^\| `([a-z_]+)` \| (4\d\d) \|", reference, re.MULTILINE)
    assert {name for name, _ in statuses} == set(Reason.values)
    for name, status in statuses:
        assert Reason(name).status == int(status)
    assert re.findall(r"^\| `(device_[a-z]+)` \|", reference, re.MULTILINE) == DeviceReason.values


def test_the_reference_has_the_defaults() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", REFERENCE.read_text(), re.MULTILINE)
    spelled = {
        "365 days": timedelta(days=365),
        "90 days": timedelta(days=90),
        "1 day": timedelta(days=1),
        "1 hour": timedelta(hours=1),
        "1 minute": timedelta(minutes=1),
        "5 minutes": timedelta(minutes=5),
        "2 hours": timedelta(hours=2),
    }
    with override_settings(TOKENAUTH={}):
        for name, default in rows:
            value = spelled[default] if default in spelled else ast.literal_eval(default.strip("`"))
            assert getattr(conf, name) == value, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!http)([^)#]+)[^)]*\)", page.read_text())
    for target in targets:
        assert (page.parent / target).exists(), target


def test_the_readme_has_the_command_that_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text()
    for name in ("demo", "tests"):
        assert re.search(rf"<!-- command: {name} -->\n```sh\npython3 -m venv \.venv && .*\n```", readme)

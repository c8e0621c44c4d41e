from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.utils.translation import gettext_lazy

import tokenauth
from tokenauth.checks import check_deployment, check_settings
from tokenauth.conf import KEYS, conf
from tokenauth.core.scopes import grants, registry

WRONG: list[tuple[str, Any, str]] = [
    ("SCOPE", {}, "tokenauth.E002"),
    ("scopes", {}, "tokenauth.E002"),
    (7, {}, "tokenauth.E002"),
    ("SCOPES", ["read"], "tokenauth.E003"),
    ("SCOPES", {"read": 7}, "tokenauth.E003"),
    ("SCOPES", {"read": {"implies": ["x"]}}, "tokenauth.E003"),
    ("SCOPES", {"read": {"description": "Read", "implies": "x"}}, "tokenauth.E003"),
    ("SCOPES", {"read": {"description": "Read", "implied": []}}, "tokenauth.E003"),
    ("DEFAULT_SCOPES", "*", "tokenauth.E003"),
    ("ENFORCE_SCOPES", 0, "tokenauth.E003"),
    ("ENFORCE_SCOPES", None, "tokenauth.E003"),
    ("FOREIGN_BEARER", True, "tokenauth.E003"),
    ("FOREIGN_BEARER", "ignore", "tokenauth.E003"),
    ("TOKEN_PREFIX", "", "tokenauth.E003"),
    ("TOKEN_PREFIX", [], "tokenauth.E003"),
    ("TOKEN_PREFIX", "pät", "tokenauth.E003"),
    ("TOKEN_PREFIX", "p t", "tokenauth.E003"),
    ("API_KEY_PREFIX", ["ak", "-"], "tokenauth.E003"),
    ("API_KEY_PREFIX", None, "tokenauth.E003"),
    ("ENVIRONMENTS", ["staging"], "tokenauth.E003"),
    ("ENVIRONMENTS", "live", "tokenauth.E003"),
    ("TOKEN_LIFETIME", 3600, "tokenauth.E003"),
    ("TOKEN_LIFETIME", timedelta(0), "tokenauth.E003"),
    ("MAX_TOKEN_LIFETIME", timedelta(days=-1), "tokenauth.E003"),
    ("UNUSED_TOKEN_LIFETIME", 365, "tokenauth.E003"),
    ("MAX_TOKENS_PER_USER", 0, "tokenauth.E003"),
    ("MAX_TOKENS_PER_USER", True, "tokenauth.E003"),
    ("MAX_TOKENS_PER_USER", "10", "tokenauth.E003"),
    ("MAX_TOKENS_REACHED", "revoke", "tokenauth.E003"),
    ("MAX_TOKENS_REACHED", None, "tokenauth.E003"),
    ("REAUTHENTICATION_AGE", None, "tokenauth.E003"),
    ("REAUTHENTICATION_AGE", timedelta(seconds=59), "tokenauth.E003"),
    ("ROTATION_OVERLAP", None, "tokenauth.E003"),
    ("ROTATION_OVERLAP", timedelta(seconds=-1), "tokenauth.E003"),
    ("ROTATION_OVERLAP", timedelta(days=30, seconds=1), "tokenauth.E003"),
    ("END_TOKENS_ON_PASSWORD_CHANGE", "yes", "tokenauth.E003"),
    ("NOTIFY_OWNER", 1, "tokenauth.E003"),
    ("NOTIFY_OWNER", None, "tokenauth.E003"),
    ("RECORD_LOGIN_ATTEMPTS", True, "tokenauth.E003"),
    ("LAST_USED_INTERVAL", None, "tokenauth.E003"),
    ("LAST_USED_INTERVAL", 60, "tokenauth.E003"),
    ("LOOKUP_CACHE_SECONDS", -1, "tokenauth.E003"),
    ("LOOKUP_CACHE_SECONDS", True, "tokenauth.E003"),
    ("LOOKUP_CACHE_SECONDS", 301, "tokenauth.E003"),
    ("LOOKUP_CACHE_SECONDS", timedelta(seconds=5), "tokenauth.E003"),
    ("PEPPERS", ["x" * 32], "tokenauth.E003"),
    ("AUTH_HEADER", "HTTP_AUTHORIZATION", "tokenauth.E003"),
    ("API_KEY_HEADER", "", "tokenauth.E003"),
    ("TRUSTED_PROXIES", -1, "tokenauth.E003"),
    ("TRUSTED_PROXIES", True, "tokenauth.E003"),
    ("TRUSTED_PROXIES", "1", "tokenauth.E003"),
    *(
        ("FAILURE_LIMIT", rate, "tokenauth.E003")
        for rate in (60, "60", "0/min", "-1/min", "1.5/min", "60/week", "60/min ", "/min", "٣/min")
    ),
    ("FAILURE_LIMIT", "60/min", "tokenauth.W006"),
    ("LOGIN_SCOPES", "*", "tokenauth.E003"),
    ("LOGIN_SCOPES", [7], "tokenauth.E003"),
    ("LOGIN_SCOPES", ["a b"], "tokenauth.E007"),
    ("USER_ORGANIZATIONS", len, "tokenauth.E003"),
    ("PEPPERS", {1: "x" * 31}, "tokenauth.E004"),
    ("PEPPERS", {1: b"x" * 32}, "tokenauth.E004"),
    ("PEPPERS", {"1": "x" * 32}, "tokenauth.E004"),
    ("PEPPERS", {-1: "x" * 32}, "tokenauth.E004"),
    ("SCOPES", {"read sites": "Read"}, "tokenauth.E005"),
    ("SCOPES", {"": "Nothing"}, "tokenauth.E005"),
    ("SCOPES", {"*": "All"}, "tokenauth.E005"),
    ("SCOPES", {"tokens:manage": "Mine"}, "tokenauth.E005"),
    ("SCOPES", {"a": {"description": "A", "implies": ["b"]}}, "tokenauth.E006"),
    ("SCOPES", {"a": {"description": "A", "implies": ["tokens:manage"]}}, "tokenauth.E006"),
    ("UNUSED_TOKEN_LIFETIME", timedelta.max, "tokenauth.E003"),
    ("DEFAULT_SCOPES", ["a b"], "tokenauth.E007"),
    ("TOKEN_PREFIX", "ak_live", "tokenauth.E008"),
    ("TOKEN_PREFIX", ["pat", "pat"], "tokenauth.E008"),
    ("USER_ORGANIZATIONS", "nowhere.at_all", "tokenauth.E009"),
    ("USER_ORGANIZATIONS", "testproject.settings.TIME_ZONE", "tokenauth.E009"),
    ("API_KEY_HEADER", "Authorization", "tokenauth.E010"),
    ("AUTH_HEADER", "X-Credential", "tokenauth.W003"),
    ("OAUTH_ISSUER", "https://auth.example.com/", "tokenauth.E003"),
    ("OAUTH_ISSUER", "auth.example.com", "tokenauth.E003"),
    ("OAUTH_AUDIENCE", "https://api.example.com?x=y", "tokenauth.E003"),
    ("OAUTH_SIGNING_KEYS", "-----BEGIN PRIVATE KEY-----", "tokenauth.E003"),
    ("OAUTH_PASSWORD_GRANT", "no", "tokenauth.E003"),
    ("OAUTH_PKCE_REQUIRED", 0, "tokenauth.E003"),
    ("OAUTH_AUTHORIZATION_LIFETIME", 90, "tokenauth.E003"),
    ("OAUTH_AUTHORIZATION_LIFETIME", timedelta(seconds=59), "tokenauth.E003"),
    ("DEVICE_TOKEN_SCOPES", ["read:sites"], "tokenauth.E003"),
    ("DEVICE_TOKEN_SCOPES", {"possession": "read:sites"}, "tokenauth.E003"),
    ("DEVICE_TOKEN_SCOPES", {1: ["read:sites"]}, "tokenauth.E003"),
    ("DEVICE_ENCRYPTION_KEYS", ["x" * 32], "tokenauth.E003"),
    ("DEVICE_PROTOCOL_VERSIONS", "3.3", "tokenauth.E003"),
    ("DEVICE_PROTOCOL_VERSIONS", [], "tokenauth.E003"),
    ("DEVICE_PROTOCOL_VERSIONS", ["3.3", "4.0"], "tokenauth.E003"),
    ("DEVICE_ACTIVATION_LIFETIME", timedelta(seconds=59), "tokenauth.E003"),
    ("DEVICE_ACTIVATION_LIFETIME", timedelta(days=30, seconds=1), "tokenauth.E003"),
    ("DEVICE_MAX_FAILED_ATTEMPTS", 0, "tokenauth.E003"),
    ("DEVICE_MAX_FAILED_ATTEMPTS", 65, "tokenauth.E003"),
    ("DEVICE_MAX_FAILED_ATTEMPTS", True, "tokenauth.E003"),
    ("DEVICE_CLOCK_TOLERANCE", timedelta(0), "tokenauth.E003"),
    ("DEVICE_CLOCK_TOLERANCE", 300, "tokenauth.E003"),
    ("DEVICE_UNSYNCHRONIZED_CLOCK_TOLERANCE", timedelta(days=1, seconds=1), "tokenauth.E003"),
]

RIGHT: list[tuple[str, Any]] = [
    ("SCOPES", {}),
    ("SCOPES", {"a": {"description": "A", "implies": ["*", "b"]}, "b": "B"}),
    ("DEFAULT_SCOPES", []),
    ("TOKEN_PREFIX", ["acme", "pat"]),
    ("API_KEY_PREFIX", "acme_key"),
    ("ENVIRONMENTS", ["live"]),
    ("TOKEN_LIFETIME", timedelta(days=30)),
    ("MAX_TOKEN_LIFETIME", None),
    ("UNUSED_TOKEN_LIFETIME", None),
    ("MAX_TOKENS_PER_USER", None),
    ("MAX_TOKENS_PER_USER", 1),
    ("MAX_TOKENS_REACHED", "revoke_oldest"),
    ("REAUTHENTICATION_AGE", timedelta(minutes=1)),
    ("ROTATION_OVERLAP", timedelta(0)),
    ("ROTATION_OVERLAP", timedelta(days=30)),
    ("END_TOKENS_ON_PASSWORD_CHANGE", True),
    ("NOTIFY_OWNER", True),
    ("RECORD_LOGIN_ATTEMPTS", "none"),
    ("LAST_USED_INTERVAL", timedelta(0)),
    ("LOOKUP_CACHE_SECONDS", 0),
    ("LOOKUP_CACHE_SECONDS", 2.5),
    ("PEPPERS", {1: "x" * 32, 2: "y" * 64}),
    ("AUTH_HEADER", "X-Access-Token"),
    ("API_KEY_HEADER", "X-Server-Key"),
    ("TRUSTED_PROXIES", 2),
    ("FAILURE_LIMIT", None),
    ("LOGIN_SCOPES", None),
    ("LOGIN_SCOPES", []),
    ("LOGIN_SCOPES", ["read:sites", "*", "tokens:manage"]),
    ("USER_ORGANIZATIONS", None),
    ("ENFORCE_SCOPES", False),
    ("FOREIGN_BEARER", "pass"),
    ("OAUTH_ISSUER", "https://auth.example.com"),
    ("OAUTH_ISSUER", "http://127.0.0.1:8000/tenant"),
    ("OAUTH_AUDIENCE", None),
    ("OAUTH_SIGNING_KEYS", ["-----BEGIN PRIVATE KEY-----"]),
    ("OAUTH_PASSWORD_GRANT", True),
    ("OAUTH_PKCE_REQUIRED", False),
    ("OAUTH_AUTHORIZATION_LIFETIME", None),
    ("OAUTH_AUTHORIZATION_LIFETIME", timedelta(minutes=1)),
    ("DEVICE_TOKEN_SCOPES", {}),
    ("DEVICE_TOKEN_SCOPES", {"possession_knowledge": ["read:sites"]}),
    ("DEVICE_ENCRYPTION_KEYS", {1: "x" * 32}),
    ("DEVICE_PROTOCOL_VERSIONS", ["3.3"]),
    ("DEVICE_PROTOCOL_VERSIONS", ("3.0", "3.1", "3.2", "3.3")),
    ("DEVICE_ACTIVATION_LIFETIME", timedelta(minutes=1)),
    ("DEVICE_ACTIVATION_LIFETIME", timedelta(days=30)),
    ("DEVICE_MAX_FAILED_ATTEMPTS", 1),
    ("DEVICE_MAX_FAILED_ATTEMPTS", 64),
    ("DEVICE_CLOCK_TOLERANCE", timedelta(seconds=1)),
    ("DEVICE_UNSYNCHRONIZED_CLOCK_TOLERANCE", timedelta(days=1)),
]


@pytest.mark.parametrize(("key", "value", "check"), WRONG)
def test_what_is_wrong_is_said(settings: Any, key: Any, value: Any, check: str) -> None:
    settings.TOKENAUTH = {key: value}
    messages = check_settings(None)
    assert [message.id for message in messages] == [check]
    assert str(key) in messages[0].msg or check in ("tokenauth.E004", "tokenauth.E006", "tokenauth.E008")


@pytest.mark.parametrize(("key", "value"), RIGHT)
def test_what_is_right_is_not(settings: Any, key: str, value: Any) -> None:
    settings.TOKENAUTH = {key: value}
    assert check_settings(None) == []
    assert getattr(conf, key) == value


def test_a_default_scope_that_is_not_registered(settings: Any) -> None:
    settings.TOKENAUTH = {"SCOPES": {"read": "Read"}, "DEFAULT_SCOPES": ["reed"]}
    (message,) = check_settings(None)
    assert message.id == "tokenauth.E007"
    assert "reed" in message.msg


def test_a_scope_of_the_sign_in_that_is_not_registered(settings: Any) -> None:
    settings.TOKENAUTH = {"SCOPES": {"read": "Read"}, "LOGIN_SCOPES": ["reed"]}
    (message,) = check_settings(None)
    assert message.id == "tokenauth.E007"
    assert "LOGIN_SCOPES" in message.msg


@pytest.mark.parametrize("rate", ["1/s", "5/sec", "60/min", "100/hour", "1000/day"])
def test_a_limit_behind_proxies_that_are_counted(settings: Any, rate: str) -> None:
    settings.TOKENAUTH = {"FAILURE_LIMIT": rate, "TRUSTED_PROXIES": 1}
    assert check_settings(None) == []


def test_what_is_no_dictionary(settings: Any) -> None:
    settings.TOKENAUTH = ["SCOPES"]
    assert [message.id for message in check_settings(None)] == ["tokenauth.E001"]


def test_without_the_dictionary_all_is_default(settings: Any) -> None:
    del settings.TOKENAUTH
    assert check_settings(None) == []
    assert conf.DEFAULT_SCOPES == ["*"]


def test_a_mistyped_key_is_answered_with_the_right_one(settings: Any) -> None:
    settings.TOKENAUTH = {"PEPPER": {}}
    assert "PEPPERS" in (check_settings(None)[0].hint or "")


def test_a_weak_pepper_is_not_printed(settings: Any) -> None:
    settings.TOKENAUTH = {"PEPPERS": {1: "hunter2"}}
    assert "hunter2" not in str(check_settings(None))


def test_every_setting_has_a_shape_and_a_test() -> None:
    assert {key for key, _ in RIGHT} == KEYS
    assert {key for key, _, _ in WRONG if key in KEYS} == KEYS


def test_every_check_has_an_id_of_its_own_and_is_documented() -> None:
    root = Path(tokenauth.__file__).parent
    places: dict[str, set[str]] = {}
    for path in (*root.glob("checks/*.py"), root / "oauth" / "checks.py", root / "devices" / "checks.py"):
        for part in re.split(r"\n(?=def )", path.read_text()):
            for check in re.findall(r'"(tokenauth\.[EW]\d{3})"', part):
                places.setdefault(check, set()).add(f"{path.name}: {part.splitlines()[0]}")
    assert all(len(functions) == 1 for functions in places.values()), places
    assert len(places) == 41
    reference = (root.parent / "docs" / "reference.md").read_text()
    assert [check for check in sorted(places) if f"`{check}`" not in reference] == []


@pytest.mark.parametrize("wrong", [None, ["SCOPES"], {"SCOPES": 5}, {"SCOPES": ["read:sites"]}])
def test_a_wrong_setting_is_said_and_nothing_fails_for_it(settings: Any, wrong: Any) -> None:
    settings.TOKENAUTH = wrong
    with pytest.raises(SystemCheckError) as failed:
        call_command("check")
    assert re.findall(r"tokenauth\.[EW]\d+", str(failed.value)) in (["tokenauth.E001"], ["tokenauth.E003"])


def test_a_translated_description_is_right(settings: Any) -> None:
    settings.TOKENAUTH = {
        "SCOPES": {"a": gettext_lazy("Yes"), "b": {"description": gettext_lazy("No"), "implies": ["a"]}}
    }
    assert check_settings(None) == []
    assert [scope.description for scope in registry().values()][:2] == ["Yes", "No"]
    assert grants(["b"], "a")


@pytest.mark.django_db
def test_the_sample_project_has_nothing_to_complain_of() -> None:
    call_command("check", fail_level="WARNING")


def test_a_deployment_that_reports_only_is_warned_of(settings: Any) -> None:
    settings.TOKENAUTH = {"ENFORCE_SCOPES": False}
    assert check_settings(None) == []
    (message,) = check_deployment(None)
    assert message.id == "tokenauth.W005"
    with pytest.raises(SystemCheckError, match=r"tokenauth\.W005"):
        call_command("check", "--deploy", "--tag", "security", "--fail-level", "WARNING")
    call_command("check", "--tag", "security", "--fail-level", "WARNING")
    settings.TOKENAUTH = {}
    assert check_deployment(None) == []
    settings.TOKENAUTH = {"ENFORCE_SCOPES": 0}
    assert check_deployment(None) == []
    # Another warning does not hide it.
    settings.TOKENAUTH = {"ENFORCE_SCOPES": False, "API_KEY_HEADER": "X-Client"}
    assert [message.id for message in check_settings(None)] == ["tokenauth.W003"]
    assert [message.id for message in check_deployment(None)] == ["tokenauth.W005"]


@pytest.mark.parametrize(("seconds", "found"), [(5, ["tokenauth.W010"]), (0, [])])
def test_a_memory_that_no_transaction_uses(
    seconds: float, found: list[str], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TOKENAUTH = {**settings.TOKENAUTH, "LOOKUP_CACHE_SECONDS": seconds}
    assert check_settings(None) == []
    monkeypatch.setitem(settings.DATABASES["default"], "ATOMIC_REQUESTS", value=True)
    assert [message.id for message in check_settings(None)] == found

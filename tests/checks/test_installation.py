from __future__ import annotations

from typing import Any

import pytest

from tokenauth.checks import check_middleware, check_rest_framework
from tokenauth.middleware import AccessTokenMiddleware

SESSION = "rest_framework.authentication.SessionAuthentication"
OURS = "tokenauth.authentication.AccessTokenAuthentication"
HANDLER = "tokenauth.exception_handler.exception_handler"


class Subclass(AccessTokenMiddleware):
    pass


def ids(messages: Any) -> list[str]:
    return [message.id for message in messages]


@pytest.mark.parametrize(
    ("middleware", "expected"),
    [
        ([], ["tokenauth.W001"]),
        (["django.middleware.common.CommonMiddleware"], ["tokenauth.W001"]),
        (["nowhere.at.all"], ["tokenauth.W001"]),
        (["tokenauth.middleware.AccessTokenMiddleware"], []),
        ([f"{__name__}.Subclass"], []),
    ],
)
def test_the_middleware_is_missing(settings: Any, middleware: list[str], expected: list[str]) -> None:
    settings.MIDDLEWARE = middleware
    assert ids(check_middleware(None)) == expected


@pytest.mark.parametrize(
    ("classes", "handler", "expected"),
    [
        ([SESSION, OURS], None, ["tokenauth.W002"]),
        ([SESSION, OURS], HANDLER, []),
        ([OURS, SESSION], None, []),
        ([SESSION], None, []),
    ],
)
def test_the_exception_handler_is_missing_with_a_session_class_first(
    settings: Any, classes: list[str], handler: str | None, expected: list[str]
) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": classes} | (
        {"EXCEPTION_HANDLER": handler} if handler else {}
    )
    assert ids(check_rest_framework(None)) == expected


def test_without_rest_framework_there_is_nothing_to_check(settings: Any) -> None:
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "rest_framework"]
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": [SESSION, OURS]}
    assert check_rest_framework(None) == []

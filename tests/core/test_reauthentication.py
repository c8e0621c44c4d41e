"""How long ago somebody signed in, by the session, and asking for the password again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.contrib.auth import get_user_model, login
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import ValidationError
from django.test import RequestFactory

from tokenauth.core import reauthentication
from tokenauth.core.password_check import PASSWORD_LENGTH

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

START = "2030-01-01T12:00:00Z"
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def request_of(alice: User, settings: Any) -> Callable[..., HttpRequest]:
    """A request by session, of ``alice`` who signs in now."""
    # Quick: how passwords are kept is not in question.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    alice.set_password("right")
    alice.save()

    def make(user: Any = alice) -> HttpRequest:
        request = RequestFactory().get("/")
        request.session, request.user = SessionStore(), user
        login(request, user, BACKEND)
        return request

    return make


@pytest.mark.parametrize("age", [timedelta(hours=1), timedelta(0)])
def test_a_sign_in_is_recent_until_the_age(
    request_of: Callable[..., HttpRequest], age: timedelta, tokenauth_settings: Callable[..., None]
) -> None:
    tokenauth_settings(REAUTHENTICATION_AGE=age)
    with time_machine.travel(START, tick=False) as clock:
        request = request_of()
        clock.shift(age)
        assert reauthentication.is_recent(request)
        clock.shift(timedelta(seconds=1))
        assert not reauthentication.is_recent(request)


def test_by_a_clock_that_was_wrong_it_is_not(request_of: Callable[..., HttpRequest]) -> None:
    with time_machine.travel(START, tick=False) as clock:
        request = request_of()
        clock.shift(timedelta(hours=-1))
        assert not reauthentication.is_recent(request)


@pytest.mark.parametrize("at", [None, "now", "1e99", [], True])
def test_a_session_from_before_this_app_is_not_recent(
    request_of: Callable[..., HttpRequest], at: object
) -> None:
    request = request_of()
    request.session[reauthentication.AUTHENTICATED_AT] = at
    assert not reauthentication.is_recent(request)


def test_what_is_not_made_by_session_is_not_in_question() -> None:
    request = RequestFactory().get("/")
    assert reauthentication.is_recent(request)
    request.session = SessionStore()
    assert reauthentication.is_recent(request)


def test_the_right_password_makes_it_recent(request_of: Callable[..., HttpRequest]) -> None:
    with time_machine.travel(START, tick=False) as clock:
        request = request_of()
        clock.shift(timedelta(days=1))
        for wrong in ("wrong", "", "right ", "RIGHT", "r" * (PASSWORD_LENGTH + 1)):
            with pytest.raises(ValidationError, match="wrong"):
                reauthentication.confirm(request, wrong)
            assert not reauthentication.is_recent(request)
        reauthentication.confirm(request, "right")
        assert reauthentication.is_recent(request)


def test_that_of_somebody_else_does_not(request_of: Callable[..., HttpRequest], bob: User) -> None:
    bob.set_password("bobs")
    bob.save()
    with pytest.raises(ValidationError, match="wrong"):
        reauthentication.confirm(request_of(), "bobs")


def test_of_an_inactive_user_none_is_right(request_of: Callable[..., HttpRequest], alice: User) -> None:
    request = request_of()
    alice.is_active = False
    alice.save()
    with pytest.raises(ValidationError, match="wrong"):
        reauthentication.confirm(request, "right")


def test_it_is_not_found_out_by_trying(request_of: Callable[..., HttpRequest]) -> None:
    with time_machine.travel(START, tick=False) as clock:
        for _ in range(10):
            with pytest.raises(ValidationError, match="wrong"):
                # Whatever session they have.
                reauthentication.confirm(request_of(), "guess")
        with pytest.raises(ValidationError, match="Try again in 60 seconds"):
            reauthentication.confirm(request_of(), "right")
        clock.shift(timedelta(minutes=1))
        reauthentication.confirm(request_of(), "right")


def test_no_one_elses_sign_in_is_that_of_the_session(
    request_of: Callable[..., HttpRequest], bob: User
) -> None:
    with time_machine.travel(START, tick=False) as clock:
        request = request_of()
        clock.shift(timedelta(days=1))
        user_model = get_user_model()
        # As of a view that signs bob in by Basic, while alice's cookie comes along.
        user_logged_in.send(user_model, request=request, user=bob)
        assert not reauthentication.is_recent(request)
        user_logged_in.send(user_model, request=None, user=bob)
        user_logged_in.send(user_model, request=RequestFactory().get("/"), user=bob)


def test_signing_in_again_ends_the_session_and_comes_back(
    request_of: Callable[..., HttpRequest], settings: Any
) -> None:
    settings.LOGIN_URL = "/login/"
    request = request_of()
    answer = reauthentication.sign_in_again(request, "/tokens/new/?name=a%26b")
    assert answer["Location"] == "/login/?next=/tokens/new/%3Fname%3Da%2526b"
    assert not request.user.is_authenticated


def test_a_backend_that_maps_names_lets_no_other_account_confirm(
    request_of: Callable[..., HttpRequest], bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_of()
    bob.set_password("bobs")
    bob.save()
    # As where names are aliases: whoever knows alice's other account is not alice.
    monkeypatch.setattr(type(bob), "get_username", lambda self: "bob")
    with pytest.raises(ValidationError, match="wrong"):
        reauthentication.confirm(request, "bobs")


def test_who_is_wrong_too_often_keeps_nobody_else_out(
    request_of: Callable[..., HttpRequest], bob: User
) -> None:
    request, bobs = request_of(), request_of(bob)
    bob.set_password("bobs")
    bob.save()
    for _ in range(11):
        with pytest.raises(ValidationError):
            reauthentication.confirm(request, "guess")
    reauthentication.confirm(bobs, "bobs")

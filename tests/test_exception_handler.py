from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import translation
from django.utils.translation import get_language, override

from tests.conftest import bearer
from tokenauth.exceptions import Reason
from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from testproject.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.urls")]

UNKNOWN = "pat_00000000000000000000000000000042VsRc"


def test_no_credential_is_a_plain_challenge(api: APIClient) -> None:
    answer = api.get("/who")
    assert answer.json() == {
        "error": {
            "code": "UNAUTHORIZED",
            "message": "No bearer token or API key was presented.",
            "reason": "missing",
        }
    }
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
    assert answer["Cache-Control"] == "no-store"


def test_a_refused_credential_is_an_invalid_token(api: APIClient) -> None:
    answer = api.get("/who", **bearer(UNKNOWN))
    assert answer["WWW-Authenticate"] == (
        'Bearer realm="api", error="invalid_token", error_description="The credential is not known."'
    )
    assert answer["Cache-Control"] == "no-store"
    assert "Authorization" in answer["Vary"]
    assert "X-API-Key" in answer["Vary"]


def test_a_missing_scope_names_what_is_needed(api: APIClient, alice: User) -> None:
    token = alice.generate_access_token("t", ["read:events"])
    answer = api.get("/several", **bearer(token))
    assert answer.status_code == 403
    assert answer.json()["error"] == {
        "code": "FORBIDDEN",
        "message": "The credential lacks a scope that this request needs.",
        "reason": "insufficient_scope",
    }
    challenge = answer["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="api", error="insufficient_scope", ')
    assert challenge.endswith(', scope="read:sites write:sites"')


@pytest.mark.parametrize(
    "path", ["/session-first", "/basic-first", "/bearer-alone", "/who", "/no-authenticator"]
)
def test_a_401_whatever_the_order_of_the_classes(api: APIClient, path: str) -> None:
    answer = api.get(path)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith('Bearer realm="api"')


def test_another_schemes_challenge_is_kept(api: APIClient) -> None:
    assert api.get("/basic-first")["WWW-Authenticate"] == 'Bearer realm="api", Basic realm="api"'


def test_another_schemes_refusal_is_a_401_too(api: APIClient) -> None:
    answer = api.get("/session-basic-bearer", HTTP_AUTHORIZATION="Basic " + "YWxpY2U6d3Jvbmc=")
    assert (answer.status_code, answer.json()["error"]["reason"]) == (401, "authentication_failed")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


def test_a_view_without_a_class_of_ours_keeps_its_challenge(api: APIClient) -> None:
    answer = api.get("/basic-alone")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Basic realm="api"')


def test_a_view_without_a_class_of_ours_keeps_its_403(api: APIClient) -> None:
    answer = api.get("/session-alone")
    assert answer.status_code == 403
    assert answer.json()["error"]["reason"] == "not_authenticated"


@pytest.mark.parametrize(
    ("path", "status", "code", "reason"),
    [
        ("/conflict", 409, "CONFLICT", "conflict"),
        ("/throttled", 429, "TOO_MANY_REQUESTS", "throttled"),
        ("/group", 403, "FORBIDDEN", "permission_denied"),
    ],
)
def test_refusals_that_are_not_ours_have_the_same_form(
    api: APIClient, alice: User, path: str, status: int, code: str, reason: str
) -> None:
    answer = api.get(path, **bearer(alice.generate_access_token("t")))
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["reason"]) == (status, code, reason)
    assert error["message"]
    assert "WWW-Authenticate" not in answer
    assert answer.get("Retry-After") == ("7" if status == 429 else None)
    assert TokenLogin.objects.count() == 0


@pytest.mark.parametrize("path", ["/locked", "/locked-without", "/locked-object", "/outweighed-then-not"])
def test_a_refusal_that_was_outweighed_is_not_blamed(api: APIClient, alice: User, path: str) -> None:
    answer = api.get(path, **bearer(alice.generate_access_token("t", ["read:sites"])))
    assert answer.status_code == 403
    assert answer.json()["error"]["reason"] == "permission_denied"
    assert "WWW-Authenticate" not in answer
    assert TokenLogin.objects.count() == 0


def test_a_refusal_inside_of_a_composition_is_named(api: APIClient, alice: User) -> None:
    answer = api.get("/either", **bearer(alice.generate_access_token("t", ["read:sites"])))
    assert answer.json()["error"]["reason"] == "insufficient_scope"
    assert answer["WWW-Authenticate"].endswith('scope="read:events"')


def test_what_a_view_makes_of_a_refusal_is_its_own(api: APIClient, alice: User) -> None:
    answer = api.get("/translated", **bearer(alice.generate_access_token("t", ["read:sites"])))
    assert (answer.status_code, list(answer.json())) == (404, ["detail"])


def test_other_answers_stay_rest_frameworks(api: APIClient, alice: User) -> None:
    token = alice.generate_access_token("t")
    for path, status in (("/inventory-service/sites/9999", 404), ("/inventory-service/sites/x", 404)):
        answer = api.get(path, **bearer(token))
        assert answer.status_code == status
        assert "detail" in answer.json()
    answer = api.post("/inventory-service/sites", {}, format="json", **bearer(token))
    assert answer.status_code == 400
    assert set(answer.json()) == {"name", "city"}
    answer = api.delete("/open")
    assert answer.status_code == 405
    assert "detail" in answer.json()


def test_a_failing_view_stays_a_500(api: APIClient, alice: User) -> None:
    api.raise_request_exception = False
    assert api.get("/failing", **bearer(alice.generate_access_token("t"))).status_code == 500


@pytest.mark.parametrize("reason", list(Reason))
def test_a_description_is_ascii(reason: Reason) -> None:
    assert reason.description.isascii()
    assert '"' not in reason.description
    assert "\\" not in reason.description


def test_the_message_is_translated_and_the_description_is_not(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As a catalogue would: the label is translated where a language is active.
    real = translation._trans.gettext

    def gettext(message: str) -> str:
        return "Unbekannt." if get_language() == "de" and "not known" in message else real(message)

    monkeypatch.setattr(translation._trans, "gettext", gettext)
    with override("de"):
        answer = api.get("/who", **bearer(UNKNOWN))
    assert answer.json()["error"]["message"] == "Unbekannt."
    assert 'error_description="The credential is not known."' in answer["WWW-Authenticate"]


def test_each_reason_has_its_status() -> None:
    forbidden = {"insufficient_scope", "organization", "ip_address", "session", "read_only"}
    assert {reason.value for reason in Reason if reason.status == 403} == forbidden
    assert {reason.value for reason in Reason if reason.status == 429} == {"throttled"}
    others = forbidden | {"throttled"}
    assert {reason.status for reason in Reason if reason.value not in others} == {401}


def test_a_rotation_that_is_in_conflict(api: APIClient, alice: User) -> None:
    token = bearer(alice.generate_access_token("t", ["tokens:manage"]))
    assert api.post("/rotate", **token).status_code == 201
    answer = api.post("/rotate", **token)
    assert answer.status_code == 409
    assert (answer.json()["error"]["code"], answer.json()["error"]["reason"]) == ("CONFLICT", "rotated")
    assert "rotated before" in answer.json()["error"]["message"]
    assert "WWW-Authenticate" not in answer

"""What a request costs, held against the committed baseline ``query_counts.json``.

A change that makes it dearer must say so by changing that file.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.views import APIView

from tests.conftest import bearer
from tokenauth.authentication import AccessTokenAuthentication
from tokenauth.core.request_state import state_of
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.test import APIClient

    from testproject.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.urls")]

BASELINE: dict[str, dict[str, dict[str, int]]] = json.loads(
    Path(__file__).with_name("query_counts.json").read_text()
)
CASES = ["valid inside the interval", "valid at its edge", "malformed", "unknown", "revoked", "no scope"]


@pytest.fixture
def header(alice: User, request: pytest.FixtureRequest) -> dict[str, str]:
    """The header of one of the cases."""
    case: str = request.param
    token = alice.generate_access_token("t", [] if case == "no scope" else ["read:sites"])
    now = timezone.now()
    if case != "valid at its edge":
        AccessToken.objects.update(last_used_at=now)
    else:
        AccessToken.objects.update(last_used_at=now - timedelta(minutes=1))
    if case == "revoked":
        token.revoke()
    return {
        "malformed": bearer("pat_junk"),
        "unknown": bearer("pat_00000000000000000000000000000042VsRc"),
    }.get(case) or bearer(token)


def counted(run: Callable[[], object]) -> dict[str, int]:
    """How many statements of each kind ``run`` sends; savepoints, which keep rows apart, aside."""
    with CaptureQueriesContext(connection) as captured:
        run()
    kinds = (query["sql"].split()[0] for query in captured.captured_queries)
    return dict(Counter(kind for kind in kinds if kind not in ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")))


@pytest.mark.parametrize(("header", "case"), [(case, case) for case in CASES], indirect=["header"])
def test_authenticate(header: dict[str, str], case: str) -> None:
    request = RequestFactory().get("/", **header)
    state_of(request).deferred = True
    request_ = APIView().initialize_request(request)

    def run() -> None:
        if case in ("malformed", "unknown", "revoked"):
            with pytest.raises(AuthenticationFailed):
                AccessTokenAuthentication().authenticate(request_)
        else:
            assert AccessTokenAuthentication().authenticate(request_)

    assert counted(run) == BASELINE["authenticate()"][case]


@pytest.mark.parametrize(("header", "case"), [(case, case) for case in CASES], indirect=["header"])
def test_the_whole_request(api: APIClient, header: dict[str, str], case: str) -> None:
    answers: list[Any] = []
    counts = counted(lambda: answers.append(api.get("/who", **header)))
    assert answers[0].status_code == {"no scope": 403}.get(case, 200 if case.startswith("valid") else 401)
    assert counts == BASELINE["request"][case]


def test_the_baseline_keeps_what_was_promised() -> None:
    """The promises themselves, so that nobody loosens the file without reading them."""
    for costs in BASELINE.values():
        assert costs["valid inside the interval"] == {"SELECT": 1}
        assert costs["malformed"].get("SELECT", 0) == 0
    assert BASELINE["request"]["valid at its edge"] == {"SELECT": 1, "UPDATE": 1}
    assert BASELINE["request"]["malformed"] == {"INSERT": 1}
    assert BASELINE["authenticate()"]["malformed"] == {}

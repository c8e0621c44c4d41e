"""The sample project over HTTP, asked for all that its schema allows, and for much that it does not."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

import pytest
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from drf_spectacular.generators import SchemaGenerator
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from testproject.inventory.models import Asset, Event, Schedule, Session, Site
from tests.fuzzing.depth import DEPTH
from tokenauth.core import attempt_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testproject.accounts.models import User


NOW = "2026-03-01T12:00:00Z"


@pytest.fixture(autouse=True)
def _open_connections() -> Iterator[None]:
    """A server closes a connection after each request; here it is the test's."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def keys(alice: User) -> dict[str, list[Any]]:
    """Of what there is, by the path that shows it; of each, one of another organization."""
    keys: dict[str, list[Any]] = {}
    for organization in (alice.organization, "greenfleet"):
        site = Site.objects.create(name="Quay", city="Bergen", organization=organization)
        asset = Asset.objects.create(site=site, name="A", kind="solar", power_kw=9, organization=organization)
        hours = {"starts_at": "08:00", "ends_at": "17:00"}
        rows = {
            "sites": site,
            "assets": asset,
            "schedules": Schedule.objects.create(
                asset=asset, name="S", limit_kw=9, organization=organization, **hours
            ),
            "sessions": Session.objects.create(
                asset=asset, started_at=NOW, energy_kwh=1, organization=organization
            ),
            "events": Event.objects.create(
                asset=asset, happened_at=NOW, message="on", organization=organization
            ),
        }
        for name, row in rows.items():
            keys.setdefault(name, []).append(row.pk)
    ended = alice.generate_access_token("ended")
    ended.revoke()
    keys["tokens"] = [str(alice.generate_access_token("other").pk), str(ended.pk)]
    return keys


def pointed_at(schema: dict[str, Any], keys: dict[str, list[Any]]) -> dict[str, Any]:
    """The schema, whose keys are mostly those of what there is."""
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    known = keys[path.split("/")[2]]
                    parameter["schema"] = {"anyOf": [{"enum": known}, {"enum": known}, parameter["schema"]]}
            if path.startswith("/inventory-service/"):
                # REST framework's own, of which drf-spectacular says nothing.
                operation["responses"] |= {status: {"description": ""} for status in ("400", "404")}
    for name in ("starts_at", "ends_at"):
        for component in ("Schedule", "PatchedSchedule"):
            # By JSON Schema a time has an offset, which Django's has not.
            del schema["components"]["schemas"][component]["properties"][name]["format"]
    return schema


# Beside what nobody would think of, what somebody would.
JUNK = (
    {},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer eyJ.foo.bar"},
    {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."},
    {"Authorization": "Bearer pat_00000000000000000000000000000042VsRc"},
    {"Authorization": "Basic YWxpY2U6"},
    {"X-API-Key": "ak_live_0"},
)


def each_operation(
    keys: dict[str, list[Any]],
    mode: str,
    ask: Callable[[Any, dict[str, str]], None],
    *senders: dict[str, str],
) -> None:
    """Ask for each operation of the schema, as each of ``senders``; what is done is undone."""
    # Not at the top: it takes each process that collects tests a second.
    from schemathesis import GenerationMode
    from schemathesis.config import SchemathesisConfig
    from schemathesis.openapi import from_dict

    config = SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})
    schema = from_dict(
        pointed_at(SchemaGenerator().get_schema(request=None, public=True), keys), config=config
    )
    schema.app = get_wsgi_application()
    for result in schema.get_all_operations():
        cases = result.ok().as_strategy(GenerationMode(mode))

        # Of each operation it is a test of its own, and of both modes three dozen.
        @settings(DEPTH, max_examples=DEPTH.max_examples // 8)
        @given(case=cases, headers=st.sampled_from(senders))
        def asked(case: Any, headers: dict[str, str]) -> None:
            cache.clear()
            attempt_limit._shares.clear()
            with transaction.atomic():
                ask(case, {"Host": "localhost", **headers})
                transaction.set_rollback(True)

        # Of some there is nothing that could be asked wrongly.
        with suppress(Unsatisfiable) if mode == "negative" else nullcontext():
            asked()


@pytest.mark.django_db
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_each_answer_is_one_of_those_that_the_schema_tells(
    alice: User, keys: dict[str, list[Any]], mode: str
) -> None:
    from schemathesis import checks
    from schemathesis.specs.openapi import checks as openapi

    asked = [
        checks.not_a_server_error,
        openapi.status_code_conformance,
        openapi.content_type_conformance,
        openapi.response_headers_conformance,
        openapi.response_schema_conformance,
        # Without the token, or with another, it is refused.
        openapi.ignored_auth,
    ]
    token = alice.generate_access_token("fuzz", ["*", "tokens:manage"])
    each_operation(
        keys,
        mode,
        lambda case, headers: case.call_and_validate(headers=headers, checks=asked),
        {"Authorization": f"Bearer {token.raw_token}"},
    )


@pytest.mark.django_db
def test_whoever_has_no_token_is_told_so_and_nothing_else(keys: dict[str, list[Any]]) -> None:
    def ask(case: Any, headers: dict[str, str]) -> None:
        answer = case.call(headers=headers)
        if case.operation.path not in ("/api/leaks/", "/auth/token"):
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "UNAUTHORIZED"
        case.validate_response(answer, headers=headers, excluded_checks=unasked)

    from schemathesis.specs.openapi import checks as openapi

    # REST framework takes more than JSON Schema does, and less.
    unasked = [openapi.positive_data_acceptance, openapi.negative_data_rejection]
    each_operation(keys, "positive", ask, *JUNK)

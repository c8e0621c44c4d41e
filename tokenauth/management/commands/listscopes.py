from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from tokenauth.endpoints import Access, endpoints
from tokenauth.management.tables import table

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from tokenauth.endpoints import Endpoint

_REQUIRING_NONE = {
    Access.SIGNED_IN: "(any signed-in caller)",
    Access.SESSION: "(session: no token)",
    Access.PUBLIC: "(public)",
    Access.UNDECLARED: "! UNDECLARED",
}


class Command(BaseCommand):
    help = "Lists every URL and method with the scopes it requires; marks and counts those that require none."
    # What is wrong with the views is told by the list itself.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=["table", "json"], default="table")
        parser.add_argument(
            "--fail-undeclared",
            action="store_true",
            help="exit with 1 where a view does not say who may ask: for continuous integration",
        )
        parser.add_argument(
            "--except",
            action="append",
            default=[],
            metavar="URL",
            dest="excepted",
            help="the beginning of URLs that may say nothing, such as /i18n/; may be repeated",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(endpoints())
        if options["format"] == "json":
            self.stdout.write(json.dumps([_as_json(endpoint) for endpoint in found], indent=2))
        else:
            self.stdout.write(table(("METHOD", "URL", "SCOPES", "VIEW"), map(_as_row, found)))
            self.stdout.write(f"\n{_summary(found)}")
        excepted = tuple(options["excepted"])
        undeclared = [
            endpoint
            for endpoint in found
            if endpoint.rule.access is Access.UNDECLARED and not endpoint.url.startswith(excepted)
        ]
        if undeclared and options["fail_undeclared"]:
            lines = [f"  {one.method} {one.url} ({_name_of(one)}): {one.rule.problem}" for one in undeclared]
            raise CommandError("\n".join(["These do not say who may ask:", *lines]))


def _name_of(endpoint: Endpoint) -> str:
    return f"{endpoint.view}.{endpoint.action}" if endpoint.action else endpoint.view


def _as_row(endpoint: Endpoint) -> tuple[str, str, str, str]:
    requires = endpoint.rule.requires or _REQUIRING_NONE[endpoint.rule.access]
    return endpoint.method, endpoint.url, requires, _name_of(endpoint)


def _as_json(endpoint: Endpoint) -> dict[str, Any]:
    rule = endpoint.rule
    return {
        "method": endpoint.method,
        "url": endpoint.url,
        "access": rule.access.value,
        "scopes": list(rule.scopes),
        "requires": rule.requires,
        "view": _name_of(endpoint),
        "problem": rule.problem,
    }


def _summary(found: list[Endpoint]) -> str:
    counts = Counter(endpoint.rule.access for endpoint in found)
    none = sum(counts[access] for access in _REQUIRING_NONE)
    by_access = ", ".join(f"{counts[access]} {access.value}" for access in _REQUIRING_NONE)
    return f"{len(found)} in all; {none} require no scope: {by_access}."

"""What axe-core finds on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

GRAVE = ("serious", "critical")
OPTIONS = {
    "resultTypes": ["violations"],
    # It would write style sheets into the page, for rules that no page here needs (sound, and experimental
    # ones), and the policy would report them.
    "preload": False,
}


def assert_accessible(page: Page) -> None:
    """axe-core finds nothing serious or critical on ``page``, as it is now."""
    violations = Axe().run(page, options=OPTIONS).response["violations"]
    lines = [line for each in violations if each["impact"] in GRAVE for line in _lines(each)]
    assert not lines, f"{page.url} is not accessible:\n" + "\n".join(lines)


def _lines(violation: dict[str, Any]) -> Iterator[str]:
    yield f"{violation['id']} ({violation['impact']}): {violation['help']}. {violation['helpUrl']}"
    for node in violation["nodes"]:
        yield f"  {' '.join(map(str, node['target']))}: {node['html']}"
        for check in (*node["any"], *node["all"], *node["none"]):
            yield f"    {check['message']}"

"""How a page is looked at: in which colors, how wide."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

Color = Literal["light", "dark"]
Width = Literal["desktop", "phone"]

COLORS: tuple[Color, ...] = ("light", "dark")
WIDTHS: dict[Width, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}


@dataclass(frozen=True)
class Look:
    color: Color = "light"
    width: Width = "desktop"

    def __str__(self) -> str:
        return f"{self.color}-{self.width}"

    @property
    def options(self) -> dict[str, Any]:
        """Of a browser's context."""
        return {"color_scheme": self.color, **WIDTHS[self.width]}

    @property
    def suffix(self) -> str:
        """Of a picture's name; a light desktop has none."""
        return ("-dark" if self.color == "dark" else "") + ("-phone" if self.width == "phone" else "")


# Marks a test that is to run in each of them; any other runs on a light desktop.
in_every_look = pytest.mark.parametrize(
    "look", [Look(*each) for each in product(COLORS, WIDTHS)], ids=str, indirect=True
)

# Marks a test that is to run with scripts switched off.
without_javascript = pytest.mark.parametrize("javascript", [False], ids=["without-javascript"])

_WIDER_THAN_THE_PAGE = """() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return null;
    const wide = [...document.body.querySelectorAll("*")]
        .filter((element) => element.getBoundingClientRect().right > width)
        .map((element) => element.cloneNode().outerHTML.slice(0, 120));
    return [`${document.documentElement.scrollWidth} px on ${width}`, ...wide.slice(0, 10)];
}"""


def assert_fits(page: Page) -> None:
    """Nobody has to scroll ``page`` sideways."""
    wider = page.evaluate(_WIDER_THAN_THE_PAGE)
    assert wider is None, f"{page.url} is wider than the window:\n" + "\n".join(wider)

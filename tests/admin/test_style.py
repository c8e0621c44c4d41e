"""The colours of the badges: to be read by people who see contrast less well."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tokenauth

CSS = (Path(tokenauth.__file__).parent / "static/tokenauth/admin.css").read_text()
THEMES = re.findall(r"[^{}]*\{\s*((?:--tokenauth-[^;]*;\s*)+)\}", CSS)


def luminance(colour: str) -> float:
    """Of WCAG 2.2."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_reckoned_as_wcag_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_there_is_a_light_theme_and_the_dark_one_twice() -> None:
    light, dark, chosen = THEMES
    assert re.sub(r"\s+", " ", dark) == re.sub(r"\s+", " ", chosen) != re.sub(r"\s+", " ", light)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("look", ["good", "late", "idle", "ended"])
def test_a_badge_can_be_read(theme: str, look: str) -> None:
    colours = dict(re.findall(rf"--tokenauth-{look}-(bg|fg): (#[0-9a-f]{{6}});", theme))
    assert contrast(colours["bg"], colours["fg"]) >= 4.5


@pytest.mark.parametrize("look", ["active", "expired", "unused", "revoked", "accepted", "refused"])
def test_each_badge_has_its_colours(look: str) -> None:
    (rule,) = re.findall(rf"\.tokenauth-{look}[^{{]*\{{([^}}]*)\}}", CSS)
    assert re.findall(r"--tokenauth-([a-z]+)-bg", rule) == re.findall(r"--tokenauth-([a-z]+)-fg", rule) != []

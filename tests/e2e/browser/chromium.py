"""Chromium: where it is, and what is missing to drive it."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

NAMES = ("chromium", "chromium-browser", "google-chrome")
# What the extra `browser` brings.
PACKAGES = ("playwright", "axe_playwright_python")


def executable() -> str | None:
    """What ``CHROMIUM`` names, or the first that is in the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def left_out() -> str:
    """Why the tests in a browser are left out, and how to run them; empty where they can run."""
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if executable() is None:
        missing.append("Chromium")
    if not missing:
        return ""
    return (
        f"The tests in a browser are left out: {', '.join(missing)} not found. To run them: install Debian's "
        'package chromium (or name another in CHROMIUM), pip install -e ".[dev,browser]", '
        "pytest tests/e2e/browser"
    )

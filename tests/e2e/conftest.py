from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def walk_through(tmp_path: Path) -> Iterator[Callable[[str], Walk]]:
    """A new project, for the page of this name."""
    begun: list[Walk] = []

    def begin(page: str) -> Walk:
        begun.append(Walk(page, tmp_path))
        return begun[-1]

    yield begin
    for walk in begun:
        walk.close()

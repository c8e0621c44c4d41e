"""The public test vectors: see tests/devices/vectors/README.md."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "vectors"


class Vector(dict[str, str]):
    """What goes in and what comes out of one vector, by name."""

    def octets(self, name: str) -> bytes:
        return b64decode(self[name], validate=True)


def vectors(name: str) -> list[Vector]:
    return [Vector({**row.get("input", row), **row.get("output", {})}) for row in rows(name)]


def rows(name: str) -> list[dict[str, Any]]:
    content = json.loads((FOLDER / name).read_text())
    content.pop("description", None)
    (found,) = content.values()
    return found

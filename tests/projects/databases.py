"""The databases of the projects: on the server that the sample project is on."""

from copy import deepcopy
from typing import Any

from testproject.settings import DATABASES


def database(name: str) -> dict[str, Any]:
    """The sample project's database, with a test database of its own called after ``name``."""
    configured: dict[str, Any] = deepcopy(DATABASES["default"])
    sample = configured.get("TEST", {}).get("NAME") or f"test_{configured['NAME']}"
    configured["TEST"] = {"NAME": f"{sample}_{name}"}
    return configured

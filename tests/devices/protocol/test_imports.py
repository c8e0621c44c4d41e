"""What devices speak is for a client as well, which has no Django."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import tokenauth
from tokenauth.devices import protocol

MODULES = sorted(path.stem for path in Path(protocol.__path__[0]).glob("*.py") if path.stem != "__init__")

IMPORTS = """
import importlib, sys

foreign = ["django", "rest_framework", "oauth2_provider", "oauthlib", "jwcrypto", "httpx", "requests"]
for name in foreign:
    sys.modules[name] = None
for name in sys.argv[1:]:
    importlib.import_module("tokenauth.devices.protocol." + name)
ours = {name for name in sys.modules if name.split(".")[0] == "tokenauth"}
others = {name for name in ours if not name.startswith("tokenauth.devices.protocol")}
assert others == {"tokenauth", "tokenauth.devices"}, others
"""


def test_it_is_imported_where_django_cannot_be_and_brings_nothing_else_of_ours() -> None:
    assert len(MODULES) > 10
    root = Path(tokenauth.__file__).parents[1]
    subprocess.run([sys.executable, "-c", IMPORTS, *MODULES], check=True, cwd=root)  # noqa: S603

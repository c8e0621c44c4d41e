"""A client that another project generates from the schema talks to a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from drf_spectacular.generators import SchemaGenerator

from testproject.inventory.models import Site
from testproject.inventory.seed import seed
from tests.e2e.process import run_python

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

    from testproject.accounts.models import User

# Each name is one that the generator made from the schema.
SCRIPT = """
import sys
from inventory import AuthenticatedClient
from inventory.api.inventory_service import (
    inventory_service_sites_create, inventory_service_sites_list, inventory_service_sites_retrieve
)
from inventory.models import Site

url, token, key = sys.argv[1:]
for client in (
    AuthenticatedClient(base_url=url, token=token),
    AuthenticatedClient(base_url=url, token=key, prefix="", auth_header_name="X-API-Key"),
):
    sites = inventory_service_sites_list.sync(client=client)
    print(*sorted(site.name for site in sites), sep=", ")
    print(inventory_service_sites_retrieve.sync(client=client, id=sites[0].id).city)
    body = Site(id=0, organization="", name="New Site", city="Oslo")
    print(inventory_service_sites_create.sync_detailed(client=client, body=body).status_code.value)
"""


@pytest.mark.django_db(transaction=True)
def test_it_works(live_server: LiveServer, alice: User, tmp_path: Path) -> None:
    seed()
    reader = alice.generate_access_token("reader", ["read:sites"])
    writer = alice.generate_access_token("writer", ["admin"], kind="api_key", environment="live")
    (tmp_path / "schema.json").write_text(json.dumps(SchemaGenerator().get_schema(public=True)))
    generator = Path(sys.executable).with_name("openapi-python-client")
    command = [generator, "generate", "--path", "schema.json", "--meta", "none", "--output-path", "inventory"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603
    assert made.returncode == 0, made.stdout + made.stderr

    (tmp_path / "use.py").write_text(SCRIPT)
    tokens = (reader.raw_token or "", writer.raw_token or "")
    used = run_python("use.py", live_server.url, *tokens, cwd=tmp_path, env=os.environ)
    assert used.stderr == ""
    sites = "Airport Car Park P4, Harbour Street Depot"
    assert used.stdout.splitlines() == [sites, "Hamburg", "403", sites, "Hamburg", "201"]
    assert Site.objects.get(name="New Site").organization == "northwind"

"""The client runs where Django cannot be imported, and brings no more than it needs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings

import tokenauth
from tests.client.processes import CLIENT, run
from tests.client.program import PIN, new_code, stored
from tokenauth.devices.models import Activation, DeviceToken

if TYPE_CHECKING:
    from testproject.accounts.models import User
    from tests.client.program import Program

# Lets nothing be imported of what it is told.
BLOCK = """
import sys
class Blocker:
    def __init__(self, names):
        self.names = names
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker(%r))
"""
SERVERS = {
    *("django", "rest_framework", "oauth2_provider", "oauthlib", "jwcrypto"),
    *("argon2", "tqdm", "segno", "testproject", "tests"),
}
EXTRA = ("httpx", "keyring", "filelock", "platformdirs")

FLOW = f"""{BLOCK % SERVERS}{CLIENT}
from tokenauth.client import PowerAuthTokenAuth, PowerAuthActivationState
knowledge = PowerAuthAuthentication.password(told["pin"])
with start() as power_auth, httpx.Client(base_url=told["url"], trust_env=False) as api:
    power_auth.activate(told["code"], told["pin"])
    assert power_auth.fetch_activation_status().state is PowerAuthActivationState.ACTIVE
    tokens = power_auth.token_store
    token = tokens.request_access_token("sites", knowledge)
    print(token.token_identifier)
    for auth in (PowerAuthTokenAuth(power_auth, "sites"),) * 2:
        print(api.get("/inventory-service/sites", auth=auth).status_code)
    header = tokens.generate_header_for_token("sites")
    for _ in range(2):
        print(api.get("/inventory-service/sites", headers={{header.key: header.value}}).status_code)
    tokens.request_access_token("events", possession)
    tokens.remove_access_token("sites")
    power_auth.validate_password(told["pin"])
    power_auth.change_password(told["pin"], "2468")
    power_auth.remove_activation_with_authentication(PowerAuthAuthentication.password("2468"))
    assert not power_auth.has_valid_activation()
assert not any(name.partition(".")[0] in {SERVERS!r} for name in sys.modules)
"""


def python(code: str) -> Any:
    """What ``code`` has printed as JSON."""
    ended = subprocess.run(  # noqa: S603 - a program of this test's own
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=settings.BASE_DIR,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def loaded_by(statement: str) -> set[str]:
    """All modules that ``statement`` imports, and that Python had not before."""
    # Some make modules of their own, which are imported from nowhere.
    code = f"""
import json, sys
before = set(sys.modules)
{statement}
after = {{name for name, module in sys.modules.items() if getattr(module, "__spec__", None)}}
print(json.dumps(sorted(after - before)))
"""
    return set(python(code))


def foreign(modules: set[str]) -> set[str]:
    """Neither Python's nor ours."""
    tops = {module.partition(".")[0] for module in modules}
    return {top for top in tops if top not in sys.stdlib_module_names and top != "tokenauth"}


def brought_by_the_extra() -> set[str]:
    """The top modules of what pip installs for the extra, and of what that uses where it is there."""
    told = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())
    assert tuple(map(name_of, told["project"]["optional-dependencies"]["client"])) == EXTRA
    found: set[str] = set()
    # What httpx prints in colours, or decompresses by, where that is there.
    _collect("httpx", found, is_optional=True)
    for name in (*EXTRA, "cryptography"):
        found.discard(name)
        _collect(name, found)
    distributions = packages_distributions()
    return {
        top
        for top, names in distributions.items()
        if {re.sub("[-_.]+", "-", n).lower() for n in names} & found
    }


def _collect(name: str, found: set[str], *, is_optional: bool = False) -> None:
    if name in found:
        return
    found.add(name)
    try:
        required = requires(name) or []
    except PackageNotFoundError:
        # Not for this system.
        return
    for each in required:
        if is_optional or "extra ==" not in each:
            _collect(name_of(each), found)


def name_of(requirement: str) -> str:
    (name,) = re.findall(r"^[\w.-]+", requirement)
    return re.sub("[-_.]+", "-", name).lower()


@pytest.mark.django_db(transaction=True)
def test_a_whole_flow_without_django(program: Program, alice: User) -> None:
    printed = run(FLOW, program, code=new_code(alice, program.release), pin=PIN).split()
    assert printed[1:] == ["200", "200", "200", "401"]
    assert stored().status == Activation.Status.REMOVED
    assert not DeviceToken.objects.exists()


def test_importing_the_package_brings_no_more_than_bearer_auth_needs() -> None:
    loaded = loaded_by("import tokenauth.client")
    assert {name for name in loaded if name.startswith("tokenauth")} == {
        *("tokenauth", "tokenauth.client", "tokenauth.client.bearer_auth")
    }
    # httpx, where it is there, with what it brings.
    assert foreign(loaded) <= brought_by_the_extra()
    assert not foreign(loaded) & {"keyring", "filelock", "platformdirs", "cryptography"}


def test_importing_a_device_brings_its_dependencies_and_the_protocol_alone() -> None:
    loaded = loaded_by("from tokenauth.client import PowerAuth")
    assert foreign(loaded) <= brought_by_the_extra()
    ours = {name for name in loaded if name.partition(".")[0] == "tokenauth"}
    others = {
        name for name in ours if not name.startswith(("tokenauth.client.", "tokenauth.devices.protocol."))
    }
    assert others == {"tokenauth", "tokenauth.client", "tokenauth.devices", "tokenauth.devices.protocol"}
    assert "tokenauth.client.power_auth" in ours


def test_every_name_of_the_package_is_there_without_django() -> None:
    code = f"""{BLOCK % SERVERS}
import json, tokenauth.client
print(json.dumps([getattr(tokenauth.client, name).__name__ for name in tokenauth.client.__all__]))
"""
    assert python(code) == tokenauth.client.__all__
    assert set(tokenauth.client.__all__) <= set(dir(tokenauth.client))


def test_bearer_auth_needs_nothing_else() -> None:
    code = f"""{BLOCK % (SERVERS | set(EXTRA) | {"cryptography", "requests"})}
import json
from tokenauth.client import BearerAuth, BearerAuthError
try:
    BearerAuth("http://127.0.0.1:1/auth/token", client_id="x", client_secret="y").token()
except BearerAuthError as error:
    print(json.dumps(error.reason))
"""
    assert python(code) == "unreachable"


@pytest.mark.parametrize("missing", [*EXTRA, None])
def test_a_device_says_what_to_install(missing: str | None) -> None:
    code = f"""{BLOCK % (SERVERS | ({missing} if missing else set(EXTRA)))}
import json, tokenauth.client
try:
    tokenauth.client.PowerAuth
except ImportError as error:
    print(json.dumps([str(error), error.name]))
"""
    message, name = python(code)
    assert "pip install 'drf-tokenauth[client]'" in message
    assert name in ([missing] if missing else EXTRA)

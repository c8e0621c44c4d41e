"""Scopes: their grammar (RFC 6749, section 3.3), their registry, and what they grant."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from tokenauth.conf import conf

ALL = "*"
# Making and ending tokens by token: never a side effect of another scope.
TOKENS_MANAGE = "tokens:manage"

_ACTIONS = frozenset(
    ("read", "write", "view", "list", "create", "update", "edit", "delete", "manage", "admin")
)

_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")


@dataclass(frozen=True, slots=True)
class Scope:
    """A registered scope."""

    name: str
    description: str
    implies: tuple[str, ...] = ()


def is_well_formed(name: object) -> bool:
    """Whether ``name`` is a ``scope-token`` of RFC 6749."""
    return isinstance(name, str) and _SCOPE_TOKEN.fullmatch(name) is not None


def registry() -> Mapping[str, Scope]:
    """Every registered scope by name, in the order of the settings; ``tokens:manage`` always."""
    scopes = {}
    for name, definition in conf.SCOPES.items():
        if isinstance(definition, Mapping):
            implies = tuple(definition.get("implies", ()))
            scopes[name] = Scope(name, str(definition["description"]), implies)
        else:
            scopes[name] = Scope(name, str(definition))
    scopes[TOKENS_MANAGE] = Scope(TOKENS_MANAGE, str(_("Make, rotate and revoke access tokens")))
    return scopes


def grouped() -> list[tuple[str, list[Scope]]]:
    """Every registered scope, under what it is about: ``read:sites`` and ``write:sites`` under ``sites``.

    Those whose names tell nothing of it are the last, under "".
    """
    groups: dict[str, list[Scope]] = {}
    for scope in registry().values():
        groups.setdefault(_subject(scope.name), []).append(scope)
    return sorted(groups.items(), key=lambda group: group[0] == "")


def _subject(name: str) -> str:
    parts = [part for part in re.split(r"[:./]", name) if part]
    if len(parts) < 2:
        return ""
    # Some say "read:sites", others "sites.read".
    return parts[1] if parts[0] in _ACTIONS else parts[0]


def is_registered(name: str) -> bool:
    """Whether ``name`` may be given to a token: well-formed, and known where a registry is kept."""
    if not is_well_formed(name):
        return False
    return name in (ALL, TOKENS_MANAGE) or not conf.SCOPES or name in conf.SCOPES


def grants(held: object, scope: str) -> bool:
    """Whether the scopes ``held`` grant ``scope``: exactly, by ``*``, or by what they imply.

    ``tokens:manage`` must be held literally. Anything but a list of scopes grants nothing.
    """
    if not isinstance(held, (list, tuple, set, frozenset)):
        # A text would be searched by substring: "*" in "*" is true.
        return False
    if scope in held:
        return True
    if scope == TOKENS_MANAGE:
        return False
    return bool(_implied(held) & {ALL, scope})


def _implied(held: Iterable[str]) -> set[str]:
    """``held`` and everything it implies, directly or through another; a cycle ends."""
    reached: set[str] = set()
    pending = [name for name in held if isinstance(name, str)]
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            definition = conf.SCOPES.get(name)
            if isinstance(definition, Mapping):
                pending.extend(definition.get("implies", ()))
    return reached

"""What a view says of a method."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from django.views import View

from tokenauth.core import requirements

if TYPE_CHECKING:
    from collections.abc import Iterable

HTTP_METHODS = View.http_method_names


class Access(StrEnum):
    """Who may ask."""

    # Tokens with the scopes, and people signed in.
    SCOPES = "scopes"
    # Any signed-in caller: no scope is required, and the view says so.
    SIGNED_IN = "signed in"
    # People signed in, by a session or a password: no token opens it.
    SESSION = "session"
    # Everybody, and the view says so.
    PUBLIC = "public"
    # It says nothing, or cannot be asked.
    UNDECLARED = "undeclared"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a view says of a method: who may ask."""

    access: Access
    scopes: tuple[str, ...] = ()
    # How they are required, in words: "read:sites write:sites" (all of them), "read:sites | admin".
    requires: str = ""
    # "all" of the scopes or "any" of them; "" where other permissions have a say in it.
    match: Literal["all", "any", ""] = ""
    # Why it is undeclared.
    problem: str = ""
    # A scope permission guards it, and is told of no scopes: to call it is an error.
    is_misdeclared: bool = False
    # It declares scopes, and no permission asks for them.
    is_unasked: bool = False


def methods_of(view: Any, names: Iterable[str]) -> list[str]:
    """Those of ``names`` that ``view`` answers with anything to guard, upper case: HEAD goes with GET."""
    methods = [name for name in names if requirements.needs_scopes(view, name)]
    if "get" in methods:
        methods = [name for name in methods if name != "head"]
    return [name.upper() for name in methods]

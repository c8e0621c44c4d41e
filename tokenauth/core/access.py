"""``request.auth`` of a credential that has no row of its own: what scopes it grants."""

from __future__ import annotations

from typing import ClassVar

from tokenauth.core import scopes


class Access:
    """What every door asks of it. Its ``scopes`` are those that it grants."""

    __slots__ = ()

    # Whatever ENFORCE_SCOPES is: its scopes are what somebody has allowed, and no others.
    always_enforced: ClassVar[bool] = True

    scopes: tuple[str, ...]

    def can(self, scope: str) -> bool:
        """Whether the scopes grant ``scope``."""
        return scopes.grants(self.scopes, scope)

    def cant(self, scope: str) -> bool:
        """Whether they do not."""
        return not self.can(scope)

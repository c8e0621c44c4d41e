"""Who makes a request with a JWT, and what the JWT grants."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tokenauth.core.access import Access
from tokenauth.core.organizations import Principal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


class ServicePrincipal(Principal):
    """``request.user`` of an application that acts for itself (client credentials).

    Signed in and active, and no row of the user table: ``pk`` is None, it has no permission and no group. It
    belongs to the organization of its application's policy.
    """

    pk = id = None
    is_authenticated = is_active = True
    is_anonymous = is_staff = is_superuser = False
    current_access_token: OAuthAccess | None = None

    def __init__(self, application: Any) -> None:
        self.application = application
        self.client_id: str = application.client_id
        self.username = f"cli_{application.client_id}"
        organization = application.tokenauth_policy.organization
        self.organizations = frozenset([organization] if organization else ())

    def __str__(self) -> str:
        return self.username

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ServicePrincipal) and other.client_id == self.client_id

    def __hash__(self) -> int:
        return hash(self.username)

    def get_username(self) -> str:
        """The ``sub`` of its tokens."""
        return self.username

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """It has none: what it may do is said by scopes."""
        return False

    def has_perms(self, perm_list: Iterable[str], obj: Any = None) -> bool:
        """As :meth:`has_perm`."""
        return not list(perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        """As :meth:`has_perm`."""
        return False

    async def ahas_perm(self, perm: str, obj: Any = None) -> bool:
        """As :meth:`has_perm`."""
        return self.has_perm(perm, obj)

    async def ahas_perms(self, perm_list: Iterable[str], obj: Any = None) -> bool:
        """As :meth:`has_perms`."""
        return self.has_perms(perm_list, obj)

    async def ahas_module_perms(self, app_label: str) -> bool:
        """As :meth:`has_module_perms`."""
        return self.has_module_perms(app_label)

    def token_can(self, scope: str) -> bool:
        """Whether the current token grants ``scope``; False without one."""
        return self.current_access_token is not None and self.current_access_token.can(scope)

    def token_cant(self, scope: str) -> bool:
        """Whether it does not."""
        return not self.token_can(scope)


@dataclass(frozen=True, slots=True)
class OAuthAccess(Access):
    """``request.auth`` of a request with a JWT: its scopes are what a person or a policy allows."""

    client_id: str
    application: Any = field(repr=False)
    scopes: tuple[str, ...]
    organization: str
    jti: str
    expires_at: datetime
    # What a throttle counts by: all tokens of one application for one user.
    family: str

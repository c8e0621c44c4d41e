"""The doors of REST framework: what a request may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.core.exceptions import ImproperlyConfigured
from rest_framework.permissions import BasePermission, BasePermissionMetaclass

from tokenauth.core import requirements
from tokenauth.core.request_state import django_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    # REST framework's views import its default permissions while they are being imported themselves.
    from rest_framework.request import Request
    from rest_framework.views import APIView


class _ScopePermissionMetaclass(BasePermissionMetaclass):
    def __invert__(cls) -> type[HasScopes]:  # type: ignore[override]  # noqa: N805 - of a class, not an instance
        # REST framework's own NOT would refuse the methods that need no scopes, too.
        permission = cast("type[HasScopes]", cls)
        return type(cls.__name__, (permission,), {"negated": not permission.negated})


class HasScopes(BasePermission, metaclass=_ScopePermissionMetaclass):
    """The token grants every scope of ``view.required_scopes``: a list, or a dict by HTTP method.

    A person signed in by session passes, unless the view sets ``session_allowed = False``: scopes
    limit tokens, not people. Combine with other permissions for what the user may do.

    :raises ImproperlyConfigured: the view declares nothing for a method that it implements.
    """

    match: ClassVar[requirements.Match] = all
    # That of ~HasScopes.
    negated: ClassVar[bool] = False
    # Those of HasScopes.of(); None asks the view.
    scopes: ClassVar[tuple[str, ...] | None] = None

    @classmethod
    def of(cls, *scopes: str) -> type[HasScopes]:
        """A permission class that requires these scopes, whatever the view declares."""
        if not scopes:
            raise ImproperlyConfigured(f"{cls.__name__}.of() needs a scope.")
        return type(cls.__name__, (cls,), {"scopes": requirements.checked_scopes(scopes, cls.__name__)})

    def has_permission(self, request: Request, view: APIView) -> bool:
        method = request.method or ""
        if not requirements.needs_scopes(view, method):
            return True
        required = requirements.required_scopes(view, method) if self.scopes is None else self.scopes
        refused = requirements.refusal(
            django_request(request),
            request.user,
            request.auth,
            required,
            match=type(self).match,
            session_allowed=getattr(view, "session_allowed", True),
            negated=self.negated,
        )
        return refused is None

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        # For compositions: REST framework's default would admit everybody to the object.
        return self.has_permission(request, view)


class HasAnyScope(HasScopes):
    """The token grants at least one scope of ``view.required_scopes``."""

    match = any


def scope_permissions(permission: Any) -> Iterator[Any]:
    """The scope permissions in ``permission``, a class or an instance, and in what it is composed of."""
    names = ("op1_class", "op2_class", "op1", "op2")
    operands = [getattr(permission, name) for name in names if hasattr(permission, name)]
    for operand in operands:
        yield from scope_permissions(operand)
    if issubclass(permission if isinstance(permission, type) else type(permission), HasScopes):
        yield permission

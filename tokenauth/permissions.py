"""The doors of REST framework: what a request may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.core.exceptions import ImproperlyConfigured
from rest_framework.filters import BaseFilterBackend
from rest_framework.permissions import BasePermission, BasePermissionMetaclass

from tokenauth.core import organizations, requirements
from tokenauth.core.request_state import django_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

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

    def required(self, view: APIView, method: str) -> tuple[str, ...]:
        """The scopes that are required of a request with ``method`` (upper case).

        :raises ImproperlyConfigured: the view declares nothing for it.
        """
        return requirements.required_scopes(view, method) if self.scopes is None else self.scopes

    def has_permission(self, request: Request, view: APIView) -> bool:
        method = request.method or ""
        if not requirements.needs_scopes(view, method):
            return True
        refused = requirements.refusal(
            django_request(request),
            request.user,
            request.auth,
            self.required(view, method),
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


class SameOrganization(BasePermission, BaseFilterBackend):
    """The object belongs to one of the user's organizations, and to the token's where it has one.

    ``view.organization_field`` (``"organization"``) is the object's field; ``__`` follows relations, each
    to one object.
    Among ``permission_classes`` it answers 403 for an object of another organization. Among
    ``filter_backends`` it leaves such objects out, neither shown nor counted: a look-up of one is
    a 404. Use both: a view that finds its object in a way of its own asks the permission.

    What a request creates or refers to is the serializer's to judge, by ``rows_open_to`` and
    ``organizations_open_to`` of :mod:`tokenauth.core.organizations`.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not requirements.needs_scopes(view, request.method or ""):
            return True
        refused = organizations.refusal(django_request(request), request.user, request.auth, None)
        return refused is None

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        organization = organizations.organization_of(obj, _organization_field(view))
        refused = organizations.refusal(django_request(request), request.user, request.auth, organization)
        return refused is None

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        return organizations.rows_open_to(queryset, request.user, request.auth, _organization_field(view))


def _organization_field(view: APIView) -> str:
    return getattr(view, "organization_field", "organization")


def permissions_in(permission: Any, *kinds: type[BasePermission]) -> Iterator[Any]:
    """Those of ``kinds`` in ``permission``, a class or an instance, and in what it is composed of."""
    names = ("op1_class", "op2_class", "op1", "op2")
    operands = [getattr(permission, name) for name in names if hasattr(permission, name)]
    for operand in operands:
        yield from permissions_in(operand, *kinds)
    if issubclass(permission if isinstance(permission, type) else type(permission), kinds):
        yield permission

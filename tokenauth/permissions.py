"""The doors of REST framework: what a request may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from rest_framework.permissions import BasePermission

from tokenauth.core import requirements

if TYPE_CHECKING:
    # REST framework's views import its default permissions while they are being imported themselves.
    from rest_framework.request import Request
    from rest_framework.views import APIView


class HasScopes(BasePermission):
    """The token grants every scope of ``view.required_scopes``: a list, or a dict by HTTP method.

    A person signed in by session passes, unless the view sets ``session_allowed = False``: scopes
    limit tokens, not people. Combine with other permissions for what the user may do.

    :raises ImproperlyConfigured: the view declares nothing for a method that it implements.
    """

    match: ClassVar[requirements.Match] = all
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
            request._request,
            request.user,
            request.auth,
            required,
            match=type(self).match,
            session_allowed=getattr(view, "session_allowed", True),
        )
        return refused is None

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        # REST framework's default is True, and so ~HasScopes would refuse every object.
        return self.has_permission(request, view)


class HasAnyScope(HasScopes):
    """The token grants at least one scope of ``view.required_scopes``."""

    match = any

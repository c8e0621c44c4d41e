"""django-oauth-toolkit's view of the scopes: those of ``TOKENAUTH``, and of them what a policy allows."""

from typing import Any

from tokenauth.core import scopes
from tokenauth.oauth.verification import policy_of


class Scopes:
    """``SCOPES_BACKEND_CLASS``."""

    def get_all_scopes(self) -> dict[str, str]:
        """Every scope that an application may be let have, with its description."""
        return {
            scope.name: scope.description
            for scope in scopes.registry().values()
            if scope.name != scopes.TOKENS_MANAGE
        }

    def get_available_scopes(self, application: Any = None, request: Any = None, **kwargs: Any) -> list[str]:
        """Those that ``application`` may have."""
        policy = None if application is None else policy_of(application)
        if policy is None:
            return []
        fixed = (scopes.ALL, scopes.TOKENS_MANAGE)
        return [scope for scope in policy.scopes if scope not in fixed and scopes.is_registered(scope)]

    def get_default_scopes(self, application: Any = None, request: Any = None, **kwargs: Any) -> list[str]:
        """What it asks for where it names none: all of them. A person sees each before letting it in."""
        return self.get_available_scopes(application, request)

"""django-oauth-toolkit's view of the scopes: those of ``TOKENAUTH``, and of them what a policy allows."""

from typing import Any

from tokenauth.core import scopes
from tokenauth.oauth.policies import available, policy_of


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
        return [] if policy is None else available(policy.scopes, policy)

    def get_default_scopes(self, application: Any = None, request: Any = None, **kwargs: Any) -> list[str]:
        """What it asks for where it names none: all of them. A person sees each before letting it in."""
        return self.get_available_scopes(application, request)

"""What a policy lets stand of what an application was given: asked wherever a token is made or used."""

from collections.abc import Iterable
from typing import Any

from tokenauth.core import organizations, scopes
from tokenauth.exceptions import Reason
from tokenauth.oauth.models import ApplicationPolicy


def policy_of(application: Any) -> ApplicationPolicy | None:
    """The policy of ``application``; None where it has none, and may do nothing."""
    return getattr(application, "tokenauth_policy", None)


def available(names: Iterable[str], policy: ApplicationPolicy) -> list[str]:
    """Those of the scopes ``names`` that the application may have by now."""
    fixed = (scopes.ALL, scopes.TOKENS_MANAGE)
    return [
        name for name in names if name in policy.scopes and name not in fixed and scopes.is_registered(name)
    ]


def refusal(user: Any, policy: ApplicationPolicy) -> Reason | None:
    """Why ``user``, a person or the application itself, may not be whom its tokens are of; None: may be."""
    if not user.is_active:
        return Reason.USER_INACTIVE
    if policy.organization and policy.organization not in organizations.organizations_of(user):
        return Reason.REVOKED
    return None


def may_let_in(user: Any, application: Any) -> bool:
    """Whether ``user`` may let ``application`` in, or may still have done so."""
    return refusal(user, application.tokenauth_policy) is None

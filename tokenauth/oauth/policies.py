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


def refusal(user: Any, policy: ApplicationPolicy, let_into: str) -> Reason | None:
    """Why what ``user`` let the application do, in the organization ``let_into``, is over; None: it lives."""
    if not user.is_active:
        return Reason.USER_INACTIVE
    if policy.organization != let_into:
        # Nobody has let it into another.
        return Reason.REVOKED
    if policy.organization and policy.organization not in organizations.organizations_of(user):
        return Reason.REVOKED
    return None


def may_let_in(user: Any, application: Any) -> bool:
    """Whether ``user`` may let ``application`` in, into the organization of its policy."""
    policy = application.tokenauth_policy
    return refusal(user, policy, policy.organization) is None


def is_still_let_in(user: Any, application: Any, let_into: str) -> bool:
    """Whether ``user``, who let it into the organization ``let_into``, may still have done so."""
    return refusal(user, application.tokenauth_policy, let_into) is None

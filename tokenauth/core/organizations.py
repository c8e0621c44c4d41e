"""Organizations: where a person belongs, and how a token narrows that."""

from django.contrib.auth.models import AnonymousUser
from django.db.models import Model
from django.utils.module_loading import import_string

from tokenauth.conf import conf


def organizations_of(user: Model | AnonymousUser) -> frozenset[str]:
    """The organizations that ``user`` belongs to, by ``USER_ORGANIZATIONS``; none without it."""
    path = conf.USER_ORGANIZATIONS
    if path is None:
        return frozenset()
    return frozenset(import_string(path)(user))


def organizations_open_to(user: Model | AnonymousUser, auth: object) -> frozenset[str]:
    """The organizations whose objects ``user`` may reach with ``auth`` (``request.auth``).

    A token's own organization narrows to that one; it never adds one.
    """
    organizations = organizations_of(user)
    narrowed_to = getattr(auth, "organization", "")
    return organizations & {narrowed_to} if narrowed_to else organizations

"""Organizations: where a person belongs, and how a token narrows that."""

from collections.abc import Collection
from typing import Any, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.models import BinaryField, CharField, F, Func, Model, QuerySet, TextField
from django.db.models.lookups import In
from django.http import HttpRequest
from django.utils.module_loading import import_string

from tokenauth.conf import conf
from tokenauth.core.request_state import Refusal, state_of
from tokenauth.exceptions import Reason

Row = TypeVar("Row", bound=Model)


class Principal:
    """Somebody who makes requests and is no row of the user table: it knows itself where it belongs."""

    organizations: frozenset[str] = frozenset()


def organizations_of(user: Any) -> frozenset[str]:
    """The organizations that ``user`` belongs to, by ``USER_ORGANIZATIONS``; none without it.

    :raises ImproperlyConfigured: the function returns no set of texts.
    """
    if isinstance(user, Principal):
        return user.organizations
    path = conf.USER_ORGANIZATIONS
    if path is None or not user.is_authenticated:
        return frozenset()
    organizations = import_string(path)(user)
    # A text is a collection as well: of its letters.
    if isinstance(organizations, str) or not isinstance(organizations, Collection):
        raise ImproperlyConfigured(f"{path} must return a set of texts, not {type(organizations).__name__}.")
    # An object of no organization belongs to nobody who is in none.
    return frozenset(str(one) for one in organizations if one not in ("", None))


def organizations_open_to(user: Any, auth: object) -> frozenset[str]:
    """The organizations whose objects ``user`` may reach with ``auth`` (``request.auth``).

    A token's own organization narrows to that one; it never adds one.

    :raises ImproperlyConfigured: as :func:`organizations_of`.
    """
    organizations = organizations_of(user)
    narrowed_to = getattr(auth, "organization", "")
    return organizations & {narrowed_to} if narrowed_to else organizations


def rows_open_to(
    queryset: QuerySet[Row], user: Any, auth: object, field: str = "organization"
) -> QuerySet[Row]:
    """Those of ``queryset`` whose organization ``user`` may reach with ``auth`` (``request.auth``).

    ``field`` holds a row's organization; ``__`` follows relations, each to one object.

    :raises ImproperlyConfigured: as :func:`organizations_of`.
    """
    open_to = organizations_open_to(user, auth)
    queryset = queryset.filter(**{f"{field}__in": open_to})
    if connections[queryset.db].vendor == "mysql" and _is_text(queryset.model, field):
        # By its collation, "Northwind" and "northwind " would be "northwind" as well.
        binary = Func(F(field), template="CAST(%(expressions)s AS BINARY)", output_field=BinaryField())
        return queryset.filter(In(binary, [one.encode() for one in open_to])) if open_to else queryset
    return queryset


def _is_text(model: type[Model], field: str) -> bool:
    *relations, name = field.split("__")
    for relation in relations:
        model = model._meta.get_field(relation).related_model  # type: ignore[assignment]
    column = model._meta.pk if name == "pk" else model._meta.get_field(name)
    return isinstance(column, CharField | TextField)


def organization_of(instance: Any, field: str) -> str:
    """The organization that ``instance`` belongs to; "" for none. ``__`` in ``field`` follows relations."""
    value = instance
    for name in field.split("__"):
        value = None if value is None else getattr(value, name)
    if isinstance(value, Model):
        value = value.pk
    return "" if value is None else str(value)


def refusal(request: HttpRequest, user: Any, auth: object, organization: str | None) -> Refusal | None:
    """Why ``user`` with ``auth`` may not reach an object of ``organization``; None where it may.

    ``organization`` None: any of theirs. The refusal is left on the request for the door that answers.

    :raises ImproperlyConfigured: as :func:`organizations_of`.
    """
    refused = None
    if user is None or not user.is_authenticated:
        refused = Refusal(Reason.MISSING)
    elif organization is not None and organization not in organizations_open_to(user, auth):
        refused = Refusal(Reason.ORGANIZATION)
    state_of(request).refusal = refused
    return refused

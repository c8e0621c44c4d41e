"""Who may be given a credential of whom.

A credential acts with all that its owner may do: whoever is shown its text, may do that as well.
"""

from copy import copy
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from tokenauth.core.credential import Kind
from tokenauth.models import AccessToken


def check_maker(actor: Any, owner: Any) -> None:
    """Whether ``actor`` may make a token of ``owner``: who may do all that ``owner`` may.

    That ``actor`` may make tokens for others at all is for the caller to know.

    :raises ValidationError: ``actor`` may not, of the argument ``user``.
    """
    if refused := _refusal(actor, owner, _("A token of a superuser is made by superusers alone.")):
        raise ValidationError({"user": refused})


def check_rotator(actor: Any, token: AccessToken, owner: Any = None) -> None:
    """Whether ``actor`` may be given a credential of the token's owner, or of the new ``owner``.

    A personal token is rotated by its user alone; a key, by who may do all that its owner may.
    That ``actor`` may rotate tokens at all is for the caller to know.

    :raises ValidationError: ``actor`` may not, by argument: ``by`` for the token as it is, or ``owner``.
    """
    if token.kind != Kind.API_KEY and actor != token.user:
        raise ValidationError({"by": _("A personal token is rotated by its own user alone.")})
    if refused := _refusal(actor, token.user, _("The key of a superuser is rotated by superusers alone.")):
        raise ValidationError({"by": refused})
    if owner is None:
        return
    if refused := _refusal(actor, owner, _("A key is moved to a superuser by superusers alone.")):
        raise ValidationError({"owner": refused})


def _refusal(actor: Any, owner: Any, of_superuser: str) -> str | None:
    """Why ``actor`` may not act as ``owner``; None where ``actor`` may do all of that already."""
    if actor == owner or _is_superuser(actor):
        return None
    if _is_superuser(owner):
        return of_superuser
    if _may_as_much(actor, owner):
        return None
    return _("%(owner)s has permissions that you do not have.") % {"owner": owner.get_username()}


def check_activator(actor: Any, owner: Any) -> None:
    """Whether ``actor`` may be given the code with which a device of ``owner`` is activated.

    That ``actor`` may make such codes at all is for the caller to know.

    :raises ValidationError: ``actor`` may not, of the argument ``user``.
    """
    if refused := _refusal(actor, owner, _("A device of a superuser is activated by superusers alone.")):
        raise ValidationError({"user": refused})


def check_changer(actor: Any, token: AccessToken) -> None:
    """Whether ``actor`` may change ``token``: what is a superuser's, superusers alone.

    That ``actor`` may change tokens at all is for the caller to know.

    :raises ValidationError: ``actor`` may not, of the argument ``by``.
    """
    if _is_superuser(token.user) and not _is_superuser(actor):
        raise ValidationError({"by": _("The token of a superuser is changed by superusers alone.")})


def check_device_changer(actor: Any, owner: Any) -> None:
    """Whether ``actor`` may commit, block, unblock or remove a device of ``owner``, as in check_changer.

    :raises ValidationError: ``actor`` may not, of the argument ``by``.
    """
    if _is_superuser(owner) and not _is_superuser(actor):
        raise ValidationError({"by": _("The device of a superuser is changed by superusers alone.")})


def _is_superuser(user: Any) -> bool:
    # Not every user model knows of superusers.
    return bool(getattr(user, "is_superuser", False))


def _may_as_much(actor: Any, owner: Any) -> bool:
    """Whether ``actor`` may do all that ``owner`` may, or may again once active.

    What is made of an inactive owner is refused until then, and afterwards acts as any other.
    """
    if not getattr(owner, "is_active", True):
        # Django says that an inactive user may do nothing.
        owner = copy(owner)
        try:
            owner.is_active = True
        except AttributeError:
            # Where the user model works it out of something else, nobody knows what would come back.
            return False
    return _permissions(owner) <= _permissions(actor)


def _permissions(user: Any) -> set[str]:
    # Nor of permissions.
    permissions: set[str] = user.get_all_permissions() if hasattr(user, "get_all_permissions") else set()
    return permissions

"""What the commands about one activation share: how it is named, and how it is said what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from tokenauth.devices.exceptions import ActivationConflict
from tokenauth.devices.models import Activation
from tokenauth.management.arguments import spelled_out

if TYPE_CHECKING:
    from collections.abc import Callable


def activation_of(text: str) -> Activation:
    """The activation whose id ``text`` is. What is none is not repeated: it may be a code.

    :raises CommandError: there is none.
    """
    try:
        found = Activation.objects.select_related("user", "application").filter(pk=UUID(text)).first()
    except ValueError:
        raise CommandError("An id is a UUID, as listdevices shows it.") from None
    if found is None:
        raise CommandError(f"There is no activation with the id {text}.")
    return found


def change(activation: Activation, act: Callable[[Activation], Activation]) -> Activation:
    """What ``act`` makes of ``activation``.

    :raises CommandError: its status does not allow it, or an argument is wrong.
    """
    try:
        return act(activation)
    except ActivationConflict as conflict:
        raise CommandError(f"{conflict} Nothing was changed.") from conflict
    except ValidationError as error:
        raise CommandError(spelled_out(error, {"reason": "--reason"})) from error


def described(activation: Activation) -> str:
    """``“Tablet” of alice``."""
    return f"“{activation}” of {activation.user.get_username()}"

"""Telling people what others do with their devices, where ``NOTIFY_OWNER`` says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from tokenauth.core import notices

if TYPE_CHECKING:
    from tokenauth.devices.models import Activation


def made(activation: Activation, by: Any) -> None:
    """A code was made, with which whoever has it acts as the user of ``activation``. It is not told."""
    notices.done("device_made", activation, by, {"activation": activation})


def stopped(activation: Activation, by: Any, *, is_final: bool) -> None:
    """``activation`` was removed, or blocked where that is not ``is_final``."""
    context = {"activation": activation, "is_final": is_final, "at": timezone.now()}
    notices.done("device_stopped", activation, by, context)

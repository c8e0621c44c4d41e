"""The body of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpRequest


def is_longer(request: HttpRequest, length: int) -> bool:
    """Whether the body has more than ``length`` bytes, by what it says before it is read."""
    said = request.META.get("CONTENT_LENGTH") or ""
    if said.isascii() and said.isdecimal() and int(said[:20]) > length:
        return True
    return len(request.body) > length

"""Secrets that a server has under numbers: the highest is for what is new, the others for what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core import checks

from tokenauth.checks.shapes import is_count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHORTEST = 32


def weaknesses(
    secrets: Mapping[Any, Any], noun: str, check_id: str, *, first: int = 0
) -> Iterator[checks.CheckMessage]:
    """What is wrong with ``secrets``, none of which is in a message.

    :param noun: what each of them is, as "pepper".
    :param first: the lowest number that one may have.
    """
    for number, secret in secrets.items():
        if not is_count(number) or number < first:
            yield checks.Error(
                f"The id {number!r} of a {noun} must be a whole number, {first} or more.", id=check_id
            )
        if not isinstance(secret, str) or len(secret) < SHORTEST:
            yield checks.Error(
                f"{noun.capitalize()} {number!r} is weak: it must be a text of {SHORTEST} or more "
                "characters.",
                hint='Make one: python -c "import secrets; print(secrets.token_urlsafe(48))"',
                id=check_id,
            )

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext

# SQLite takes no larger number as a parameter, and Django does not judge that on every version.
LARGEST = 2**63 - 1


def valid_key(field: Any, text: str) -> Any:
    """The key of the model field ``field`` that an address or a form names.

    :raises ValidationError: no row has such a one.
    """
    key = field.to_python(text)
    if isinstance(key, int):
        # Its range on this database.
        field.run_validators(key)
        if abs(key) > LARGEST:
            raise ValidationError(gettext("Enter a number."))
    return key

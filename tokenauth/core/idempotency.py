"""One form makes one token, however often it is sent: twice in a hurry, or by a reload of the answer.

Each form has a key; the token it makes takes the key's id for the id of its family, and so tells that
the form was sent. Nothing is kept until then.
"""

from typing import Any
from uuid import UUID, uuid4

from django.core import signing
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

_SALT = "tokenauth.idempotency"

# In seconds: longer than anybody thinks about a form, and shorter than a token is kept after it ended.
MAX_AGE = 24 * 60 * 60


def new_key(user: Any) -> str:
    """A key for a form that is shown to ``user``."""
    return signing.dumps([str(uuid4()), str(user.pk)], salt=_SALT)


def family_of(key: object, user: Any) -> UUID:
    """The id that the key stands for.

    :raises ValidationError: it is older than a day, was given to somebody else, or is none.
    """
    try:
        family, owner = signing.loads(key if isinstance(key, str) else "", salt=_SALT, max_age=MAX_AGE)
    except signing.BadSignature as error:
        # Without a word on whether it was signed once: what is to be done is the same.
        raise _stale() from error
    if owner != str(user.pk):
        raise _stale()
    return UUID(family)


def _stale() -> ValidationError:
    return ValidationError(
        _("This page was open for too long. Nothing was changed; look it over, and send it again."),
        code="stale",
    )

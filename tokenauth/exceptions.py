"""Why a credential or a request is refused."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from django.db import models
from django.utils import translation
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from tokenauth.models import AccessToken


class Reason(models.TextChoices):
    """Why a credential or a request is refused; the label is what the client is told."""

    MISSING = "missing", _("No bearer token or API key was presented.")
    MALFORMED = "malformed", _("The credential is malformed, was mistyped, or is in the wrong header.")
    UNKNOWN = "unknown", _("The credential is not known.")
    EXPIRED = "expired", _("The credential has expired.")
    UNUSED = "unused", _("The credential was not used for too long and has lapsed.")
    REVOKED = "revoked", _("The credential was revoked.")
    USER_INACTIVE = "user_inactive", _("The credential's user is inactive.")
    ENVIRONMENT = "environment", _("The credential belongs to another environment.")
    AMBIGUOUS = "ambiguous", _("More than one credential was presented; send one.")
    INSUFFICIENT_SCOPE = "insufficient_scope", _("The credential lacks a scope that this request needs.")
    ORGANIZATION = "organization", _("The resource belongs to another organization.")
    IP_ADDRESS = "ip_address", _("The credential may not be used from this address.")
    SESSION = "session", _("A session is not accepted here; present a credential alone.")
    READ_ONLY = "read_only", _("The credential authorizes reading only; sign the request.")
    THROTTLED = "throttled", _("Too many unknown credentials came from this address; try again later.")

    @property
    def status(self) -> int:
        """The HTTP status of an answer that refuses for this reason: 401, 403 or 429."""
        if self is Reason.THROTTLED:
            return 429
        return 403 if self in _FORBIDDEN else 401

    @property
    def message(self) -> str:
        """The label, in the language of the moment."""
        # To translate takes longer than to refuse.
        return _translated(self, translation.get_language())

    @property
    def description(self) -> str:
        """The message untranslated, in the ASCII that RFC 6750 asks of ``error_description``."""
        return _untranslated(self)


@cache
def _untranslated(reason: Reason) -> str:
    with translation.override(None):
        return str(reason.label)


# Few languages are ever in use.
@lru_cache(maxsize=512)
def _translated(reason: Reason, language: str | None) -> str:
    return str(reason.label)


_FORBIDDEN = {
    Reason.INSUFFICIENT_SCOPE,
    Reason.ORGANIZATION,
    Reason.IP_ADDRESS,
    Reason.SESSION,
    Reason.READ_ONLY,
}


class DeviceReason(models.TextChoices):
    """Why a device is refused. The login log says so, and the device is told ``unknown``, whichever it is."""

    MALFORMED = "device_malformed", _("A header or the body is malformed.")
    VERSION = "device_version", _("The version of the protocol or of the application is not accepted.")
    CLOCK = "device_clock", _("The time of the request is too far from the server's.")
    UNKNOWN = "device_unknown", _("There is no such activation or token.")
    DIGEST = "device_digest", _("The digest of the token is wrong.")
    SIGNATURE = "device_signature", _("The signature is wrong.")
    REPLAYED = "device_replayed", _("The request was sent before.")
    FACTORS = "device_factors", _("These factors are not enough here.")
    INACTIVE = "device_inactive", _("The activation is not committed.")
    BLOCKED = "device_blocked", _("The activation is blocked.")
    REMOVED = "device_removed", _("The activation was removed.")
    USER_INACTIVE = "device_user", _("The user is inactive.")
    ENCRYPTION = "device_encryption", _("What was encrypted cannot be opened.")


class CredentialError(Exception):
    """A credential was refused.

    ``reason`` says why. ``token`` is the token whose right secret was presented, None where
    there is none; what it says of the token may be told to the one who presented it.
    ``retry_after``, of ``throttled`` alone, is in how many seconds it may be tried again.
    """

    def __init__(
        self, reason: Reason, token: AccessToken | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.token = token
        self.retry_after = retry_after

    def __str__(self) -> str:
        # Said when somebody asks, which of most refusals nobody does.
        return self.reason.description

    def __reduce__(self) -> tuple[type[CredentialError], tuple[Reason, AccessToken | None, int | None]]:
        # By its arguments, not by its message: it crosses processes.
        return type(self), (self.reason, self.token, self.retry_after)


class RotationConflict(Exception):  # noqa: N818 - its name is the status it is answered with
    """A token cannot be rotated (409): it has a successor, or it has ended.

    ``reason``: ``rotated``, or the status that it has: ``expired``, ``unused`` or ``revoked``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(_CONFLICTS[reason])
        self.reason = reason

    def __reduce__(self) -> tuple[type[RotationConflict], tuple[str]]:
        return type(self), (self.reason,)


_CONFLICTS = {
    "rotated": _(
        "The token was rotated before. Rotate its successor; or, if the text of that was lost before it "
        "was used, revoke it, and rotate this one again."
    ),
    "expired": _("The token has expired; make a new one."),
    "unused": _("The token was not used for too long and has lapsed; make a new one."),
    "revoked": _("The token was revoked; make a new one."),
}


class AlreadyIssued(Exception):  # noqa: N818 - as RotationConflict
    """The form was sent before (409), and made ``token``, whose text was shown then."""

    reason = "issued"

    def __init__(self, token: AccessToken) -> None:
        super().__init__(
            _(
                "This form was sent before, and made one token: its text was shown then, that once. If "
                "it was not copied, revoke that token and make another."
            )
        )
        self.token = token

    def __reduce__(self) -> tuple[type[AlreadyIssued], tuple[AccessToken]]:
        return type(self), (self.token,)


class DelegationError(Exception):
    """A token may not make or rotate what is wider than itself (403, RFC 6750's ``insufficient_scope``).

    ``arguments`` says in what it would be wider, ``scopes`` which scopes the asking token lacks.
    """

    def __init__(self, arguments: tuple[str, ...], scopes: tuple[str, ...] = ()) -> None:
        super().__init__(
            _("A token makes and rotates only what is no wider than itself. This is wider in: %(what)s.")
            % {"what": ", ".join(arguments)}
        )
        self.arguments = arguments
        self.scopes = scopes

    def __reduce__(self) -> tuple[type[DelegationError], tuple[tuple[str, ...], tuple[str, ...]]]:
        return type(self), (self.arguments, self.scopes)

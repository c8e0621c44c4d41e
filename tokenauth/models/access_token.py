from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, router
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from tokenauth.core import scopes, status
from tokenauth.core.async_twin import async_twin
from tokenauth.core.credential import Environment, Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import timedelta
    from typing import Unpack

    from tokenauth.core.lifecycle import TokenOptions

# What a token is. Whoever could change it would make another token of one that is trusted.
FIXED = frozenset({"user", "kind", "environment", "organization", "scopes", "secret"})
_ENDS = ("revoked_at", "revoked_by_id", "revoked_reason", "rotated_at", "expires_at")


class AccessTokenQuerySet(models.QuerySet["AccessToken"]):
    """Refuses to change what is fixed once a token is saved."""

    def usable(self) -> AccessTokenQuerySet:
        """Those that are not revoked, expired or unused for too long."""
        return self.filter(status.has_status(status.Status.ACTIVE))

    def update(self, **kwargs: Any) -> int:
        from tokenauth.core import lookup_cache

        _refuse_fixed(kwargs)
        count = super().update(**kwargs)
        lookup_cache.changed(self.db)
        return count

    update.alters_data = True  # type: ignore[attr-defined]

    def _raw_delete(self, using: str | None) -> int:
        from tokenauth.core import lookup_cache

        # By which Django deletes what it has not loaded, and of which it sends no signal.
        count: int = super()._raw_delete(using)
        lookup_cache.changed(using)
        return count

    def bulk_update(
        self, objs: Iterable[AccessToken], fields: Iterable[str], batch_size: int | None = None
    ) -> int:
        names = list(fields)
        _refuse_fixed(names)
        return super().bulk_update(objs, names, batch_size=batch_size)

    bulk_update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(
        self,
        objs: Iterable[AccessToken],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[AccessToken]:
        from tokenauth.core import lookup_cache

        # An upsert is an update too.
        _refuse_fixed(update_fields or ())
        created = super().bulk_create(
            objs, batch_size, ignore_conflicts, update_conflicts, update_fields, unique_fields
        )
        if update_conflicts:
            lookup_cache.changed(self.db)
        return created


class AccessTokenManager(models.Manager["AccessToken"]):
    """``AccessToken.objects``: makes and verifies tokens, whatever the user model."""

    def get_queryset(self) -> AccessTokenQuerySet:
        return AccessTokenQuerySet(self.model, using=self._db, hints=self._hints)  # type: ignore[attr-defined]

    def usable(self) -> AccessTokenQuerySet:
        """Those that are not revoked, expired or unused for too long."""
        return self.get_queryset().usable()

    # The core imports the models; the conveniences below import the core when they are called.

    def generate(
        self, user: Any, name: str, scopes: Iterable[str] | None = None, **options: Unpack[TokenOptions]
    ) -> AccessToken:
        """Make a token for ``user``; its text is ``raw_token``, once.

        ``options``: ``expires_at``, ``kind``, ``environment``, ``organization``,
        ``allowed_networks``, ``created_by``.

        :raises ValidationError: names each argument that is wrong; nothing is written.
        """
        from tokenauth.core import lifecycle

        return lifecycle.issue(user, name, scopes, **options)

    @sensitive_variables("raw")
    def verify(self, raw: str, *, address: str | None = None) -> AccessToken:
        """The usable token whose text is ``raw``, with its user; never None.

        A token with an address allowlist is refused without ``address``. Nothing is recorded.

        :raises CredentialError: the credential is refused; ``reason`` says why.
        """
        from tokenauth.core import verification

        return verification.verify(raw, address=address)

    agenerate = async_twin(generate)
    averify = async_twin(verify)


class AccessToken(models.Model):
    """A named, hashed, scoped credential of a user. Its text is known only to whoever just made it."""

    Kind = Kind
    Environment = Environment
    Status = status.Status

    # The text of a token that was made in this process just now; a reloaded, copied or unpickled
    # one has none.
    raw_token: str | None = None

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="access_tokens",
        verbose_name=_("user"),
    )
    name = models.CharField(_("name"), max_length=255)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices, default=Kind.PERSONAL)
    environment = models.CharField(
        _("environment"), max_length=16, choices=Environment.choices, blank=True, default=""
    )
    scopes = models.JSONField(_("scopes"), default=list, blank=True)
    organization = models.CharField(_("organization"), max_length=255, blank=True, default="")
    allowed_networks = models.JSONField(_("allowed networks"), default=list, blank=True)
    secret = models.CharField(_("digest"), max_length=96, editable=False)
    hint = models.CharField(_("hint"), max_length=64, editable=False)
    family = models.UUIDField(_("family"), default=uuid4, editable=False, db_index=True)
    rotated_from = models.OneToOneField(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="rotated_to",
        verbose_name=_("rotated from"),
    )
    # Of the one that was replaced: known without asking for its successor, in each request.
    rotated_at = models.DateTimeField(_("rotated"), null=True, blank=True, editable=False)
    # Indexed, as are the other two by which a token ends: what ended long ago is pruned in their order.
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False, db_index=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("created by"),
    )
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True, db_index=True)
    expiry_notice = models.PositiveSmallIntegerField(
        _("told of expiry"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("How many days before its expiry the owner was last told of it."),
    )
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    last_used_ip = models.GenericIPAddressField(_("last used from"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, db_index=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("revoked by"),
    )
    revoked_reason = models.CharField(_("reason of the revocation"), max_length=255, blank=True, default="")

    objects = AccessTokenManager()

    class Meta:
        verbose_name = _("access token")
        verbose_name_plural = _("access tokens")
        ordering = ("pk",)
        # For relations too: user.access_tokens.add(another's token) is an update of its user.
        base_manager_name = "objects"
        permissions = [
            ("revoke_accesstoken", "Can revoke access token"),
            ("rotate_accesstoken", "Can rotate access token"),
        ]
        indexes = [
            # What a person looks for by hand. Of what changes as tokens are used there is none: it would cost
            # each use a write.
            models.Index(fields=["hint"], name="tokenauth_token_hint"),
            models.Index(fields=["organization"], name="tokenauth_token_organization"),
            models.Index(fields=["environment"], name="tokenauth_token_environment"),
        ]
        constraints = [
            # Not unique=True, which makes a second index for LIKE on PostgreSQL.
            models.UniqueConstraint(fields=["secret"], name="tokenauth_accesstoken_secret"),
            models.CheckConstraint(
                condition=~Q(secret="") & ~Q(name=""), name="tokenauth_accesstoken_secret_and_name"
            ),
            models.CheckConstraint(
                condition=Q(kind=Kind.PERSONAL, environment="")
                | Q(kind=Kind.API_KEY, environment__in=Environment.values),
                name="tokenauth_accesstoken_kind_and_environment",
            ),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=False) | Q(revoked_reason="", revoked_by__isnull=True),
                name="tokenauth_accesstoken_revoked_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint})"

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state.pop("raw_token", None)
        return state

    def save(self, **kwargs: Any) -> None:
        """What has ended stays ended: an instance from before does not bring it back.

        :raises ValidationError: the row is there, and what is fixed differs from it.
        """
        self._compare_with_row(kwargs.get("update_fields"), kwargs.get("using"))
        super().save(**kwargs)

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        super().refresh_from_db(*args, **kwargs)
        self.raw_token = None

    @property
    def status(self) -> str:
        """``active``, ``expired``, ``unused`` or ``revoked``."""
        return status.status_of(self).value

    def can(self, scope: str) -> bool:
        """Whether the token's scopes grant ``scope``."""
        return scopes.grants(self.scopes, scope)

    def cant(self, scope: str) -> bool:
        """Whether they do not."""
        return not self.can(scope)

    def revoke(self, reason: str = "", by: Any = None) -> bool:
        """End the token now; False where it was revoked before, which then stays as it was.

        :raises ValidationError: ``reason`` is longer than 255 characters, or ``by`` no saved user.
        """
        from tokenauth.core import lifecycle

        using = router.db_for_write(type(self), instance=self)
        row = AccessToken.objects.using(using).filter(pk=self.pk)
        revoked = lifecycle.revoke(row, reason=reason, by=by) == 1
        for values in row.values("revoked_at", "revoked_by_id", "revoked_reason"):
            for name, value in values.items():
                setattr(self, name, value)
        return revoked

    def rotate(self, overlap: timedelta | None = None, *, owner: Any = None, by: Any = None) -> AccessToken:
        """Make the successor, with the same rights; its text is ``raw_token``, once.

        This token lives on for ``overlap`` (``ROTATION_OVERLAP``; 30 days at most), and not beyond its own
        expiry. ``owner``: another user, for an API key. ``by``: the user who rotates it.

        :raises RotationConflict: it has ended, or was rotated before; not where that successor was
            revoked and never used, or deleted.
        :raises ValidationError: names each argument that is wrong, or ``user`` where that has too many
            tokens. Nothing is written in either case.
        """
        from tokenauth.core import rotation

        return rotation.rotate(self, overlap, owner=owner, by=by)

    def without_raw_token(self) -> AccessToken:
        """A copy that does not know the token's text."""
        return copy.copy(self)

    def _compare_with_row(self, update_fields: Iterable[str] | None, using: str | None) -> None:
        names = FIXED if update_fields is None else _fixed_among(update_fields)
        takes_over_end = update_fields is None or "expires_at" in update_fields
        if self.pk is None or not (names or takes_over_end):
            return
        fields = [field for field in self._meta.concrete_fields if field.name in names]
        attributes = {*(field.attname for field in fields), *_ENDS}
        # The row itself is asked: an instance does not know what was changed behind its back.
        using = using or router.db_for_write(type(self), instance=self)
        for row in AccessToken.objects.using(using).filter(pk=self.pk).values(*attributes):
            _refuse_fixed(
                field.name
                for field in fields
                # By its type: a key from a form is a text.
                if field.to_python(getattr(self, field.attname)) != row[field.attname]
            )
            if takes_over_end:
                self._take_over_end(row)

    def _take_over_end(self, row: dict[str, Any]) -> None:
        if row["revoked_at"] and self.revoked_at is None:
            self.revoked_at, self.revoked_by_id = row["revoked_at"], row["revoked_by_id"]
            self.revoked_reason = row["revoked_reason"]
        if row["rotated_at"] and self.rotated_at is None:
            self.rotated_at = row["rotated_at"]
            self.expires_at = min(self.expires_at or row["expires_at"], row["expires_at"])


def _fixed_among(names: Iterable[str]) -> set[str]:
    return set(FIXED) & {name.removesuffix("_id") for name in names}


def _refuse_fixed(names: Iterable[str]) -> None:
    if refused := sorted(_fixed_among(names)):
        message = gettext("This does not change once a token is saved; make a new token.")
        raise ValidationError(dict.fromkeys(refused, message))

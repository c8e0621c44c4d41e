"""For a project's own user model: ``class User(HasAccessTokens, AbstractUser)``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.views.decorators.debug import sensitive_variables

from tokenauth.core.async_twin import async_twin

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Self, Unpack

    from django.db.models.base import ModelState

    from tokenauth.core.lifecycle import TokenOptions
    from tokenauth.models import AccessToken


class HasAccessTokens:
    """Makes, finds and revokes a user's tokens; knows the one of the present request.

    ``user.access_tokens`` is the related manager: every token, ``.usable()`` for those that still work.
    Each method that asks the database has an ``a…`` twin for async code. The core and the models
    are imported when they are needed: a user model is loaded before them.
    """

    # The token of the present request, the same object as request.auth; None outside of one.
    current_access_token: AccessToken | None = None

    _state: ModelState

    def generate_access_token(
        self, name: str, scopes: Iterable[str] | None = None, **options: Unpack[TokenOptions]
    ) -> AccessToken:
        """Make a token; its text is ``raw_token``, on the returned object alone.

        ``scopes``: None gives ``DEFAULT_SCOPES``, an empty list none. ``options``: ``expires_at``
        (aware datetime), ``kind`` (``"personal"`` or ``"api_key"``), ``environment`` (``"live"`` or
        ``"test"``, for API keys), ``organization``, ``allowed_networks`` (CIDR), ``created_by`` (this
        user, where not given).

        :raises ValidationError: names each argument that is wrong; nothing is written.
        """
        from tokenauth.core import lifecycle

        options.setdefault("created_by", self._actor())
        return lifecycle.issue(self, name, scopes, **options)

    @sensitive_variables("raw")
    def get_access_token(self, raw: str) -> AccessToken | None:
        """This user's token whose text is ``raw``; None where there is none, or it was revoked."""
        from tokenauth.core import lifecycle

        return lifecycle.of_user_by_text(self, raw).filter(revoked_at__isnull=True).first()

    def get_access_token_by_id(self, pk: Any) -> AccessToken | None:
        """This user's token with this primary key; None where there is none, or it was revoked."""
        from tokenauth.core import lifecycle

        try:
            return lifecycle.of_user(self).filter(pk=pk, revoked_at__isnull=True).first()
        except (TypeError, ValueError, OverflowError):
            # What is no key of this model names no token either: it may come from a URL.
            return None

    @sensitive_variables("raw")
    def revoke_access_token(self, raw: str) -> bool:
        """Revoke this user's token whose text is ``raw``, as the user's own act; True if one was revoked."""
        from tokenauth.core import lifecycle

        return lifecycle.revoke(lifecycle.of_user_by_text(self, raw), by=self._actor()) > 0

    def revoke_access_token_by_secret(self, secret: str) -> bool:
        """Revoke this user's token by the digest in the database, as the user's own act; True if one was."""
        from tokenauth.core import lifecycle

        return lifecycle.revoke(lifecycle.of_user_by_secret(self, secret), by=self._actor()) > 0

    def revoke_all_access_tokens(self) -> int:
        """Revoke every token of this user, as their own act; how many were not revoked before."""
        from tokenauth.core import lifecycle

        return lifecycle.revoke(lifecycle.of_user(self), by=self._actor())

    def set_access_token(self, token: AccessToken | None) -> None:
        """Make ``token`` the current one: what ``token_can`` asks."""
        self.current_access_token = token

    def token_can(self, scope: str) -> bool:
        """Whether the current token grants ``scope``; False without a current token."""
        return self.current_access_token is not None and self.current_access_token.can(scope)

    def token_cant(self, scope: str) -> bool:
        """Whether it does not; True without a current token."""
        return not self.token_can(scope)

    def _actor(self) -> Self | None:
        # One who is not saved can be in no row, and has no tokens: the core says so of the owner.
        return None if self._state.adding else self

    agenerate_access_token = async_twin(generate_access_token)
    aget_access_token = async_twin(get_access_token)
    aget_access_token_by_id = async_twin(get_access_token_by_id)
    arevoke_access_token = async_twin(revoke_access_token)
    arevoke_access_token_by_secret = async_twin(revoke_access_token_by_secret)
    arevoke_all_access_tokens = async_twin(revoke_all_access_tokens)

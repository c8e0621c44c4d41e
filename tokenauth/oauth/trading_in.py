"""A code, a refresh token or a password for a pair of tokens: of two at once, one gets it."""

from datetime import timedelta
from typing import Any

from django.db import router
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from oauth2_provider.models import (
    get_access_token_model,
    get_grant_model,
    get_refresh_token_model,
    set_token_value,
)
from oauthlib.oauth2.rfc6749 import errors

from tokenauth.core import password_check
from tokenauth.oauth.models import Authorization, Grant


@sensitive_variables("token")
def save(token: dict[str, Any], request: Any) -> None:
    """Keep the tokens of ``request``, within a transaction; the first statement claims what is traded in.

    :raises InvalidGrantError: somebody else was faster, or it has ended meanwhile.
    """
    now = timezone.now()
    authorization = _authorization(request)
    access_token = get_access_token_model()(
        user=None if authorization is None else request.user,
        scope=token["scope"],
        expires=now + timedelta(seconds=token["expires_in"]),
        application=request.client,
    )
    set_token_value(access_token, token["access_token"])
    access_token.save()
    if authorization is None:
        return
    refresh_token = get_refresh_token_model()(
        user=request.user,
        application=request.client,
        access_token=access_token,
        token_family=authorization.family,
    )
    set_token_value(refresh_token, token["refresh_token"])
    refresh_token.save()


def _authorization(request: Any) -> Authorization | None:
    """That of the tokens; None where an application acts for itself."""
    if request.grant_type == Grant.AUTHORIZATION_CODE:
        return _redeem(request)
    if request.grant_type == Grant.PASSWORD:
        return _sign_in(request)
    return _rotate(request) if request.grant_type == "refresh_token" else None


def _redeem(request: Any) -> Authorization:
    grant = request.tokenauth_grant
    rows = get_grant_model().objects.filter(pk=grant.pk, expires=grant.expires)
    if not rows.update(expires=grant.created):
        raise errors.InvalidGrantError(request=request)
    authorization = _authorize(request, grant.code)
    get_grant_model().objects.filter(pk=grant.pk).delete()
    return authorization


def _sign_in(request: Any) -> Authorization:
    # After the first write, since SQLite has no other lock than that.
    authorization = _authorize(request, None)
    if not password_check.is_unchanged(request.user, router.db_for_write(Authorization)):
        raise errors.InvalidGrantError(request=request)
    return authorization


def _authorize(request: Any, code_digest: str | None) -> Authorization:
    return Authorization.objects.create(
        user=request.user,
        application=request.client,
        scopes=list(request.scopes),
        organization=request.client.tokenauth_policy.organization,
        code_digest=code_digest,
    )


def _rotate(request: Any) -> Authorization:
    authorization: Authorization = request.tokenauth_authorization
    old, now = request.refresh_token_instance, timezone.now()
    standing = Authorization.objects.filter(pk=authorization.pk, ended_at__isnull=True)
    rows = get_refresh_token_model().objects.filter(pk=old.pk, revoked__isnull=True)
    # Not the end of the family: two at once are more often one impatient client than a thief.
    if not standing.update(refreshed_at=now) or not rows.update(revoked=now, access_token=None, updated=now):
        raise errors.InvalidGrantError(request=request)
    get_access_token_model().objects.filter(pk=old.access_token_id).delete()
    return authorization

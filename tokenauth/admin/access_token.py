from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from tokenauth.admin.read_only import ReadOnlyAdmin
from tokenauth.core import lifecycle
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


@admin.register(AccessToken)
class AccessTokenAdmin(ReadOnlyAdmin):
    """Tokens to look at, and to revoke. The digest is not shown."""

    list_display = ("id", "name", "hint", "user", "kind", "status", "last_used_at", "expires_at")
    list_display_links = ("id", "name")
    list_filter = ("kind", "environment", "revoked_at")
    list_select_related = ("user",)
    fields = (
        "id",
        "name",
        "hint",
        "user",
        "kind",
        "environment",
        "status",
        "scopes",
        "organization",
        "allowed_networks",
        "family",
        "rotated_from",
        "created_at",
        "created_by",
        "expires_at",
        "expiry_notice",
        "last_used_at",
        "last_used_ip",
        "revoked_at",
        "revoked_by",
        "revoked_reason",
    )
    readonly_fields = fields
    actions = ("revoke_selected",)

    @admin.display(description=_("status"))
    def status(self, token: AccessToken) -> str:
        return str(AccessToken.Status(token.status).label)

    @admin.action(description=_("Revoke selected access tokens"), permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[AccessToken]) -> None:
        count = lifecycle.revoke(queryset, by=request.user)
        message = ngettext(
            "%(count)d access token was revoked.", "%(count)d access tokens were revoked.", count
        )
        self.message_user(request, message % {"count": count}, messages.SUCCESS)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("tokenauth.revoke_accesstoken")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        # A digest is not guessed at, letter by letter, through the address of the list.
        return lookup.split("__")[0] != "secret" and super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Deleting a user takes the tokens along and asks here too; on the pages of tokens
        # themselves, revoking takes the place of deleting.
        match = request.resolver_match
        of_tokens = match is not None and (match.url_name or "").startswith("tokenauth_accesstoken_")
        return not of_tokens and admin.ModelAdmin.has_delete_permission(self, request, obj)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import router, transaction
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from tokenauth.admin import rotation
from tokenauth.admin.family import FamilyChangeList, family_context
from tokenauth.admin.read_only import ReadOnlyAdmin
from tokenauth.core import lifecycle
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse


@admin.register(AccessToken)
class AccessTokenAdmin(ReadOnlyAdmin):
    """Tokens to look at, to rotate and to revoke. The digest is not shown."""

    # The warning where a narrow screen shows it.
    list_display = (
        "id",
        "name",
        "warning",
        "hint",
        "user",
        "status",
        "last_used_at",
        "expires_at",
        "kind",
    )
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
        "rotated_at",
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
    actions = ("rotate_selected", "revoke_selected", "revoke_families")

    class Media:
        css = {"all": ["tokenauth/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessToken]:
        tokens: QuerySet[AccessToken] = super().get_queryset(request)
        match = request.resolver_match
        if match is not None and match.url_name == "tokenauth_accesstoken_change":
            # The page of one names them all.
            return tokens.select_related("user", "created_by", "revoked_by", "rotated_from")
        return tokens

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[FamilyChangeList]:
        return FamilyChangeList

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if token := context["original"]:
            context |= family_context(request, self.admin_site, token)
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("status"))
    def status(self, token: AccessToken) -> str:
        return str(AccessToken.Status(token.status).label)

    @admin.display(description=_("warning"))
    def warning(self, token: AccessToken) -> str:
        if not token.has_late_family:  # type: ignore[attr-defined]
            return ""
        return format_html(
            '<span class="tokenauth-late"><img src="{}" alt="{}"> {}</span>',
            static("admin/img/icon-alert.svg"),
            _("Warning:"),
            _("used after its end") if token.is_late else _("family: one used after its end"),  # type: ignore[attr-defined]
        )

    @admin.action(description=_("Rotate selected access token"), permissions=["rotate"])
    def rotate_selected(self, request: HttpRequest, queryset: QuerySet[AccessToken]) -> HttpResponse | None:
        return rotation.rotate_selected(self, request, queryset)

    @admin.action(description=_("Revoke selected access tokens"), permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[AccessToken]) -> None:
        self._revoke(request, queryset)

    @admin.action(description=_("Revoke the families of the selected access tokens"), permissions=["revoke"])
    def revoke_families(self, request: HttpRequest, queryset: QuerySet[AccessToken]) -> None:
        # Asked for first: MySQL does not update a table that the same statement selects from.
        families = set(queryset.values_list("family", flat=True))
        self._revoke(request, AccessToken.objects.filter(family__in=families))

    def _revoke(self, request: HttpRequest, tokens: QuerySet[AccessToken]) -> None:
        by: Any = request.user
        using, began = router.db_for_write(AccessToken), timezone.now()
        keys = list(tokens.using(using).filter(revoked_at__isnull=True).values_list("pk", flat=True))
        with transaction.atomic(using=using):
            count = lifecycle.revoke(tokens, by=by)
            # Not what somebody else has revoked meanwhile.
            revoked = AccessToken.objects.using(using).filter(
                pk__in=keys, revoked_by=by, revoked_at__gte=began
            )
            LogEntry.objects.log_actions(by.pk, revoked, CHANGE, gettext("Revoked."))
        message = ngettext(
            "%(count)d access token was revoked.", "%(count)d access tokens were revoked.", count
        )
        self.message_user(request, message % {"count": count}, messages.SUCCESS)

    def has_rotate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("tokenauth.rotate_accesstoken")

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

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from tokenauth.admin import badges, creation, pasted, revocation, rotation, search
from tokenauth.admin.confirmation import SIGN_IN_AGAIN
from tokenauth.admin.editing import AccessTokenForm
from tokenauth.admin.family import FamilyChangeList, family_context, late_warning
from tokenauth.admin.filters import AttentionFilter, ChosenFilter, OrganizationFilter, StatusFilter
from tokenauth.admin.links import chosen_link
from tokenauth.admin.read_only import ReadOnlyAdmin
from tokenauth.admin.recent_attempts import attempts_context
from tokenauth.core import authority, digests, editing, reauthentication
from tokenauth.core.editing import EDITABLE
from tokenauth.core.status import Status
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern


@admin.register(AccessToken)
class AccessTokenAdmin(ReadOnlyAdmin):
    """Tokens to look at, to find, to make, to rotate and to revoke. The digest is not shown."""

    # Few columns, of two lines each: the list stands between two others, and on narrow screens.
    list_display = ("token", "state_and_expiry", "owner", "scope_list", "last_used")
    list_filter = (
        ("user", ChosenFilter),
        ("family", ChosenFilter),
        StatusFilter,
        AttentionFilter,
        "kind",
        "environment",
        OrganizationFilter,
    )
    list_select_related = ("user",)
    # Newest first, and by nothing else: what has no index, a million rows are not sorted by.
    ordering = ("-pk",)
    sortable_by = ()
    no_id = _("This is no access token’s id.")
    # What shows the search; see get_search_results().
    search_fields = ("name", "hint")
    fields = (
        "id",
        "name",
        "hint",
        "user",
        "kind",
        "environment",
        "state",
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
    form = AccessTokenForm
    actions = ("rotate_selected", "revoke_selected", "revoke_families")

    def get_urls(self) -> list[URLPattern]:
        find = sensitive_post_parameters()(self.admin_site.admin_view(self.find_view))
        return [path("find/", find, name="tokenauth_accesstoken_find"), *super().get_urls()]

    def find_view(self, request: HttpRequest) -> HttpResponse:
        return pasted.find(self, request)

    # The form of a rotation is sent to the list.
    @method_decorator(sensitive_post_parameters("password"))
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"find_form": pasted.FindForm(auto_id="find_%s"), **(extra_context or {})}
        return super().changelist_view(request, context)

    @method_decorator(sensitive_post_parameters("password"))
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return creation.add(self, request)

    def get_readonly_fields(self, request: HttpRequest, obj: AccessToken | None = None) -> list[str]:
        return [name for name in self.fields if name not in EDITABLE]

    @method_decorator(sensitive_post_parameters("password"))
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if SIGN_IN_AGAIN in request.POST and not reauthentication.is_recent(request):
            return reauthentication.sign_in_again(request, request.path)
        return super().change_view(request, object_id, form_url, extra_context)

    def get_form(
        self, request: HttpRequest, obj: AccessToken | None = None, change: bool = False, **kwargs: Any
    ) -> type[AccessTokenForm]:
        form: Any = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"request": request})

    def save_model(self, request: HttpRequest, obj: AccessToken, form: Any, change: Any) -> None:
        # What else has happened to the row meanwhile stays.
        editing.change(obj, form.changes, form.shown_values, by=request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessToken]:
        tokens: QuerySet[AccessToken] = super().get_queryset(request)
        match = request.resolver_match
        if match is not None and match.url_name == "tokenauth_accesstoken_change":
            # The page of one names them all.
            return tokens.select_related("user", "created_by", "revoked_by", "rotated_from")
        return tokens

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[FamilyChangeList]:
        return FamilyChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AccessToken], search_term: str
    ) -> tuple[QuerySet[AccessToken], bool]:
        return search.found(queryset, search_term), False

    def get_preserved_filters(self, request: HttpRequest) -> str:
        # A digest is not carried on to the pages that the list leads to.
        return (
            ""
            if digests.is_digest(request.GET.get("q", "").strip())
            else super().get_preserved_filters(request)
        )

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if token := context["original"]:
            context |= family_context(request, self.admin_site, token)
            context |= attempts_context(request, self.admin_site, token)
            works = token.status == Status.ACTIVE
            context |= {
                "may_rotate": works
                and self.has_rotate_permission(request)
                and _may_hold(request.user, token),
                "may_revoke": self.has_revoke_permission(request),
                "works": works,
                "action_checkbox_name": ACTION_CHECKBOX_NAME,
            }
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("status"))
    def state(self, token: AccessToken) -> str:
        return badges.status_badge(token)

    @admin.display(description=_("status and expiry"))
    def state_and_expiry(self, token: AccessToken) -> str:
        return badges.lines(badges.status_badge(token), badges.end(token), late_warning(token))

    @admin.display(description=_("name"))
    def token(self, token: AccessToken) -> str:
        return badges.lines(token.name, token.hint)

    @admin.display(description=_("owner"))
    def owner(self, token: AccessToken) -> str:
        kind = token.get_kind_display()
        if token.environment:
            kind = f"{kind}, {token.get_environment_display()}"
        return badges.lines(chosen_link("user", token.user), kind)

    @admin.display(description=_("scopes"))
    def scope_list(self, token: AccessToken) -> str:
        return badges.scopes_in_short(token.scopes)

    @admin.display(description=_("last used"))
    def last_used(self, token: AccessToken) -> str:
        return badges.how_far(token.last_used_at) if token.last_used_at else gettext("never")

    @admin.action(description=_("Rotate selected access token"), permissions=["rotate"])
    def rotate_selected(self, request: HttpRequest, queryset: QuerySet[AccessToken]) -> HttpResponse | None:
        return rotation.rotate_selected(self, request, queryset)

    @admin.action(description=_("Revoke selected access tokens"), permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[AccessToken]) -> HttpResponse | None:
        return revocation.revoke_selected(self, request, queryset)

    @admin.action(description=_("Revoke the families of the selected access tokens"), permissions=["revoke"])
    def revoke_families(self, request: HttpRequest, queryset: QuerySet[AccessToken]) -> HttpResponse | None:
        return revocation.revoke_families(self, request, queryset)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and (obj.status != Status.ACTIVE or not _may_change(request.user, obj)):
            return False
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def has_rotate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("tokenauth.rotate_accesstoken")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("tokenauth.revoke_accesstoken")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Deleting a user takes the tokens along and asks here too; on the pages of tokens
        # themselves, revoking takes the place of deleting.
        match = request.resolver_match
        of_tokens = match is not None and (match.url_name or "").startswith("tokenauth_accesstoken_")
        return not of_tokens and admin.ModelAdmin.has_delete_permission(self, request, obj)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        # A digest is not guessed at, letter by letter, through the address of the list.
        return lookup.split("__")[0] != "secret" and super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]


def _may_hold(user: Any, token: AccessToken) -> bool:
    """Whether ``user`` may be given what the token is rotated into."""
    try:
        authority.check_rotator(user, token)
    except ValidationError:
        return False
    return True


def _may_change(user: Any, token: AccessToken) -> bool:
    try:
        authority.check_changer(user, token)
    except ValidationError:
        return False
    return True

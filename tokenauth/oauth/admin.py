"""Applications with their policies, what users let them do, and the tokens that they have for themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import display_for_value
from django.contrib.auth import get_permission_codename
from django.db import router, transaction
from django.db.models import Q
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables
from oauth2_provider.models import get_access_token_model, get_application_model

from tokenauth.admin import badges
from tokenauth.admin.read_only import ReadOnlyAdmin
from tokenauth.oauth import authorizations, client_secrets
from tokenauth.oauth.client_authentication import is_public
from tokenauth.oauth.forms import ApplicationForm, PolicyForm, PolicyFormSet
from tokenauth.oauth.models import ApplicationPolicy, Authorization, Grant
from tokenauth.oauth.policies import policy_of

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

# On a new application, until its page was answered.
_SECRET = "_tokenauth_raw_secret"  # noqa: S105 - the name of an attribute

ENDED = "An operator ended it."


class PolicyInline(admin.StackedInline):
    """The one policy of an application."""

    model = ApplicationPolicy
    form = PolicyForm
    formset = PolicyFormSet
    min_num = max_num = 1
    can_delete = False
    fields = (
        "grants",
        "scopes",
        "first_party",
        "organization",
        "allowed_networks",
        "may_introspect",
        "is_disabled",
    )


class ApplicationAdmin(admin.ModelAdmin):
    """Applications. A secret is shown in the answer to the request that made it, and nowhere else."""

    form = ApplicationForm
    inlines = (PolicyInline,)
    list_display = ("named", "grants", "scopes", "organization", "state", "own_tokens")
    list_filter = ("client_type", "tokenauth_policy__first_party")
    list_select_related = ("tokenauth_policy",)
    search_fields = ("name", "client_id")
    fields = ("name", "client_id", "client_type", "redirect_uris")
    readonly_fields = ("client_id",)
    actions = ("make_secret",)
    view_on_site = False

    class Media:
        css = {"all": ["tokenauth/admin.css"]}

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # What a form could show before there is an application, is not the one that it will have.
        return [name for name in self.fields if obj is not None or name != "client_id"]

    @admin.display(description=_("name"), ordering="name")
    def named(self, application: Any) -> str:
        return badges.lines(application.name, application.client_id, application.get_client_type_display())

    @admin.display(description=_("grants"))
    def grants(self, application: Any) -> str:
        policy = policy_of(application)
        if policy is None:
            return "-"
        # In words, which may be parted where the column is narrow.
        labels: dict[str, Any] = dict(Grant.choices)
        return ", ".join(str(labels.get(grant, grant)) for grant in policy.grants)

    @admin.display(description=_("scopes"))
    def scopes(self, application: Any) -> str:
        policy = policy_of(application)
        return badges.scopes_in_short(policy.scopes) if policy else "-"

    @admin.display(description=_("organization"))
    def organization(self, application: Any) -> str:
        policy = policy_of(application)
        return policy.organization if policy else ""

    @admin.display(description=_("state"))
    def state(self, application: Any) -> str:
        policy = policy_of(application)
        if policy is None:
            return gettext("has no policy, and may do nothing")
        if policy.is_disabled:
            return badges.badge("revoked", gettext("disabled"))
        return badges.badge("active", gettext("active"))

    @admin.display(description=_("tokens of its own"))
    def own_tokens(self, application: Any) -> str:
        policy = policy_of(application)
        if policy is None or not policy.allows(Grant.CLIENT_CREDENTIALS):
            return "-"
        token = get_access_token_model()._meta
        url = reverse(f"{self.admin_site.name}:{token.app_label}_{token.model_name}_changelist")
        by = f"application__{self.opts.pk.name}__exact"
        return format_html('<a href="{}?{}={}">{}</a>', url, by, application.pk, gettext("show"))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            setattr(obj, _SECRET, client_secrets.give(obj))
        super().save_model(request, obj, form, change)

    @sensitive_variables()
    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        secret = obj.__dict__.pop(_SECRET, "")
        # Not by a message: that is put into a cookie.
        return self._shown(request, obj, secret) if secret else super().response_add(request, obj)

    @admin.action(description=_("Make a new secret for the selected application"), permissions=["change"])
    @sensitive_variables()
    def make_secret(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        applications = list(queryset[:2])
        if len(applications) != 1 or is_public(applications[0]):
            message = gettext("Select one application that is confidential. Nothing was changed.")
            self.message_user(request, message, messages.ERROR)
            return None
        (application,) = applications
        secret = client_secrets.give(application)
        with transaction.atomic(using=router.db_for_write(type(application))):
            application.save()
            # What was got by the old one goes with it; what people have let in is another matter.
            tokens = get_access_token_model().objects.filter(application=application)
            tokens.filter(user__isnull=True).delete()
            self.log_change(request, application, gettext("Made a new secret."))
        return self._shown(request, application, secret)

    @sensitive_variables()
    def _shown(self, request: HttpRequest, application: Any, secret: str) -> HttpResponse:
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("The secret of “%(name)s”") % {"name": application.name},
            "opts": self.opts,
            "original": application,
            "secret": secret,
        }
        response = render(request, "admin/tokenauth_oauth/application/secret.html", context)
        add_never_cache_headers(response)
        return response


class HiddenAdmin(admin.ModelAdmin):
    """Of django-oauth-toolkit's own tables: nothing is to be seen or done there."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_add_permission = has_module_permission
    has_change_permission = has_view_permission

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_elsewhere(self, request) and super().has_delete_permission(request, obj)


class ServiceTokenAdmin(ReadOnlyAdmin):
    """The live tokens that applications have for themselves, to look at and to revoke.

    No user let them in: there is no authorization that they belong to. Those of users are not to be seen.
    """

    list_display = ("application", "scope", "created", "expires")
    list_filter = ("application",)
    list_select_related = ("application",)
    ordering = ("-pk",)
    fields = readonly_fields = list_display
    actions = ("revoke_selected",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        tokens = super().get_queryset(request)
        return tokens.filter(user__isnull=True, expires__gt=timezone.now())

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        title = gettext("Tokens that applications have for themselves")
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    @admin.action(description=_("Revoke selected tokens"), permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction.atomic(using=router.db_for_write(self.model)):
            # Some may have expired since, or been revoked: what is said and done is of the same ones.
            of_applications = dict(queryset.values_list("pk", "application"))
            self.model._default_manager.filter(pk__in=of_applications).delete()
            applications = get_application_model().objects.filter(pk__in=of_applications.values())
            for application in applications:
                self.log_change(request, application, gettext("Revoked tokens of its own."))
        count = len(of_applications)
        message = ngettext("%(count)d token was revoked.", "%(count)d tokens were revoked.", count)
        self.message_user(request, message % {"count": count}, messages.SUCCESS)

    def has_module_permission(self, request: HttpRequest) -> bool:
        # The list of applications leads there. In the index it would be a second "Access tokens".
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_elsewhere(self, request) and admin.ModelAdmin.has_delete_permission(self, request, obj)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        codename = get_permission_codename("delete", self.opts)
        return request.user.has_perm(f"{self.opts.app_label}.{codename}")


class _LiveFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("live", _("live")), ("ended", _("ended"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        is_live = authorizations.is_live()
        return queryset.filter({"live": is_live, "ended": ~is_live}.get(self.value() or "", Q()))


@admin.register(Authorization)
class AuthorizationAdmin(ReadOnlyAdmin):
    """What users let applications do, to look at and to end."""

    list_display = ("application", "of_user", "scopes_in_short", "since", "last_refreshed", "state")
    list_filter = (_LiveFilter, "application")
    list_select_related = ("application", "user")
    fields = (
        *("application", "user", "scope_names", "organization", "created_at", "refreshed_at"),
        *("until", "ended_at", "ended_reason"),
    )
    readonly_fields = fields
    actions = ("end_selected",)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = {
            "may_end": self.has_end_permission(request),
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, context)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup == "user__pk" or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    @admin.display(description=_("scopes"))
    def scope_names(self, authorization: Authorization) -> str:
        return ", ".join(authorization.scopes)

    @admin.display(description=_("until"))
    def until(self, authorization: Authorization) -> str:
        # As the fields beside it.
        return str(display_for_value(authorization.ends_at, "-"))

    @admin.display(description=_("scopes"))
    def scopes_in_short(self, authorization: Authorization) -> str:
        return badges.scopes_in_short(authorization.scopes)

    @admin.display(description=_("since"), ordering="created_at")
    def since(self, authorization: Authorization) -> str:
        return badges.how_far(authorization.created_at)

    @admin.display(description=_("last refreshed"), ordering="refreshed_at")
    def last_refreshed(self, authorization: Authorization) -> str:
        return badges.how_far(authorization.refreshed_at) if authorization.refreshed_at else gettext("never")

    @admin.display(description=_("state"), ordering="ended_at")
    def state(self, authorization: Authorization) -> str:
        over_since = authorization.over_since
        if over_since is None:
            return badges.badge("active", gettext("live"))
        return badges.lines(badges.badge("revoked", gettext("ended")), badges.how_far(over_since))

    @admin.display(description=_("user"), ordering="user")
    def of_user(self, authorization: Authorization) -> str:
        url = reverse(f"{self.admin_site.name}:tokenauth_oauth_authorization_changelist")
        return format_html('<a href="{}?user__pk={}">{}</a>', url, authorization.user_id, authorization.user)

    @admin.action(description=_("End selected authorizations"), permissions=["end"])
    def end_selected(self, request: HttpRequest, queryset: QuerySet[Authorization]) -> None:
        by: Any = request.user
        keys = list(queryset.filter(ended_at__isnull=True).values_list("pk", flat=True))
        rows = Authorization.objects.filter(pk__in=keys)
        count = authorizations.end(rows, ENDED)
        LogEntry.objects.log_actions(by.pk, rows, CHANGE, gettext("Ended."))
        message = ngettext(
            "%(count)d authorization has ended.", "%(count)d authorizations have ended.", count
        )
        self.message_user(request, message % {"count": count}, messages.SUCCESS)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_elsewhere(self, request) and admin.ModelAdmin.has_delete_permission(self, request, obj)

    def has_end_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("tokenauth_oauth.end_authorization")


def _is_elsewhere(model_admin: Any, request: HttpRequest) -> bool:
    """Whether this is no page of the rows themselves: a user or an application takes its rows along."""
    match, opts = request.resolver_match, model_admin.opts
    own = f"{opts.app_label}_{opts.model_name}_"
    return match is not None and not (match.url_name or "").startswith(own)

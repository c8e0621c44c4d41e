"""Activations to look at, to make, to commit, to block, to unblock and to remove."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.decorators import method_decorator
from django.utils.translation import gettext, npgettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from tokenauth.admin import badges
from tokenauth.admin.filters import ChoiceFilter, ChosenFilter
from tokenauth.admin.links import chosen_link, login_log_url
from tokenauth.admin.read_only import ReadOnlyAdmin
from tokenauth.admin.recent_attempts import attempts_of
from tokenauth.core import authority
from tokenauth.devices import applications, statuses
from tokenauth.devices.admin import changes, creation
from tokenauth.devices.fingerprints import fingerprint_of
from tokenauth.devices.models import Activation, DeviceToken
from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

# By the colours that there are.
_LOOKS = {
    "created": "unused",
    "pending_commit": "expired",
    "active": "active",
    "blocked": "revoked",
    "removed": "unused",
    statuses.EXPIRED: "unused",
}
# What may be done to an activation, by its status.
_ACTS = {
    "commit": {"pending_commit"},
    "block": {"active"},
    "unblock": {"blocked"},
    "remove": set(statuses.NAMES) - {"removed"},
}
# As much of an id as the list shows, and as the login log has in a hint.
_START = re.compile(r"[0-9a-fA-F]{8}")
_HINT = re.compile(r"^(?:(?:activation|token) )?(?P<start>[0-9a-fA-F]{8})…?$")
# How many tokens its page shows.
TOKENS_SHOWN = 50


class StatusFilter(ChoiceFilter):
    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        return list(statuses.LABELS.items())

    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(statuses.has_status(value))


class ApplicationFilter(admin.RelatedFieldListFilter):
    """The applications, of which some may have one name."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        return [(application.pk, applications.label(application)) for application in applications.labelled()]


@admin.register(Activation)
class ActivationAdmin(ReadOnlyAdmin):
    """Devices. Nothing that is secret of them is shown, but the code in the answer that made it."""

    list_display = ("device", "state", "owner", "application", "last_used")
    list_filter = (("user", ChosenFilter), StatusFilter, ("application", ApplicationFilter))
    list_select_related = ("user", "application")
    sortable_by = ()
    # What shows the search; see get_search_results().
    search_fields = ("name",)
    fields = (
        *("id", "name", "user", "application", "version", "state_alone", "platform", "device_info"),
        *("fingerprint", "signatures", "failures", "created_at", "created_by", "expires_at"),
        *("commit_at_once", "committed_at", "blocked_at", "blocked_reason", "removed_at", "last_used_at"),
    )
    readonly_fields = fields
    no_id = _("This is no activation’s id.")
    actions = ("commit_selected", "block_selected", "unblock_selected", "remove_selected")

    @method_decorator(sensitive_post_parameters("password"))
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return creation.add(self, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Activation]:
        activations: QuerySet[Activation] = super().get_queryset(request)
        match = request.resolver_match
        if match is not None and match.url_name == "tokenauth_devices_activation_change":
            # The page of one names them all.
            return activations.select_related("user", "created_by", "application", "version__application")
        return activations

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Activation], search_term: str
    ) -> tuple[QuerySet[Activation], bool]:
        text = search_term.strip()
        try:
            return queryset.filter(pk=UUID(text)), False
        except ValueError:
            pass
        user_model = get_user_model()
        for word in _HINT.sub(r"\g<start>", text).split():
            # Not by a join, as in the list of tokens.
            users = user_model._base_manager.filter(**{f"{user_model.USERNAME_FIELD}__icontains": word})
            named = Q(name__icontains=word) | Q(platform__icontains=word) | Q(device_info__icontains=word)
            if _START.fullmatch(word):
                tokens = DeviceToken.objects.filter(pk__startswith=word.lower())
                named |= Q(pk__startswith=word.lower()) | Q(pk__in=tokens.values("activation"))
            queryset = queryset.filter(named | Q(user__in=users.values("pk")))
        return queryset, False

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if activation := context["original"]:
            tokens = activation.tokens.order_by("-created_at")
            context |= _attempts_context(request, self, activation)
            context |= {f"may_{act}": self._may(request, act, activation) for act in _ACTS}
            context |= {
                "tokens": tokens[:TOKENS_SHOWN],
                "more_tokens": max(0, tokens.count() - TOKENS_SHOWN),
                "action_checkbox_name": ACTION_CHECKBOX_NAME,
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def _may(self, request: HttpRequest, act: str, activation: Activation) -> bool:
        if statuses.status_of(activation) not in _ACTS[act] or not _has_permission(request, act):
            return False
        try:
            authority.check_device_changer(request.user, activation.user)
        except ValidationError:
            return False
        return True

    @admin.display(description=_("device"))
    def device(self, activation: Activation) -> str:
        name = activation.name or gettext("not activated yet")
        return badges.lines(name, activation.platform, str(activation.pk)[:8])

    @admin.display(description=_("status"))
    def state(self, activation: Activation) -> str:
        return badges.lines(self.state_alone(activation), self._since(activation), self._trouble(activation))

    @admin.display(description=_("status"))
    def state_alone(self, activation: Activation) -> str:
        status = statuses.status_of(activation)
        return badges.badge(_LOOKS[status], statuses.LABELS[status])

    @admin.display(description=_("user"))
    def owner(self, activation: Activation) -> str:
        return chosen_link("user", activation.user)

    @admin.display(description=_("last used"))
    def last_used(self, activation: Activation) -> str:
        return badges.how_far(activation.last_used_at) if activation.last_used_at else gettext("never")

    @admin.display(description=_("fingerprint"))
    def fingerprint(self, activation: Activation) -> str:
        return fingerprint_of(activation) or "-"

    @admin.display(description=_("signatures"))
    def signatures(self, activation: Activation) -> str:
        return str(activation.counter)

    @admin.display(description=_("failed attempts"))
    def failures(self, activation: Activation) -> str:
        values = {"count": activation.failed_attempts, "most": activation.max_failed_attempts}
        return gettext("%(count)d of %(most)d") % values

    def _since(self, activation: Activation) -> str:
        moments = {
            Activation.Status.CREATED: activation.expires_at,
            Activation.Status.PENDING_COMMIT: activation.expires_at,
            Activation.Status.ACTIVE: activation.committed_at,
            Activation.Status.BLOCKED: activation.blocked_at,
            Activation.Status.REMOVED: activation.removed_at,
        }
        moment = moments[Activation.Status(activation.status)]
        return "" if moment is None else badges.how_far(moment)

    def _trouble(self, activation: Activation) -> str:
        count = activation.failed_attempts
        if activation.status != Activation.Status.ACTIVE or not count:
            return ""
        return npgettext("of a device", "%(count)d failed attempt", "%(count)d failed attempts", count) % {
            "count": count
        }

    @admin.action(description=_("Commit selected devices"), permissions=["commit"])
    def commit_selected(self, request: HttpRequest, queryset: QuerySet[Activation]) -> None:
        changes.commit(self, request, queryset)

    @admin.action(description=_("Block selected devices"), permissions=["block"])
    def block_selected(self, request: HttpRequest, queryset: QuerySet[Activation]) -> HttpResponse | None:
        return changes.block(self, request, queryset)

    @admin.action(description=_("Unblock selected devices"), permissions=["block"])
    def unblock_selected(self, request: HttpRequest, queryset: QuerySet[Activation]) -> None:
        changes.unblock(self, request, queryset)

    @admin.action(description=_("Remove selected devices"), permissions=["remove"])
    def remove_selected(self, request: HttpRequest, queryset: QuerySet[Activation]) -> HttpResponse | None:
        return changes.remove(self, request, queryset)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def has_commit_permission(self, request: HttpRequest) -> bool:
        return _has_permission(request, "commit")

    def has_block_permission(self, request: HttpRequest) -> bool:
        return _has_permission(request, "block")

    def has_remove_permission(self, request: HttpRequest) -> bool:
        return _has_permission(request, "remove")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Deleting a user or an application takes them along and asks here too; on their own pages,
        # removing takes the place of deleting.
        match = request.resolver_match
        own = match is not None and (match.url_name or "").startswith("tokenauth_devices_activation_")
        return not own and admin.ModelAdmin.has_delete_permission(self, request, obj)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        # Nothing of what is kept of keys and codes is guessed at, letter by letter.
        is_told = lookup.split("__")[0] in ("user", "application", "status")
        return is_told and super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]


def _has_permission(request: HttpRequest, act: str) -> bool:
    # Who may block, may unblock.
    codename = "block" if act == "unblock" else act
    return request.user.has_perm(f"tokenauth_devices.{codename}_activation")


def _attempts_context(
    request: HttpRequest, model_admin: ActivationAdmin, activation: Activation
) -> dict[str, Any]:
    """What its page shows of the login log, to those who may see that: what it signed, and its tokens."""
    url = login_log_url(
        request,
        model_admin.admin_site,
        user__id__exact=activation.user_id,
        id_type__exact=TokenLogin.IdType.DEVICE,
    )
    if not url:
        return {}
    # Those that the page shows: a device may make any number.
    keys = activation.tokens.order_by("-created_at").values_list("pk", flat=True)[:TOKENS_SHOWN]
    hints = [f"activation {str(activation.pk)[:8]}…", *(f"token {str(key)[:8]}…" for key in keys)]
    logins = TokenLogin.objects.filter(
        user_id=activation.user_id, id_type=TokenLogin.IdType.DEVICE, hint__in=hints
    )
    return attempts_of(logins, url)

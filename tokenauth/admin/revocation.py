"""Revoking tokens, or whole families: what will stop working is said first, and it is done once confirmed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import router, transaction
from django.db.models import Count, F, Q
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from tokenauth.admin.confirmation import CONFIRMED, page
from tokenauth.conf import conf
from tokenauth.core import lifecycle
from tokenauth.core.status import Status, has_status
from tokenauth.core.token_arguments import valid_reason
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.contrib.admin import ModelAdmin
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

# How many tokens are named before they are revoked, those first that were used last.
NAMED = 100
# Used since then, it is probably in somebody's way when it stops working.
RECENT = timedelta(days=30)
# Of the form, where all that the filters find is selected: what they had found when it was shown.
SHOWN = "shown"
# As many keys as every database takes in one statement.
KEYS_AT_ONCE = 1_000


class RevocationForm(forms.Form):
    """What is asked before tokens are revoked."""

    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=255,
        help_text=_("Optional. It is kept with each token: “found in a public repository”, for example."),
        widget=forms.TextInput(attrs={"size": 60}),
    )

    def clean_reason(self) -> str:
        return valid_reason(self.cleaned_data["reason"])


@dataclass(frozen=True)
class Effect:
    """What revoking would do: to ``working`` tokens, of which ``recent`` were used lately; to those that
    ``lapsed``, which do not work as it is; and none to those that were ``revoked`` before.
    """

    working: int
    recent: int
    lapsed: int
    revoked: int


def revoke_selected(
    model_admin: ModelAdmin, request: HttpRequest, tokens: QuerySet[AccessToken]
) -> HttpResponse | None:
    texts = {"action": "revoke_selected", "title": gettext("Revoke access tokens")}
    keys = tokens.filter(revoked_at__isnull=True).order_by().values_list("pk", flat=True)
    return _revoke(model_admin, request, tokens, texts, _texts(keys) if _is_across(request) else set())


def revoke_families(
    model_admin: ModelAdmin, request: HttpRequest, tokens: QuerySet[AccessToken]
) -> HttpResponse | None:
    # Asked for first: MySQL does not update a table that the same statement selects from.
    families = set(tokens.order_by().values_list("family", flat=True)[: KEYS_AT_ONCE + 1])
    if len(families) > KEYS_AT_ONCE:
        message = gettext(
            "Select %(most)d access tokens at most to revoke their families. Nothing was changed."
        )
        model_admin.message_user(request, message % {"most": KEYS_AT_ONCE}, messages.ERROR)
        return None
    members = AccessToken.objects.filter(family__in=families)
    texts = {"action": "revoke_families", "title": gettext("Revoke families of access tokens")}
    return _revoke(model_admin, request, members, texts, _texts(families) if _is_across(request) else set())


def _revoke(
    model_admin: ModelAdmin,
    request: HttpRequest,
    tokens: QuerySet[AccessToken],
    texts: dict[str, str],
    found: set[str],
) -> HttpResponse | None:
    """``found``: what the filters find by now, where all of it is selected. What the page did not show is not
    revoked by its form.
    """
    effect = _effect(tokens)
    if not effect.working + effect.lapsed:
        message = gettext(
            "There is nothing to revoke: it was revoked before, or is not in this list any more."
        )
        model_admin.message_user(request, message, messages.WARNING)
        return None
    form = RevocationForm(request.POST if CONFIRMED in request.POST else None)
    has_grown = form.is_bound and not found <= set(request.POST.get(SHOWN, "").split(","))
    if form.is_valid() and not has_grown:
        count = _revoke_now(request.user, tokens, form.cleaned_data["reason"])
        message = ngettext(
            "%(count)d access token was revoked.", "%(count)d access tokens were revoked.", count
        )
        model_admin.message_user(request, message % {"count": count}, messages.SUCCESS)
        return None
    working = tokens.filter(has_status(Status.ACTIVE)).select_related("user")
    context = {
        **texts,
        "form": form,
        "effect": effect,
        "named": working.order_by(F("last_used_at").desc(nulls_last=True), "pk")[:NAMED],
        "unnamed": max(0, effect.working - NAMED),
        "recent_days": RECENT.days,
        "owners_are_told": conf.NOTIFY_OWNER,
        "keys": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "select_across": request.POST.get("select_across", ""),
        # The filters by which they were found, where all of them are selected.
        "url": request.get_full_path(),
        "shown_name": SHOWN,
        "shown": ",".join(sorted(found)),
        "has_grown": has_grown,
    }
    return page(model_admin, request, "revoke", context)


def _is_across(request: HttpRequest) -> bool:
    return request.POST.get("select_across", "0") != "0"


def _texts(keys: Iterable[Any]) -> set[str]:
    return {str(key) for key in keys}


def _effect(tokens: QuerySet[AccessToken]) -> Effect:
    now = timezone.now()
    works, standing = has_status(Status.ACTIVE, now), Q(revoked_at__isnull=True)
    # Each counted from the condition that lists have, so that nobody sees two truths.
    counts = tokens.order_by().aggregate(
        all=Count("pk"),
        standing=Count("pk", filter=standing),
        working=Count("pk", filter=works),
        recent=Count("pk", filter=works & Q(last_used_at__gte=now - RECENT)),
    )
    return Effect(
        working=counts["working"],
        recent=counts["recent"],
        lapsed=counts["standing"] - counts["working"],
        revoked=counts["all"] - counts["standing"],
    )


def _revoke_now(by: Any, tokens: QuerySet[AccessToken], reason: str) -> int:
    using, began = router.db_for_write(AccessToken), timezone.now()
    keys = list(tokens.using(using).filter(revoked_at__isnull=True).values_list("pk", flat=True))
    with transaction.atomic(using=using):
        count = lifecycle.revoke(tokens, reason=reason, by=by)
        for some in _at_once(keys):
            # Not what somebody else has revoked meanwhile.
            revoked = AccessToken.objects.using(using).filter(
                pk__in=some, revoked_by=by, revoked_at__gte=began
            )
            LogEntry.objects.log_actions(by.pk, revoked, CHANGE, gettext("Revoked."))
    return count


def _at_once(keys: Sequence[Any]) -> list[Sequence[Any]]:
    return [keys[start : start + KEYS_AT_ONCE] for start in range(0, len(keys), KEYS_AT_ONCE)]

"""What is done to activations that are selected: one after the other, each where its status allows it."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.db.models import Count, F
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from tokenauth.admin.confirmation import CONFIRMED, page
from tokenauth.core.token_arguments import valid_reason
from tokenauth.devices import lifecycle
from tokenauth.devices.admin.creation import TEMPLATES
from tokenauth.devices.exceptions import ActivationConflict
from tokenauth.devices.models import Activation

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.admin import ModelAdmin
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

# Each is locked, changed and entered into the log by itself.
AT_ONCE = 100


class ReasonForm(forms.Form):
    """What is asked before devices are blocked."""

    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=255,
        help_text=_("Optional. It is kept with each activation: “left on a train”, for example."),
        widget=forms.TextInput(attrs={"size": 60}),
    )

    def clean_reason(self) -> str:
        return valid_reason(self.cleaned_data["reason"])


def commit(model_admin: ModelAdmin, request: HttpRequest, activations: QuerySet[Activation]) -> None:
    if not _is_too_many(model_admin, request, activations):
        done = _each(model_admin, request, activations, lifecycle.commit, gettext("Committed."))
        text = ngettext("%(count)d device was committed.", "%(count)d devices were committed.", done)
        _tell(model_admin, request, done, text)


def unblock(model_admin: ModelAdmin, request: HttpRequest, activations: QuerySet[Activation]) -> None:
    if not _is_too_many(model_admin, request, activations):
        done = _each(model_admin, request, activations, lifecycle.unblock, gettext("Unblocked."))
        text = ngettext("%(count)d device was unblocked.", "%(count)d devices were unblocked.", done)
        _tell(model_admin, request, done, text)


def block(
    model_admin: ModelAdmin, request: HttpRequest, activations: QuerySet[Activation]
) -> HttpResponse | None:
    if _is_too_many(model_admin, request, activations):
        return None
    form = ReasonForm(request.POST if CONFIRMED in request.POST else None)
    if not form.is_valid():
        context = {"title": gettext("Block devices"), "action": "block_selected", "form": form}
        return _ask(model_admin, request, activations, "block", context)
    act = partial(lifecycle.block, reason=form.cleaned_data["reason"])
    done = _each(model_admin, request, activations, act, gettext("Blocked."))
    text = ngettext("%(count)d device was blocked.", "%(count)d devices were blocked.", done)
    _tell(model_admin, request, done, text)
    return None


def remove(
    model_admin: ModelAdmin, request: HttpRequest, activations: QuerySet[Activation]
) -> HttpResponse | None:
    if _is_too_many(model_admin, request, activations):
        return None
    if CONFIRMED not in request.POST:
        context = {"title": gettext("Remove devices"), "action": "remove_selected"}
        return _ask(model_admin, request, activations, "remove", context)
    done = _each(model_admin, request, activations, lifecycle.remove, gettext("Removed."))
    text = ngettext("%(count)d device was removed.", "%(count)d devices were removed.", done)
    _tell(model_admin, request, done, text)
    return None


def _is_too_many(model_admin: ModelAdmin, request: HttpRequest, activations: QuerySet[Activation]) -> bool:
    if len(activations.order_by().values_list("pk", flat=True)[: AT_ONCE + 1]) <= AT_ONCE:
        return False
    message = gettext("Select %(most)d devices at most. Nothing was changed.") % {"most": AT_ONCE}
    model_admin.message_user(request, message, messages.ERROR)
    return True


def _ask(
    model_admin: ModelAdmin,
    request: HttpRequest,
    activations: QuerySet[Activation],
    name: str,
    context: dict[str, Any],
) -> HttpResponse:
    """The page that says what would stop."""
    named = activations.select_related("user").annotate(token_count=Count("tokens"))
    newest = F("last_used_at").desc(nulls_last=True)
    context |= {
        "named": named.order_by(newest, "pk"),
        "keys": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "select_across": request.POST.get("select_across", ""),
        # The filters by which they were found, where all of them are selected.
        "url": request.get_full_path(),
    }
    return page(model_admin, request, name, context, of=TEMPLATES)


def _each(
    model_admin: ModelAdmin,
    request: HttpRequest,
    activations: QuerySet[Activation],
    act: Callable[..., Activation],
    entry: str,
) -> int:
    """Do ``act`` to each, and enter it into the log; how many. Why not, is told of the others."""
    done, refused = 0, Counter[str]()
    # In one order, whoever asks: of two that change the same rows, neither waits for the other.
    for activation in activations.order_by("pk"):
        try:
            with transaction.atomic(using=router.db_for_write(Activation)):
                changed = act(activation, by=request.user)
                model_admin.log_change(request, changed, entry)
        except ActivationConflict as conflict:
            refused[str(conflict)] += 1
        except ValidationError as error:
            refused[" ".join(error.messages)] += 1
        else:
            done += 1
    for reason, count in refused.items():
        left = ngettext(
            "%(count)d device was left as it is: %(reason)s",
            "%(count)d devices were left as they are: %(reason)s",
            count,
        )
        model_admin.message_user(request, left % {"count": count, "reason": reason}, messages.ERROR)
    return done


def _tell(model_admin: ModelAdmin, request: HttpRequest, done: int, text: str) -> None:
    if done:
        model_admin.message_user(request, text % {"count": done}, messages.SUCCESS)

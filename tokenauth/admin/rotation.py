from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from tokenauth.admin.confirmation import CONFIRMED, page
from tokenauth.conf import LONGEST_OVERLAP, conf
from tokenauth.core import durations, rotation
from tokenauth.core.credential import Kind
from tokenauth.core.owners import user_named
from tokenauth.core.token_arguments import valid_overlap
from tokenauth.exceptions import RotationConflict
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from datetime import timedelta

    from django.contrib.admin import ModelAdmin
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse


class RotationForm(forms.Form):
    """What is asked before a token is rotated."""

    required_css_class = "required"

    overlap = forms.CharField(label=_("Overlap"), max_length=20)
    owner = forms.CharField(
        label=_("New owner"),
        required=False,
        max_length=255,
        help_text=_(
            "A user name, where the key moves to another user or service. Empty: the owner stays. "
            "What the key may do is decided by its scopes and by its owner's permissions."
        ),
    )

    def __init__(self, token: AccessToken, actor: Any, data: Any = None) -> None:
        super().__init__(data, initial={"overlap": durations.spelled(conf.ROTATION_OVERLAP)})
        self.token, self.actor = token, actor
        self.fields["overlap"].help_text = gettext(
            "How long the old one works on beside the new one: 30m, 12h or 7d, for example, and "
            "%(longest)s at most. 0 ends it at once."
        ) % {"longest": durations.spelled(LONGEST_OVERLAP)}
        if token.kind != Kind.API_KEY:
            del self.fields["owner"]

    def clean_overlap(self) -> timedelta:
        return valid_overlap(durations.parse_overlap(self.cleaned_data["overlap"]))

    def clean_owner(self) -> Any:
        name = self.cleaned_data["owner"]
        if not name:
            return None
        try:
            owner = user_named(name)
            rotation.check_actor(self.actor, self.token, owner)
        except ValidationError as error:
            # Of this field, whatever the core calls it.
            raise ValidationError(error.messages) from error
        return owner

    def refuse(self, error: ValidationError) -> None:
        """Show what the core refuses, each at its field where there is one."""
        for name, errors in error.error_dict.items():
            self.add_error(name if name in self.fields else None, errors)


# Whatever is below here in the stack may hold the new text: a template's context, for example.
@sensitive_variables()
def rotate_selected(
    model_admin: ModelAdmin, request: HttpRequest, queryset: QuerySet[AccessToken]
) -> HttpResponse | None:
    """Ask, and rotate; the text of the new token is in the answer to the confirmation, and nowhere else."""
    tokens = list(queryset.select_related("user")[:2])
    if len(tokens) != 1:
        message = gettext("Select one access token: they are rotated one at a time. Nothing was changed.")
        model_admin.message_user(request, message, messages.ERROR)
        return None
    (token,) = tokens
    try:
        rotation.check_actor(request.user, token)
    except ValidationError as error:
        model_admin.message_user(request, " ".join(error.messages), messages.ERROR)
        return None
    form = RotationForm(token, request.user, request.POST if CONFIRMED in request.POST else None)
    successor = _rotate(model_admin, request, token, form) if form.is_valid() else None
    if successor is None:
        context = {"title": gettext("Rotate access token"), "original": token, "token": token, "form": form}
        return page(model_admin, request, "rotate", context)
    title = gettext("Access token rotated")
    context = {"title": title, "original": successor, "token": token, "successor": successor}
    return page(model_admin, request, "rotated", context)


def _rotate(
    model_admin: ModelAdmin, request: HttpRequest, token: AccessToken, form: RotationForm
) -> AccessToken | None:
    try:
        # With its entries: no successor is left behind whose text nobody was shown.
        with transaction.atomic(using=router.db_for_write(AccessToken)):
            successor = token.rotate(
                form.cleaned_data["overlap"], owner=form.cleaned_data.get("owner"), by=request.user
            )
            message = gettext("Rotated into the access token %(id)s.") % {"id": successor.pk}
            model_admin.log_change(request, token, message)
            message = gettext("Made by rotating the access token %(id)s.") % {"id": token.pk}
            model_admin.log_addition(request, successor, message)
    except RotationConflict as conflict:
        form.add_error(None, str(conflict))
    except ValidationError as error:
        form.refuse(error)
    else:
        return successor
    return None

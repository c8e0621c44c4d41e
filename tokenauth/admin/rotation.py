from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from tokenauth.admin.confirmation import CONFIRMED, SIGN_IN_AGAIN, page
from tokenauth.core import authority, reauthentication
from tokenauth.core.credential import Kind
from tokenauth.core.owners import user_named
from tokenauth.forms.rotation import RotationForm
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse


class KeyRotationForm(RotationForm):
    """The form of the admin, in which a key moves to another owner."""

    owner = forms.CharField(
        label=_("New owner"),
        required=False,
        max_length=255,
        help_text=_(
            "A user name, where the key moves to another user or service. Empty: the owner stays. "
            "What the key may do is decided by its scopes and by its owner's permissions."
        ),
    )

    def __init__(self, request: HttpRequest, token: AccessToken, data: Any = None) -> None:
        super().__init__(request, token, data)
        self.order_fields(["overlap", "owner"])
        if token.kind != Kind.API_KEY:
            del self.fields["owner"]

    def clean_owner(self) -> Any:
        name = self.cleaned_data["owner"]
        if not name:
            return None
        try:
            owner = user_named(name)
            authority.check_rotator(self.request.user, self.token, owner)
        except ValidationError as error:
            # Of this field, whatever the core calls it.
            raise ValidationError(error.messages) from error
        return owner


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
        authority.check_rotator(request.user, token)
    except ValidationError as error:
        model_admin.message_user(request, " ".join(error.messages), messages.ERROR)
        return None
    form = KeyRotationForm(request, token, request.POST if CONFIRMED in request.POST else None)
    if form.signs_in_again and SIGN_IN_AGAIN in request.POST:
        change = reverse("admin:tokenauth_accesstoken_change", args=[token.pk])
        return reauthentication.sign_in_again(request, change)
    successor = _rotate(model_admin, request, token, form) if form.is_valid() else None
    if successor is None:
        context = {"title": gettext("Rotate access token"), "original": token, "token": token, "form": form}
        return page(model_admin, request, "rotate", context)
    title = gettext("Access token rotated")
    context = {"title": title, "original": successor, "token": token, "successor": successor}
    return page(model_admin, request, "rotated", context)


def _rotate(
    model_admin: ModelAdmin, request: HttpRequest, token: AccessToken, form: KeyRotationForm
) -> AccessToken | None:
    # With its entries: no successor is left behind whose text nobody was shown.
    with transaction.atomic(using=router.db_for_write(AccessToken)):
        successor = form.rotate(form.cleaned_data.get("owner"))
        if successor is not None:
            message = gettext("Rotated into the access token %(id)s.") % {"id": successor.pk}
            model_admin.log_change(request, token, message)
            message = gettext("Made by rotating the access token %(id)s.") % {"id": token.pk}
            model_admin.log_addition(request, successor, message)
    return successor

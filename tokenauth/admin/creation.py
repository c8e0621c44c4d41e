"""The page by which a member of staff makes a token, and is shown its text, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import router, transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from tokenauth.admin.confirmation import SIGN_IN_AGAIN, page
from tokenauth.core import authority, reauthentication
from tokenauth.core.owners import user_named
from tokenauth.exceptions import AlreadyIssued
from tokenauth.forms.new_token import NewTokenForm
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite, ModelAdmin
    from django.http import HttpRequest, HttpResponse


# How many users are shown to be chosen from; whoever comes after them is typed.
SHOWN = 200


class OwnedTokenForm(NewTokenForm):
    """The form of a new token, in which its owner is named."""

    field_of = {**NewTokenForm.field_of, "user": "owner"}
    kept_names = ("owner", *NewTokenForm.kept_names)

    # Not Django's search for rows: what that shows is no field to a screen reader.
    owner = forms.CharField(
        label=_("Owner"),
        max_length=255,
        help_text=_(
            "A user name. Whom it acts for: it may do what its scopes and its owner's permissions allow."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "tokenauth-owners"}),
    )

    def __init__(self, site: AdminSite, request: HttpRequest, data: Any = None) -> None:
        super().__init__(request, data)
        self.shown_names = shown_names(site, request)
        self.order_fields(["owner", "name"])

    def clean_owner(self) -> Any:
        try:
            owner = user_named(self.cleaned_data["owner"])
            authority.check_maker(self.request.user, owner)
        except ValidationError as error:
            # Of this field, whatever the core calls it.
            raise ValidationError(error.messages) from error
        return owner


# Whatever is below here in the stack may hold the new text: a template's context, for example.
@sensitive_variables()
def add(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """Ask, and make; the text of the token is in the answer to the form, and nowhere else."""
    if not model_admin.has_add_permission(request):
        raise PermissionDenied
    form = OwnedTokenForm(model_admin.admin_site, request, request.POST if request.method == "POST" else None)
    if form.signs_in_again and SIGN_IN_AGAIN in request.POST:
        return reauthentication.sign_in_again(request, f"{request.path}?{urlencode(form.kept())}")
    try:
        token = _issue(model_admin, request, form) if form.is_valid() else None
    except AlreadyIssued as conflict:
        context = {"title": gettext("Made already"), "token": conflict.token, "conflict": conflict}
        response = page(model_admin, request, "issued", context)
        response.status_code = 409
        return response
    if token is None:
        return page(model_admin, request, "add", {"title": gettext("Add access token"), "form": form})
    context = {"title": gettext("Access token made"), "original": token, "token": token}
    return page(model_admin, request, "created", context)


def _issue(model_admin: ModelAdmin, request: HttpRequest, form: OwnedTokenForm) -> AccessToken | None:
    # With its entry: no token is left behind whose text nobody was shown.
    with transaction.atomic(using=router.db_for_write(AccessToken)):
        token = form.issue(form.cleaned_data["owner"])
        if token is not None:
            model_admin.log_addition(request, token, gettext("Made."))
    return token


def shown_names(site: AdminSite, request: HttpRequest) -> list[str]:
    """The names of the first users, for who may see users: to be chosen from while one is typed."""
    user_model = get_user_model()
    if not site.is_registered(user_model) or not site.get_model_admin(user_model).has_view_permission(
        request
    ):
        return []
    name = user_model.USERNAME_FIELD
    users = user_model._default_manager.filter(is_active=True).order_by(name)
    return list(users.values_list(name, flat=True)[:SHOWN])

"""The page by which a member of staff makes an activation, and is shown its code, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import router, transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from tokenauth.admin.confirmation import SIGN_IN_AGAIN, page
from tokenauth.admin.creation import shown_names
from tokenauth.core import authority, reauthentication
from tokenauth.core.owners import user_named
from tokenauth.devices import applications, lifecycle, pictures
from tokenauth.devices.models import Activation, DeviceApplication
from tokenauth.forms.reauthentication import ReauthenticationForm

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from tokenauth.devices.admin.activation import ActivationAdmin
    from tokenauth.devices.lifecycle import NewActivation

TEMPLATES = "tokenauth_devices/activation"


class ApplicationField(forms.ModelChoiceField):
    """One application, of which others may have the name."""

    def label_from_instance(self, obj: Any) -> str:
        return applications.label(obj)


class NewActivationForm(ReauthenticationForm):
    """Whose device it is, what is installed on it, and whether somebody looks at it once more."""

    kept_names = ("owner", "application", "commit_at_once")
    field_of = {"user": "owner"}

    owner = forms.CharField(
        label=_("User"),
        max_length=255,
        help_text=_("A user name. Whose device it is: what it does, it does as that user."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "tokenauth-owners"}),
    )
    application = ApplicationField(DeviceApplication.objects.none(), label=_("Application"))
    commit_at_once = forms.BooleanField(
        label=_("Commit at once"),
        required=False,
        help_text=_("Whoever has the code has the device: nobody commits it afterwards."),
    )

    def __init__(self, model_admin: ActivationAdmin, request: HttpRequest, data: Any = None) -> None:
        kept = {name: request.GET[name] for name in self.kept_names if name in request.GET}
        super().__init__(request, data, initial=kept)
        known: Any = self.fields["application"]
        known.queryset = applications.labelled()
        if known.queryset.count() == 1:
            known.initial = known.queryset.get()
        if not model_admin.has_commit_permission(request):
            # It is to commit, beforehand.
            del self.fields["commit_at_once"]
        self.shown_names = shown_names(model_admin.admin_site, request)
        self.order_fields(self.kept_names)

    def kept(self) -> dict[str, str]:
        """What was chosen, for the address to which somebody comes back who signs in again."""
        return {name: self.data[name] for name in self.kept_names if self.data.get(name)}

    def clean_owner(self) -> Any:
        try:
            owner = user_named(self.cleaned_data["owner"])
            authority.check_activator(self.request.user, owner)
        except ValidationError as error:
            # Of this field, whatever the core calls it.
            raise ValidationError(error.messages) from error
        return owner


# Whatever is below here in the stack may hold the code: a template's context, for example.
@sensitive_variables()
def add(model_admin: ActivationAdmin, request: HttpRequest) -> HttpResponse:
    """Ask, and make; the code is in the answer to the form, and nowhere else."""
    if not model_admin.has_add_permission(request):
        raise PermissionDenied
    data = request.POST if request.method == "POST" else None
    form = NewActivationForm(model_admin, request, data)
    if form.signs_in_again and SIGN_IN_AGAIN in request.POST:
        return reauthentication.sign_in_again(request, f"{request.path}?{urlencode(form.kept())}")
    made = _make(model_admin, request, form) if form.is_valid() else None
    if made is None:
        context = {"title": gettext("Activate a device"), "form": form}
        return page(model_admin, request, "add", context, of=TEMPLATES)
    context = {
        "title": gettext("Activation made"),
        "original": made.activation,
        "made": made,
        "picture": pictures.svg(made.qr_text),
    }
    return page(model_admin, request, "created", context, of=TEMPLATES)


@sensitive_variables()
def _make(
    model_admin: ActivationAdmin, request: HttpRequest, form: NewActivationForm
) -> NewActivation | None:
    values = form.cleaned_data
    # With its entry: no activation is left behind whose code nobody was shown.
    with transaction.atomic(using=router.db_for_write(Activation)):
        try:
            made = lifecycle.create(
                values["owner"],
                values["application"],
                by=request.user,
                commit_at_once=values.get("commit_at_once", False),
            )
        except ValidationError as error:
            form.refuse(error)
            return None
        model_admin.log_addition(request, made.activation, gettext("Made."))
    return made

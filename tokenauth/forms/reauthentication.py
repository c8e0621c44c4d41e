"""Asking for the password again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from tokenauth.core import reauthentication
from tokenauth.core.password_check import PASSWORD_LENGTH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest


class ReauthenticationForm(forms.Form):
    """A form of ``request.user`` that asks for the password where the sign-in is too old.

    In the form itself, so that nothing is lost that was typed before. Who has no password must sign in again
    (``signs_in_again``): the form is not valid then.
    """

    required_css_class = "required"
    # The fields that ask for an argument of the core by another name.
    field_of: ClassVar[Mapping[str, str]] = {}

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        max_length=PASSWORD_LENGTH,
        help_text=_("You signed in a while ago: show that it is still you."),
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, request: HttpRequest, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.request = request
        user: Any = request.user
        is_recent = reauthentication.is_recent(request)
        self.signs_in_again = not is_recent and not user.has_usable_password()
        if is_recent or self.signs_in_again:
            del self.fields["password"]

    @sensitive_variables()
    def clean_password(self) -> None:
        # Told to nobody, and not kept with what was cleaned.
        reauthentication.confirm(self.request, self.cleaned_data["password"])

    def full_clean(self) -> None:
        super().full_clean()
        is_given = self.is_bound and "password" in self.fields and "password" not in self.errors
        if is_given and reauthentication.is_recent(self.request):
            # Not asked for again where something else is wrong; but it is, where each time asks for it.
            del self.fields["password"]

    def clean(self) -> dict[str, Any] | None:
        if self.signs_in_again:
            raise ValidationError(_("You signed in a while ago. Sign in again; nothing was changed."))
        return super().clean()

    def refuse(self, error: ValidationError) -> None:
        """Show what the core refuses, each at its field where there is one."""
        for argument, errors in error.error_dict.items():
            name = self.field_of.get(argument, argument)
            self.add_error(name if name in self.fields else None, errors)
